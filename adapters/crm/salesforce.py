"""Salesforce as the CRM: leads as contacts or Leads, handoffs as tasks and opportunities, what sellers do read back.

Written against the REST API, version 62.0 (Winter '25), as its Developer Guide describes it. Limits (Salesforce
Developer Limits and Allocations Quick Reference): collections of 200 records, a daily quota for the whole org, 25 long
requests at once. Salesforce has no webhooks: outbound messages are SOAP, and events want a subscription over gRPC. It
is polled.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.crm.salesforce_auth import Grant, SalesforceAuth, client_credentials, jwt_bearer, refresh_token
from adapters.crm.salesforce_client import NAME, SalesforceClient
from adapters.crm.salesforce_fields import WANTED, Fields
from adapters.crm.salesforce_finding import Finder
from adapters.crm.salesforce_people import BATCH, People
from adapters.crm.salesforce_reading import SalesforceReading
from adapters.crm.salesforce_soql import CONTACT, LEAD, OPPORTUNITY, TASK, USER, kind_of
from adapters.crm.salesforce_tasks import Opportunities, SalesforceTasks
from adapters.crm.sellers import Sellers
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.crm_ports import CrmChange, OpportunityWanted
from domain.errors import Refused, VendorFault
from domain.ports import OutboundTouch, SalesFeedback


class SalesforceSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_SALESFORCE_")

    base_url: str = Field(
        "https://login.salesforce.com",
        description="Where to log in: this, `https://test.salesforce.com`, or the org's My Domain address.",
    )
    client_id: str = Field(min_length=1, description="Consumer key of the external client app (or connected app).")
    client_secret: SecretStr = Field(
        SecretStr(""),
        description="Its consumer secret: alone for the client credentials flow, or beside a refresh token.",
    )
    username: str = Field("", description="User to act as, with a private key.")
    private_key: SecretStr = Field(
        SecretStr(""), description="RSA key as PEM whose certificate the app has: the JWT bearer flow."
    )
    audience: str = Field(
        "", description="Audience of the JWT; empty: the login address, as Salesforce wants it for most orgs."
    )
    refresh_token: SecretStr = Field(SecretStr(""), description="Refresh token, in the place of a private key.")
    api_version: str = Field("62.0", pattern=r"^\d{2,3}\.0$", description="Version of the REST API.")
    new_people: Literal["contact", "lead"] = Field(
        "contact", description="What somebody new becomes. With `lead`, both kinds of record are looked at."
    )
    erase: Literal["delete", "clear"] = Field(
        "delete", description="Erasing a person empties the record and deletes it, or empties it only."
    )
    quota_kept: float = Field(
        0.2, ge=0, lt=1, description="Share of the org's daily requests that is kept for its other integrations."
    )
    timeout: float = Field(20.0, gt=0, description="Seconds for each step of a request.")


class SalesforceCrm:
    """``domain.crm_ports.Crm``. One instance a process."""

    batch_size = BATCH

    def __init__(self, people: People, tasks: SalesforceTasks, opportunities: Opportunities) -> None:
        self._people = people
        self._tasks = tasks
        self._opportunities = opportunities

    async def upsert(self, changes: Sequence[CrmChange]) -> dict[str, str]:
        return await self._people.upsert(changes)

    async def erase(self, changes: Sequence[CrmChange]) -> frozenset[str]:
        return await self._people.erase(changes)

    async def feedback(self, vendor_task_ids: dict[str, str]) -> list[SalesFeedback]:
        return await self._tasks.feedback(vendor_task_ids)

    async def open_opportunity(self, touch: OutboundTouch, wanted: OpportunityWanted) -> str:
        return await self._opportunities.open(touch, wanted)


class Salesforce:
    """``domain.crm_ports.CrmConnection``: one org."""

    name = NAME

    def __init__(self, client: SalesforceClient, *, new: str = CONTACT, delete: bool = True) -> None:
        self._client = client
        self._kinds = (CONTACT,) if new == CONTACT else (CONTACT, LEAD)
        self._fields = Fields(client)
        people = People(client, self._fields, Finder(client, self._kinds), new=new, delete=delete)
        self.reading = SalesforceReading(client, self._fields, self._kinds)
        sellers = Sellers(self.reading.owners, lambda owner: kind_of(owner) == USER)
        self.tasks = SalesforceTasks(client, self._fields, people, sellers)
        self.crm = SalesforceCrm(people, self.tasks, Opportunities(client, self._fields, people, sellers))

    async def close(self) -> None:
        await self._client.close()

    async def check(self) -> list[Finding]:
        """What is left of the day, and whether the user sees and may write each field that Tendril needs."""
        kinds = (*self._kinds, TASK, OPPORTUNITY)
        return [await self._quota(), *[await self._described(kind) for kind in kinds]]

    async def _quota(self) -> Finding:
        try:
            daily = (await self._client.limits())["DailyApiRequests"]
        except VendorFault as fault:
            return Finding(
                f"The daily quota: {fault}", well=False, remedy="Check the credentials and the login address."
            )
        return Finding(f"{daily['Remaining']} of {daily['Max']} requests are left today", well=daily["Remaining"] > 0)

    async def _described(self, kind: str) -> Finding:
        try:
            fields = await self._fields.describe(kind)
        except VendorFault as fault:
            return Finding(f"{kind}: {fault}", well=False, remedy=f"Let the user read and edit {kind} records.")
        wanted = WANTED[kind]
        if missing := [f"{name} ({what})" for name, what in wanted.items() if name not in fields]:
            remedy = (
                f"Make them on {'Activity' if kind == TASK else kind}, and let the user see them: {', '.join(missing)}."
            )
            return Finding(f"{kind} lacks {len(missing)} custom fields, or the user may not see them", False, remedy)
        if locked := [name for name in wanted if not fields[name].writable]:
            return Finding(f"{kind}: {', '.join(locked)} may not be edited", False, "Let the user edit them.")
        return Finding(f"{kind} has the custom fields, and they may be edited", well=True)


def connection(settings: SalesforceSettings) -> Salesforce:
    """Salesforce as set up. Contacts nobody. Raises ``Refused`` when there is nothing to log in with."""
    auth = SalesforceAuth(settings.base_url, _grant(settings))
    client = SalesforceClient(
        settings.base_url, auth, version=settings.api_version, kept=settings.quota_kept, timeout=settings.timeout
    )
    new = LEAD if settings.new_people == "lead" else CONTACT
    return Salesforce(client, new=new, delete=settings.erase == "delete")


def _grant(settings: SalesforceSettings) -> Grant:
    secret, key = settings.client_secret.get_secret_value(), settings.private_key.get_secret_value()
    if key and settings.username:
        return jwt_bearer(settings.client_id, settings.username, key, settings.audience or settings.base_url)
    if token := settings.refresh_token.get_secret_value():
        return refresh_token(settings.client_id, secret, token)
    if secret:
        return client_credentials(settings.client_id, secret)
    raise Refused(
        "Salesforce is not set up: there is nothing to log in with.",
        "Set TENDRIL_SALESFORCE_PRIVATE_KEY and _USERNAME, _REFRESH_TOKEN, or _CLIENT_SECRET.",
    )


VENDOR = Vendor(
    name=NAME,
    title="Salesforce",
    settings=SalesforceSettings,
    adapter=connection,
    check=Salesforce.check,
    carries=(
        "Leads as contacts, or as Leads until sales converts them, with what sales sees of each (C20)",
        "Handoffs as tasks, and as opportunities where a playbook asks for them",
        "Read back by polling: owners, corrections, sellers' answers, opportunities opened, won and lost",
    ),
)
