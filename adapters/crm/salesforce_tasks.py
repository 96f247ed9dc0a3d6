"""SDR tasks and opportunities in Salesforce, each made once.

The touch key is an external id of both: they are upserted on it, so that what is sent twice is there once. Where the
org's field on tasks is no external id, the task is looked for before it is made. SOQL shows what was written at once.

An opportunity gets the lead's contact as its primary contact role in the same breath (``ContactId``, which is taken
only when an opportunity is made; Object Reference, "Opportunity"). A Lead can't have one: sales converts it first.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.crm import briefs
from adapters.crm.salesforce_client import BUSY, NAME, SalesforceClient
from adapters.crm.salesforce_fields import FIRST_STAGE, OUTCOME, REJECT_REASON, TOUCH_KEY, Fields
from adapters.crm.salesforce_finding import Who
from adapters.crm.salesforce_people import COLLECTIONS, People, error_of
from adapters.crm.salesforce_soql import CONTACT, OPPORTUNITY, TASK, among, fitting, kind_of, quoted, select
from adapters.crm.sellers import Sellers
from domain.crm_ports import OpportunityWanted
from domain.errors import OurFault, TransientFault
from domain.ports import OutboundTouch, Receipt, SalesFeedback

_SUBJECT, _NAME, _DESCRIPTION = 255, 120, 32_000
#: An opportunity must have a date on which it is thought to close; sellers put it right.
_CLOSES = timedelta(days=90)
_STAGES = select(("ApiName",), "OpportunityStage", "IsActive = true AND IsClosed = false", "SortOrder")


class SalesforceTasks:
    """``domain.ports.TouchChannel``."""

    def __init__(self, client: SalesforceClient, fields: Fields, people: People, sellers: Sellers) -> None:
        self._client = client
        self._fields = fields
        self._people = people
        self._sellers = sellers

    async def send(self, touch: OutboundTouch) -> Receipt:
        """Create the task, for the lead's owner. Raises a ``VendorFault``. A key that Salesforce has counts as sent."""
        described = await self._fields.ensure(TASK, [TOUCH_KEY, OUTCOME, REJECT_REASON])
        if there := await self.lookup(touch):
            return there
        owner = await self._sellers.id_of(touch.owner)
        record = _task(touch, await self._people.who(touch), owner)
        upserts = described[TOUCH_KEY].external
        method, path = ("PATCH", f"{COLLECTIONS}/{TASK}/{TOUCH_KEY}") if upserts else ("POST", COLLECTIONS)
        return Receipt(vendor=NAME, vendor_id=await made(self._client, method, path, record))

    async def lookup(self, touch: OutboundTouch) -> Receipt | None:
        """The task with this key; None when Salesforce has none. Raises a ``VendorFault``."""
        await self._fields.ensure(TASK, [TOUCH_KEY])
        rows = await self._client.query(select(("Id",), TASK, f"{TOUCH_KEY} = {quoted(touch.key)}"), deleted=True)
        return Receipt(vendor=NAME, vendor_id=rows[0]["Id"]) if rows else None

    async def feedback(self, handoffs: dict[str, str]) -> list[SalesFeedback]:
        """Answers of sellers: a closed task with an outcome. ``handoffs``: handoff → task id."""
        of = {task: handoff for handoff, task in handoffs.items() if kind_of(task) == TASK}
        if not of:
            return []
        await self._fields.ensure(TASK, [OUTCOME, REJECT_REASON])
        rows: list[dict[str, Any]] = []
        for part in fitting([(task,) for task in of]):
            where = f"Id IN {among(task for (task,) in part)} AND IsClosed = true AND {OUTCOME} != null"
            rows += await self._client.query(select(("Id", OUTCOME, REJECT_REASON), TASK, where))
        return [
            SalesFeedback(handoff=of[row["Id"]], outcome=row[OUTCOME], reason=row[REJECT_REASON] or "") for row in rows
        ]


class Opportunities:
    """Making opportunities."""

    def __init__(self, client: SalesforceClient, fields: Fields, people: People, sellers: Sellers) -> None:
        self._client = client
        self._fields = fields
        self._people = people
        self._sellers = sellers
        self._first_stage = ""

    async def open(self, touch: OutboundTouch, wanted: OpportunityWanted) -> str:
        """The opportunity of this handoff: the one that is there, else a new one; "" where the lead is a Lead still."""
        await self._fields.ensure(OPPORTUNITY, [TOUCH_KEY, FIRST_STAGE])
        if there := await self._there(touch.key):
            return there
        who = await self._people.who(touch)
        if kind_of(who.id) != CONTACT:
            return ""
        stage = wanted.stage or await self._stage()
        owner = await self._sellers.id_of(touch.owner)
        record = _opportunity(touch, wanted, stage) | {"ContactId": who.id}
        record |= {"AccountId": who.account} if who.account else {}
        record |= {"OwnerId": owner} if owner else {}
        path = f"{COLLECTIONS}/{OPPORTUNITY}/{TOUCH_KEY}"
        try:
            return await made(self._client, "PATCH", path, record, harmless_to_repeat=True)
        except OurFault:
            if there := await self._there(touch.key):  # another attempt was first: ContactId is for new ones only
                return there
            raise

    async def _there(self, key: str) -> str:
        rows = await self._client.query(select(("Id",), OPPORTUNITY, f"{TOUCH_KEY} = {quoted(key)}"))
        return str(rows[0]["Id"]) if rows else ""

    async def _stage(self) -> str:
        if not self._first_stage:
            rows = await self._client.query(_STAGES)
            if not rows:
                raise OurFault(f"{NAME} has no open stage of opportunities", vendor=NAME, code="stage")
            self._first_stage = str(rows[0]["ApiName"])
        return self._first_stage


async def made(
    client: SalesforceClient, method: str, path: str, record: dict[str, Any], *, harmless_to_repeat: bool = False
) -> str:
    """The id of one record, written. Raises a ``VendorFault``."""
    body = {"allOrNone": False, "records": [record]}
    answer = await client.request(method, path, json=body, harmless_to_repeat=harmless_to_repeat)
    result = answer.json()[0]
    code, _ = error_of(result)
    if not code:
        return str(result["id"])
    kind = record["attributes"]["type"]
    raise (TransientFault if code in BUSY else OurFault)(f"{NAME} refused a {kind} ({code})", vendor=NAME, code=code)


def _task(touch: OutboundTouch, who: Who, owner: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    record = {
        "attributes": {"type": TASK},
        TOUCH_KEY: touch.key,
        "Subject": briefs.subject(touch)[:_SUBJECT],
        "Description": briefs.text(touch, assigned=bool(owner))[:_DESCRIPTION],
        "Status": "Not Started",
        "Priority": "High" if touch.brief else "Normal",
        "ActivityDate": briefs.due(touch, now)[:10],
        "WhoId": who.id,
    }
    # A task of a Lead can't hang on anything else. An owner whom Salesforce does not know stands in the description.
    record |= {"WhatId": who.account} if who.account else {}
    return record | ({"OwnerId": owner} if owner else {})


def _opportunity(touch: OutboundTouch, wanted: OpportunityWanted, stage: str) -> dict[str, Any]:
    record = {
        "attributes": {"type": OPPORTUNITY},
        TOUCH_KEY: touch.key,
        FIRST_STAGE: stage,
        "Name": wanted.title[:_NAME],
        "StageName": stage,
        "CloseDate": (datetime.now(UTC) + _CLOSES).date().isoformat(),
    }
    return record | ({"RecordTypeId": wanted.pipeline} if wanted.pipeline else {})
