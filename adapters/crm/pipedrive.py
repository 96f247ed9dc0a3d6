"""Pipedrive as the CRM: leads as persons, handoffs as activities and deals, and what sellers do read back.

Written against API version 2 (persons, deals, activities, organizations, pipelines, stages, fields: paths and bodies as
in Pipedrive's own client, ``pipedrive`` 33.7.0 on npm) and version 1 for what version 2 lacks: users, and webhooks.
There are no batch writes: a known lead costs one request, a new one three to five.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.budget import Budget
from adapters.crm.pipedrive_client import NAME, WINDOW, PipedriveClient
from adapters.crm.pipedrive_deals import DEALS, Deals
from adapters.crm.pipedrive_fields import Fields
from adapters.crm.pipedrive_persons import BATCH, PERSONS, Persons
from adapters.crm.pipedrive_reading import PipedriveReading
from adapters.crm.pipedrive_tasks import ACTIVITIES, PipedriveTasks
from adapters.crm.pipedrive_webhook import PipedriveWebhook
from adapters.crm.sellers import Sellers
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.crm_ports import CrmChange, OpportunityWanted
from domain.errors import VendorFault
from domain.ports import OutboundTouch, SalesFeedback


class PipedriveSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_PIPEDRIVE_")

    base_url: str = Field(min_length=1, description="The company's address, `https://COMPANY.pipedrive.com`.")
    api_token: SecretStr = Field(description="API token of a user who sees all persons and deals.")
    webhook_username: str = Field("tendril", description="User name that the webhook was made with.")
    webhook_password: SecretStr = Field(
        SecretStr(""), description="Its password: Pipedrive signs nothing. Empty: no webhook is taken."
    )
    create_fields: bool = Field(True, description="Make custom fields that the company lacks.")
    erase: Literal["delete", "clear"] = Field(
        "delete", description="Erasing a person empties and deletes the record, or empties it only."
    )
    requests: int = Field(20, ge=1, description="Requests within two seconds that the plan allows an API token.")
    tokens_kept: int = Field(
        0, ge=0, description="Tokens of the company's daily budget that are kept for its other integrations."
    )
    timeout: float = Field(10.0, gt=0, description="Seconds for each step of a request.")


class PipedriveCrm:
    """``domain.crm_ports.Crm``. One instance a process."""

    batch_size = BATCH

    def __init__(self, persons: Persons, tasks: PipedriveTasks, deals: Deals) -> None:
        self._persons = persons
        self._tasks = tasks
        self._deals = deals

    async def upsert(self, changes: Sequence[CrmChange]) -> dict[str, str]:
        return await self._persons.upsert(changes)

    async def erase(self, changes: Sequence[CrmChange]) -> frozenset[str]:
        return await self._persons.erase(changes)

    async def feedback(self, vendor_task_ids: dict[str, str]) -> list[SalesFeedback]:
        return await self._tasks.feedback(vendor_task_ids)

    async def open_opportunity(self, touch: OutboundTouch, wanted: OpportunityWanted) -> str:
        return await self._deals.open(touch, wanted)


class Pipedrive:
    """``domain.crm_ports.CrmConnection``: one company."""

    name = NAME

    def __init__(self, client: PipedriveClient, *, delete: bool = True, create_fields: bool = True) -> None:
        self._client = client
        fields = Fields(client, create=create_fields)
        persons = Persons(client, fields, delete=delete)
        self.reading = PipedriveReading(client, fields)
        sellers = Sellers(self.reading.owners)
        deals = Deals(client, fields, persons, sellers)
        self.tasks = PipedriveTasks(client, fields, persons, deals, sellers)
        self.crm = PipedriveCrm(persons, self.tasks, deals)

    async def close(self) -> None:
        await self._client.close()

    async def check(self) -> list[Finding]:
        """What the token may see, looked at by reading a little of each kind of record."""
        return [await self._finding(what, path) for what, path in _LOOKED_AT]

    async def _finding(self, what: str, path: str) -> Finding:
        try:
            await self._client.request("GET", path, params={"limit": 1}, harmless_to_repeat=True)
        except VendorFault as fault:
            remedy = "Take the token of a user with access to it (Personal preferences, API)."
            return Finding(f"{what}: {fault}", well=False, remedy=remedy)
        return Finding(what, well=True)


_LOOKED_AT = (
    ("The token is known", "/api/v1/users/me"),
    ("Persons can be read", PERSONS),
    ("Fields of persons can be read", "/api/v2/personFields"),
    ("Activities can be read", ACTIVITIES),
    ("Deals can be read", DEALS),
    ("Users can be read", "/api/v1/users"),
)


def connection(settings: PipedriveSettings) -> Pipedrive:
    """Pipedrive as set up. Contacts nobody."""
    client = PipedriveClient(
        settings.base_url,
        settings.api_token.get_secret_value(),
        kept=settings.tokens_kept,
        budget=Budget(NAME, settings.requests, WINDOW),
        timeout=settings.timeout,
    )
    return Pipedrive(client, delete=settings.erase == "delete", create_fields=settings.create_fields)


def inbound(settings: PipedriveSettings) -> PipedriveWebhook | None:
    password = settings.webhook_password.get_secret_value()
    return PipedriveWebhook(settings.webhook_username, password) if password else None


VENDOR = Vendor(
    name=NAME,
    title="Pipedrive",
    settings=PipedriveSettings,
    adapter=connection,
    check=Pipedrive.check,
    inbound=inbound,
    carries=(
        "Leads as persons, with what sales sees of each (C20)",
        "Handoffs as activities, and as deals where a playbook asks for them",
        "Read back: owners, corrections, sellers' answers, deals opened, won and lost",
    ),
)
