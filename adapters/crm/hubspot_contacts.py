"""Leads as HubSpot contacts: written in batches, erased one by one.

Written against HubSpot's CRM v3 API. Which contact a lead is, in this order: the contact we already know (its id), the
contact with the lead's address, else the contact with the lead's opaque id, a property with unique values. So neither
a lost answer nor two processes at once make a second contact: HubSpot itself refuses it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import httpx

from adapters.crm.hubspot_properties import LEAD_ID, STANDARD, Properties, named, ours, property_value
from adapters.http import VendorClient
from domain.crm_ports import CrmChange
from domain.errors import OurFault, RecordsRefused
from domain.ports import OutboundTouch

#: HubSpot takes at most this many records in one batch.
BATCH = 100
CONTACTS = "/crm/v3/objects/contacts"
_REFUSED_WHOLE = frozenset({400, 404, 409, 422})
_GONE = 404
_MAY_NOT = frozenset({400, 403, 405})


class Contacts:
    """Writing contacts. ``delete`` says whether erasing may remove them for good, or only empties them."""

    def __init__(self, client: VendorClient, known: Properties, *, delete: bool = True) -> None:
        self._client = client
        self._properties = known
        self._delete = delete

    async def upsert(self, changes: Sequence[CrmChange]) -> dict[str, str]:
        """Create or update contacts; lead → contact id for those taken.

        A contact that was deleted or merged away at HubSpot is found again by address. Raises ``RecordsRefused`` when
        none was taken, any other ``VendorFault`` when HubSpot did not answer for each.
        """
        wanted = ours(LEAD_ID)
        for change in changes:
            wanted |= named(change.fields, change.names)
        await self._properties.ensure("contacts", wanted)
        writing = Writing(self._client)
        await writing.write("update", [change for change in changes if change.crm_id])
        for id_property in ("email", LEAD_ID):
            left = [change for change in changes if change.lead not in writing.taken]
            await writing.write("upsert", [c for c in left if c.email or id_property == LEAD_ID], id_property)
        if writing.refused and not writing.taken:
            raise writing.refused
        return writing.taken

    async def erase(self, changes: Sequence[CrmChange]) -> frozenset[str]:
        """Remove the contacts for good (HubSpot's GDPR delete), or empty them; the leads of whom nothing is left."""
        return frozenset([change.lead for change in changes if await self._erase(change)])

    async def of(self, touch: OutboundTouch) -> str:
        """The contact of a touch's lead, made where there is none."""
        change = CrmChange(lead=touch.lead, email=touch.email, crm_id=touch.crm_id, fields={}, version=0)
        return (await self.upsert([change])).get(touch.lead, "")

    async def find(self, lead: str) -> str:
        """The id of the contact that has the lead's id; "" when there is none."""
        await self._properties.ensure("contacts", ours(LEAD_ID))
        body = {"idProperty": LEAD_ID, "inputs": [{"id": lead}], "properties": [], "propertiesWithHistory": []}
        answer = await self._client.request("POST", f"{CONTACTS}/batch/read", json=body, harmless_to_repeat=True)
        found = answer.json()["results"]
        return str(found[0]["id"]) if found else ""

    async def _erase(self, change: CrmChange) -> bool:
        contact = change.crm_id or await self.find(change.lead)
        if not contact or (self._delete and await self._deleted(contact)):
            return True
        blank = dict.fromkeys([*named(change.fields, change.names), *STANDARD.values(), LEAD_ID], "")
        writing = Writing(self._client)
        await writing.send("update", [{"id": contact, "properties": blank}], [change])
        return True

    async def _deleted(self, contact: str) -> bool:
        """False when the account does not let us."""
        try:
            body = {"objectId": contact}
            await self._client.request("POST", f"{CONTACTS}/gdpr-delete", json=body, harmless_to_repeat=True)
        except OurFault as error:
            if error.status in _MAY_NOT:
                return False
            if error.status != _GONE:
                raise
        return True


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
            outcome = await self.send(verb, [_input(change, id_property) for change in changes], changes)
        except OurFault as error:
            if error.status not in _REFUSED_WHOLE:
                raise
            if len(changes) == 1:
                self.refused = RecordsRefused(str(error), vendor=error.vendor, status=error.status, code=error.code)
                return
            middle = len(changes) // 2
            await self.write(verb, changes[:middle], id_property)
            await self.write(verb, changes[middle:], id_property)
            return
        self.taken |= outcome.taken
        if outcome.errors:
            message = f"hubspot refused {outcome.errors} records of a batch"
            self.refused = RecordsRefused(message, vendor=self._client.vendor, status=207)

    async def send(self, verb: str, inputs: list[dict[str, Any]], changes: Sequence[CrmChange]) -> Outcome:
        path = f"{CONTACTS}/batch/{verb}"
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
    own = {LEAD_ID: change.lead} | ({"email": change.email} if change.email else {})
    wanted = named(change.fields, change.names)
    return {name: property_value(change.fields[field]) for name, field in wanted.items()} | own


def _outcome(answer: httpx.Response, changes: Sequence[CrmChange]) -> Outcome:
    body = answer.json()
    wanted = {change.lead for change in changes}
    leads = ((_lead_of(result), str(result["id"])) for result in body["results"])
    return Outcome({lead: contact for lead, contact in leads if lead in wanted}, int(body.get("numErrors", 0)))


def _lead_of(result: dict[str, Any]) -> str:
    return str(result.get("objectWriteTraceId") or result["properties"].get(LEAD_ID) or "")
