"""HubSpot as the CRM: leads as contacts, handoffs as tasks and deals, and what sellers do read back.

Written against HubSpot's CRM v3 API. Limits as HubSpot documents them (https://developers.hubspot.com/changelog/
increasing-our-api-limits): 190 requests in 10 seconds for a private app of a professional account, batches of 100, and
five searches a second.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.budget import Budget
from adapters.crm.hubspot_associations import Associations
from adapters.crm.hubspot_contacts import BATCH, CONTACTS, Contacts
from adapters.crm.hubspot_deals import Deals
from adapters.crm.hubspot_properties import OUTCOME, REJECT_REASON, Properties, ours
from adapters.crm.hubspot_reading import HubSpotReading
from adapters.crm.hubspot_tasks import TASKS, HubSpotTasks
from adapters.crm.hubspot_webhook import HubSpotWebhook
from adapters.crm.sellers import Sellers
from adapters.http import VendorClient
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.crm_ports import CrmChange, OpportunityWanted
from domain.errors import VendorFault
from domain.ports import OutboundTouch, SalesFeedback

NAME = "hubspot"
#: A little longer than HubSpot's window: requests don't take the same time to get there.
_WINDOW = 10.1


class HubSpotSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_HUBSPOT_")

    base_url: str = Field(
        "http://127.0.0.1:8025/hubspot", description="HubSpot's API (https://api.hubapi.com), or its stand-in."
    )
    token: SecretStr = Field(SecretStr("sandbox"), description="Access token of a private app.")
    client_secret: SecretStr = Field(
        SecretStr(""), description="The app's client secret: it signs HubSpot's webhooks. Empty: none are taken."
    )
    erase: Literal["delete", "clear"] = Field(
        "delete", description="Erasing a person deletes the contact for good (HubSpot's GDPR delete), or empties it."
    )
    create_properties: bool = Field(True, description="Make custom properties that the account lacks.")
    requests: int = Field(190, ge=1, description="Requests within 10 seconds that the account's plan allows.")


def hubspot_client(base_url: str, token: str, **options: Any) -> VendorClient:
    """The connection that everything of HubSpot's shares."""
    return VendorClient(NAME, base_url, headers={"authorization": f"Bearer {token}"}, **options)


class HubSpotCrm:
    """``domain.crm_ports.Crm``. One instance a process."""

    batch_size = BATCH

    def __init__(self, client: VendorClient, properties: Properties, contacts: Contacts, deals: Deals) -> None:
        self._client = client
        self._properties = properties
        self._contacts = contacts
        self._deals = deals

    async def upsert(self, changes: Sequence[CrmChange]) -> dict[str, str]:
        return await self._contacts.upsert(changes)

    async def erase(self, changes: Sequence[CrmChange]) -> frozenset[str]:
        return await self._contacts.erase(changes)

    async def open_opportunity(self, touch: OutboundTouch, wanted: OpportunityWanted) -> str:
        return await self._deals.open(touch, wanted)

    async def feedback(self, vendor_task_ids: dict[str, str]) -> list[SalesFeedback]:
        """Answers of sellers: a completed task with an outcome. A task completed without one is not an answer."""
        handoffs = {task: handoff for handoff, task in vendor_task_ids.items()}
        tasks = [task for chunk in _chunks(list(handoffs)) for task in await self._tasks(chunk)]
        return [
            SalesFeedback(
                handoff=handoffs[task["id"]],
                outcome=task["properties"][OUTCOME],
                reason=task["properties"].get(REJECT_REASON) or "",
            )
            for task in tasks
            if task["id"] in handoffs and _answered(task["properties"])
        ]

    async def _tasks(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        await self._properties.ensure("tasks", ours(OUTCOME, REJECT_REASON))
        body = {
            "inputs": [{"id": task} for task in ids],
            "properties": ["hs_task_status", OUTCOME, REJECT_REASON],
            "propertiesWithHistory": [],
        }
        answer = await self._client.request("POST", f"{TASKS}/batch/read", json=body, harmless_to_repeat=True)
        return list(answer.json()["results"])


class HubSpot:
    """``domain.crm_ports.CrmConnection``: one account."""

    name = NAME

    def __init__(self, client: VendorClient, *, delete: bool = True, create_properties: bool = True) -> None:
        self._client = client
        self._searches = Budget(NAME, 5, 1.0)
        self._properties = Properties(client, create=create_properties)
        contacts = Contacts(client, self._properties, delete=delete)
        self.reading = HubSpotReading(client, self._properties, self._searches)
        sellers = Sellers(self.reading.owners)
        associations = Associations(client, contacts.of)
        deals = Deals(client, self._properties, associations, sellers)
        self.crm = HubSpotCrm(client, self._properties, contacts, deals)
        self.tasks = HubSpotTasks(client, self._properties, associations, sellers)

    async def close(self) -> None:
        self._searches.close()
        await self._client.close()

    async def check(self) -> list[Finding]:
        """What the token may do, looked at by reading a little of each kind of record."""
        return [await self._finding(what, path, scope) for what, path, scope in _LOOKED_AT]

    async def _finding(self, what: str, path: str, scope: str) -> Finding:
        try:
            await self._client.request("GET", path, params={"limit": 1}, harmless_to_repeat=True)
        except VendorFault as fault:
            return Finding(f"{what}: {fault}", well=False, remedy=f"Give the private app the scope {scope}.")
        return Finding(what, well=True)


_LOOKED_AT = (
    ("Contacts can be read", CONTACTS, "crm.objects.contacts.read"),
    ("Properties of contacts can be read", "/crm/v3/properties/contacts", "crm.schemas.contacts.read"),
    ("Tasks can be read", TASKS, "crm.objects.contacts.read"),
    ("Deals can be read", "/crm/v3/objects/deals", "crm.objects.deals.read"),
    ("Owners can be read", "/crm/v3/owners", "crm.objects.owners.read"),
)


def connection(settings: HubSpotSettings) -> HubSpot:
    """HubSpot as set up. Contacts nobody."""
    budget = Budget(NAME, settings.requests, _WINDOW)
    client = hubspot_client(settings.base_url, settings.token.get_secret_value(), budget=budget)
    return HubSpot(client, delete=settings.erase == "delete", create_properties=settings.create_properties)


def inbound(settings: HubSpotSettings) -> HubSpotWebhook | None:
    secret = settings.client_secret.get_secret_value()
    return HubSpotWebhook(secret) if secret else None


VENDOR = Vendor(
    name=NAME,
    title="HubSpot",
    settings=HubSpotSettings,
    adapter=connection,
    check=HubSpot.check,
    inbound=inbound,
    carries=(
        "Leads as contacts, with what sales sees of each (C20)",
        "Handoffs as tasks, and as deals where a playbook asks for them",
        "Read back: owners, corrections, sellers' answers, deals opened, won and lost",
    ),
)


def _answered(task: dict[str, Any]) -> bool:
    return task.get("hs_task_status") == "COMPLETED" and bool(task.get(OUTCOME))


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
