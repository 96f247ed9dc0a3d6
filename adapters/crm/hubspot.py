"""HubSpot as the CRM: leads as contacts, written in batches; sellers' answers read back from tasks.

Written against HubSpot's CRM v3 API. Which contact a lead is, in this order: the contact we already know (its id), the
contact with the lead's address, else a contact addressed by the lead's opaque id.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import httpx

from adapters.crm.hubspot_properties import LEAD_ID, OUTCOME, REJECT_REASON, Properties, properties
from adapters.http import VendorClient
from domain.errors import OurFault, RecordsRefused
from domain.ports import CrmChange, SalesFeedback

VENDOR = "hubspot"
#: HubSpot takes at most this many records in one batch.
BATCH = 100
_CONTACTS = "/crm/v3/objects/contacts"
_TASKS = "/crm/v3/objects/tasks"
_REFUSED_WHOLE = frozenset({400, 404, 409, 422})


def hubspot_client(base_url: str, token: str, **options: Any) -> VendorClient:
    """The connection that ``HubSpotCrm`` and ``HubSpotTasks`` share."""
    return VendorClient(VENDOR, base_url, headers={"authorization": f"Bearer {token}"}, **options)


class HubSpotCrm:
    """``domain.ports.Crm``. One instance a process."""

    batch_size = BATCH

    def __init__(self, client: VendorClient) -> None:
        self._client = client
        self.properties = Properties(client)

    async def upsert(self, changes: Sequence[CrmChange]) -> dict[str, str]:
        """Create or update contacts; lead → contact id for those taken.

        A contact that was deleted or merged away at HubSpot is found again by address. Raises ``RecordsRefused`` when
        none was taken, any other ``VendorFault`` when HubSpot did not answer for each.
        """
        writing = Writing(self._client)
        await self.properties.ensure("contacts", {name for change in changes for name in _properties(change)})
        await writing.write("update", [change for change in changes if change.crm_id])
        gone = [change for change in changes if change.crm_id and change.lead not in writing.taken]
        unknown = [change for change in changes if not change.crm_id]
        for id_property in ("email", LEAD_ID):
            await writing.write("upsert", [c for c in unknown + gone if _key(c) == id_property], id_property)
        if writing.refused and not writing.taken:
            raise writing.refused
        return writing.taken

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
        await self.properties.ensure("tasks", (OUTCOME, REJECT_REASON))
        body = {
            "inputs": [{"id": task} for task in ids],
            "properties": ["hs_task_status", OUTCOME, REJECT_REASON],
            "propertiesWithHistory": [],
        }
        answer = await self._client.request("POST", f"{_TASKS}/batch/read", json=body, harmless_to_repeat=True)
        return list(answer.json()["results"])


class Outcome(NamedTuple):
    """What HubSpot did with a batch: lead → contact id for those it took."""

    taken: dict[str, str]
    errors: int


class Writing:
    """One ``upsert``: what was taken so far, and the last refusal."""

    def __init__(self, client: VendorClient) -> None:
        self._client = client
        self.taken: dict[str, str] = {}
        self.refused: RecordsRefused | None = None

    async def write(self, verb: str, changes: Sequence[CrmChange], id_property: str = "") -> None:
        """Write a batch. HubSpot refuses a whole batch for one bad record: halve it until the bad one stands alone."""
        if not changes:
            return
        try:
            outcome = await self._batch(verb, changes, id_property)
        except OurFault as error:
            if error.status not in _REFUSED_WHOLE:
                raise
            if len(changes) == 1:
                self.refused = RecordsRefused(str(error), vendor=VENDOR, status=error.status, code=error.code)
                return
            middle = len(changes) // 2
            await self.write(verb, changes[:middle], id_property)
            await self.write(verb, changes[middle:], id_property)
            return
        self.taken |= outcome.taken
        if outcome.errors:
            message = f"hubspot refused {outcome.errors} records of a batch"
            self.refused = RecordsRefused(message, vendor=VENDOR, status=207)

    async def _batch(self, verb: str, changes: Sequence[CrmChange], id_property: str) -> Outcome:
        inputs = [_input(change, id_property) for change in changes]
        path = f"{_CONTACTS}/batch/{verb}"
        answer = await self._client.request("POST", path, json={"inputs": inputs}, harmless_to_repeat=True)
        return _outcome(answer, changes)


def _input(change: CrmChange, id_property: str) -> dict[str, Any]:
    keys = {"email": change.email, LEAD_ID: change.lead, "": change.crm_id}
    entry: dict[str, Any] = {
        "id": keys[id_property],
        "properties": _properties(change),
        # HubSpot returns it beside each result and error, so that answers need not come in order.
        "objectWriteTraceId": change.lead,
    }
    return entry | ({"idProperty": id_property} if id_property else {})


def _properties(change: CrmChange) -> dict[str, str]:
    own = {"lead_id": change.lead} | ({"email": change.email} if change.email else {})
    return properties({**change.fields, **own})


def _key(change: CrmChange) -> str:
    return "email" if change.email else LEAD_ID


def _outcome(answer: httpx.Response, changes: Sequence[CrmChange]) -> Outcome:
    body = answer.json()
    wanted = {change.lead for change in changes}
    leads = ((_lead_of(result), str(result["id"])) for result in body["results"])
    return Outcome({lead: contact for lead, contact in leads if lead in wanted}, int(body.get("numErrors", 0)))


def _lead_of(result: dict[str, Any]) -> str:
    return str(result.get("objectWriteTraceId") or result["properties"].get(LEAD_ID) or "")


def _answered(task: dict[str, Any]) -> bool:
    return task.get("hs_task_status") == "COMPLETED" and bool(task.get(OUTCOME))


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
