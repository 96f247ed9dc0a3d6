"""Leads as Salesforce contacts (or Leads): written two hundred at a time, erased for good.

Read in the REST API Developer Guide, "Using sObject Collections": update, upsert and delete take at most 200 records
and answer for each in order; with ``allOrNone`` false one that is refused does not hold up the others. A new record is
made by upserting on the lead's id, an external id with unique values: neither a lost answer nor two processes at once
make a second one. Who may be there under another name is looked for first (``salesforce_finding``).

A duplicate rule of the org's may refuse a new record (``DUPLICATES_DETECTED``): the record that it names is then ours.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapters.crm.salesforce_client import BUSY, NAME, SalesforceClient
from adapters.crm.salesforce_fields import LEAD_ID, STANDARD, Field, Fields, named, written
from adapters.crm.salesforce_finding import Finder, Who
from adapters.crm.salesforce_soql import CONTACT, LEAD, kind_of
from domain.crm_ports import CrmChange
from domain.errors import RecordsRefused, TransientFault
from domain.ports import OutboundTouch

BATCH = 200
COLLECTIONS = "/composite/sobjects"
#: What is said of a record that is no longer there, or no longer a Lead: it is looked for anew.
_GONE = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND", "CANNOT_UPDATE_CONVERTED_LEAD"})
_ERASED = "Erased"


class People:
    """Writing contacts. ``new`` is the kind of record that somebody new becomes; ``delete`` whether erasing removes."""

    def __init__(
        self, client: SalesforceClient, fields: Fields, finder: Finder, *, new: str = CONTACT, delete: bool = True
    ) -> None:
        self._client = client
        self._fields = fields
        self._finder = finder
        self._new = new
        self._delete = delete

    async def upsert(self, changes: Sequence[CrmChange], introduced: Mapping[str, Any] | None = None) -> dict[str, str]:
        """Create or update; lead → record id for those taken. ``introduced`` are fields of somebody new.

        Raises ``RecordsRefused`` when none was taken, any other ``VendorFault`` when it is not known of each.
        """
        writing = Writing(self._client, self._fields)
        await writing.update({c.lead: c.crm_id for c in changes if kind_of(c.crm_id) in STANDARD}, changes)
        if left := writing.left(changes):
            found = await self._finder.find(left)
            await writing.update(found, left)
            await writing.create(self._new, [c for c in left if c.lead not in found], introduced or {})
        if writing.matched:  # by a duplicate rule
            await writing.update(dict(writing.matched), changes)
        return writing.outcome()

    async def erase(self, changes: Sequence[CrmChange]) -> frozenset[str]:
        """Empty the records, then delete them where we may: what lies in the recycle bin holds nothing either."""
        known = {c.lead: c.crm_id for c in changes if kind_of(c.crm_id) in STANDARD}
        known |= await self._finder.find([c.model_copy(update={"email": ""}) for c in changes if c.lead not in known])
        writing = Writing(self._client, self._fields)
        for change in changes:
            if change.lead in known:
                await writing.blank(change, known[change.lead])
        writing.outcome()
        if self._delete and known:
            params = {"ids": ",".join(known.values()), "allOrNone": "false"}
            await self._client.request("DELETE", COLLECTIONS, params=params, harmless_to_repeat=True)
        return frozenset(change.lead for change in changes if change.lead not in writing.refused)

    async def who(self, touch: OutboundTouch) -> Who:
        """The record of a touch's lead, made where there is none. Raises a ``VendorFault``."""
        if touch.crm_id and (there := await self._finder.who(touch.crm_id)):
            return there
        change = CrmChange(lead=touch.lead, email=touch.email, fields={}, version=0)
        taken = await self.upsert([change], touch.fields)
        return await self._finder.who(taken[touch.lead]) or Who(taken[touch.lead])


class Writing:
    """One ``upsert``: what was taken so far, what was refused and why, what was too busy."""

    def __init__(self, client: SalesforceClient, fields: Fields) -> None:
        self._client = client
        self._fields = fields
        self.taken: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.matched: dict[str, str] = {}
        self._gone: set[str] = set()
        self._busy: dict[str, str] = {}

    def left(self, changes: Iterable[CrmChange]) -> list[CrmChange]:
        """Those of whom nothing is known yet: without a record, or with one that is gone."""
        return [c for c in changes if not any(c.lead in said for said in (self.taken, self.refused, self._busy))]

    async def update(self, known: Mapping[str, str], changes: Sequence[CrmChange]) -> None:
        """Change the records of these ids (lead → id)."""
        ours = sorted((c for c in changes if c.lead in known), key=lambda c: kind_of(known[c.lead]))
        records = [await self._record(kind_of(known[c.lead]), c) | {"id": known[c.lead]} for c in ours]
        await self._send("PATCH", COLLECTIONS, ours, records)

    async def create(self, kind: str, changes: Sequence[CrmChange], introduced: Mapping[str, Any]) -> None:
        records = [_introduced(kind, change, introduced) | await self._record(kind, change) for change in changes]
        await self._send("PATCH", f"{COLLECTIONS}/{kind}/{LEAD_ID}", changes, records)

    async def blank(self, change: CrmChange, identity: str) -> None:
        kind = kind_of(identity)
        described = await self._fields.ensure(kind, [LEAD_ID])
        names = {LEAD_ID, *STANDARD[kind].values(), *named(kind, change.fields, change.names)}
        blank: dict[str, Any] = {name: None for name in names if _may(described, name)}
        required = {"LastName": _ERASED} | ({"Company": _ERASED} if kind == LEAD else {})
        record = {"attributes": {"type": kind}, "id": identity} | blank | required
        await self._send("PATCH", COLLECTIONS, [change], [record])

    def outcome(self) -> dict[str, str]:
        """Raises ``TransientFault`` when some were too busy, ``RecordsRefused`` when none was taken."""
        if self._busy:
            code = next(iter(self._busy.values()))
            raise TransientFault(f"{NAME} was too busy for {len(self._busy)} records ({code})", vendor=NAME, code=code)
        if self.refused and not self.taken:
            code = next(iter(self.refused.values()))
            raise RecordsRefused(f"{NAME} refused {len(self.refused)} records ({code})", vendor=NAME, code=code)
        return self.taken

    async def _record(self, kind: str, change: CrmChange) -> dict[str, Any]:
        wanted = named(kind, change.fields, change.names)
        described = await self._fields.ensure(kind, [LEAD_ID, *wanted])
        values = {
            name: written(change.fields[field], described[name])
            for name, field in wanted.items()
            if _may(described, name)
        }
        own = {LEAD_ID: change.lead} | ({"Email": change.email} if change.email else {})
        return {"attributes": {"type": kind}} | values | own

    async def _send(self, method: str, path: str, changes: Sequence[CrmChange], records: list[dict[str, Any]]) -> None:
        for start in range(0, len(records), BATCH):
            body = {"allOrNone": False, "records": records[start : start + BATCH]}
            answer = await self._client.request(method, path, json=body, harmless_to_repeat=True)
            for change, result in zip(changes[start : start + BATCH], answer.json(), strict=True):
                self._note(change.lead, result)

    def _note(self, lead: str, result: dict[str, Any]) -> None:
        code, matched = error_of(result)
        if not code:
            self.taken[lead] = str(result["id"])
            self.refused.pop(lead, None)
        elif code in BUSY:
            self._busy[lead] = code
        elif code in _GONE and lead not in self._gone:
            self._gone.add(lead)
        else:
            self.refused[lead] = code
            if matched and lead not in self.matched:
                self.matched[lead] = matched


def error_of(result: dict[str, Any]) -> tuple[str, str]:
    """Of one record's result: the code of its error, "" when there is none, and the record that it would double."""
    if result.get("success"):
        return "", ""
    error = (result.get("errors") or [{}])[0]
    found = error.get("duplicateResult", {}).get("matchResults", [])
    ids = [record["record"]["Id"] for match in found for record in match.get("matchRecords", [])]
    return str(error.get("statusCode") or "UNKNOWN"), next((one for one in ids if kind_of(one) in STANDARD), "")


def _may(described: Mapping[str, Field], name: str) -> bool:
    return name in described and described[name].writable


def _introduced(kind: str, change: CrmChange, given: Mapping[str, Any]) -> dict[str, Any]:
    """What Salesforce demands of somebody new: a last name, and of a Lead a company."""
    known = {**given, **change.fields}
    local, _, domain = change.email.partition("@")
    values = {
        "FirstName": str(known.get("first_name") or "")[:40],
        "LastName": str(known.get("last_name") or local or change.lead)[:80],
        "Company": str(known.get("company") or domain or "unknown")[:255] if kind == LEAD else "",
    }
    return {name: value for name, value in values.items() if value}
