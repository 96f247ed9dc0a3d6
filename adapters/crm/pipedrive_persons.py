"""Leads as Pipedrive persons: found, then written, one by one, for Pipedrive writes no batches.

Pipedrive takes two persons with the same address, and no request makes one only where there is none. So a lead is
looked for before it is made: by its id, a custom field, then by its address, both exactly (``/persons/search``). The
search is an index that may be behind, so those who changed in the last minutes are read from the list as well. And once
persons were made, the list is read again: where two processes made the same lead at once, the eldest stays.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from adapters.crm.pipedrive_client import NAME, PipedriveClient
from adapters.crm.pipedrive_fields import LEAD_ID, Fields, placed
from domain.crm_ports import CrmChange
from domain.errors import OurFault, RecordsRefused
from domain.ports import OutboundTouch

PERSONS = "/api/v2/persons"
#: Each is a request or two of its own: a fault half way through a batch means that so many are written again.
BATCH = 20
#: How far the search may be behind, and clocks apart.
_RECENT = timedelta(minutes=5)
_GONE = frozenset({404, 410})
_REFUSED = frozenset({400, 422})
_ERASED = "Erased"


class Who(NamedTuple):
    """A person, and the organization they belong to; 0 for none."""

    id: str
    organization: int = 0


class Persons:
    """Writing persons. ``delete`` says whether erasing removes them, or only empties them."""

    def __init__(self, client: PipedriveClient, fields: Fields, *, delete: bool = True) -> None:
        self._client = client
        self._fields = fields
        self._delete = delete
        self._meeting = asyncio.Lock()

    async def upsert(self, changes: Sequence[CrmChange], introduced: Mapping[str, Any] | None = None) -> dict[str, str]:
        """Create or update; lead → person id for those taken. ``introduced`` are fields of somebody new.

        Raises ``RecordsRefused`` when none was taken, any other ``VendorFault`` when it is not known of each.
        """
        key = (await self._fields.keys("person", [LEAD_ID]))[LEAD_ID]
        writing = _Writing(self._client, key, datetime.now(UTC) - _RECENT)
        for change in changes:
            body = await self._body(change, key)
            try:
                await writing.write(change, body, introduced or {})
            except OurFault as fault:
                if fault.status not in _REFUSED:
                    raise
                writing.refused = RecordsRefused(str(fault), vendor=NAME, status=fault.status, code=fault.code)
        await writing.settle()
        if writing.refused and not writing.taken:
            raise writing.refused
        return writing.taken

    async def erase(self, changes: Sequence[CrmChange]) -> frozenset[str]:
        """Empty the persons, then delete them: Pipedrive keeps what is deleted for thirty days."""
        key = (await self._fields.keys("person", [LEAD_ID]))[LEAD_ID]
        ours = await self._fields.ours("person")
        writing = _Writing(self._client, key, datetime.now(UTC) - _RECENT)
        for change in changes:
            if person := change.crm_id or await writing.find(change.lead, ""):
                keys = [*ours, *(change.names[field] for field in change.fields if field in change.names)]
                blank = {"name": _ERASED, "emails": [], "phones": [], "job_title": ""}
                if await writing.patch(person, blank | placed(dict.fromkeys(keys))) and self._delete:
                    await writing.remove(person)
        return frozenset(change.lead for change in changes)

    async def who(self, touch: OutboundTouch) -> Who:
        """The person of a touch's lead, made where there is none. Raises a ``VendorFault``."""
        if touch.crm_id and (there := await self._read(touch.crm_id)):
            return there
        change = CrmChange(lead=touch.lead, email=touch.email, fields={}, version=0)
        async with self._meeting:  # several touches of one lead at once make one person
            person = (await self.upsert([change], touch.fields))[touch.lead]
        return await self._read(person) or Who(person)

    async def find(self, touch: OutboundTouch) -> Who | None:
        """The same, where there is one."""
        if touch.crm_id and (there := await self._read(touch.crm_id)):
            return there
        key = (await self._fields.keys("person", [LEAD_ID]))[LEAD_ID]
        found = await _Writing(self._client, key, datetime.now(UTC) - _RECENT).find(touch.lead, touch.email)
        return await self._read(found) if found else None

    async def _read(self, identity: str) -> Who | None:
        rows = await self._client.by_ids(PERSONS, [identity], {})
        return Who(str(rows[0]["id"]), rows[0].get("org_id") or 0) if rows else None

    async def _body(self, change: CrmChange, lead_key: str) -> dict[str, Any]:
        keys = await self._fields.keys("person", change.fields, change.names)
        return placed(
            {keys[field]: value for field, value in change.fields.items() if field in keys} | {lead_key: change.lead}
        )


class _Writing:
    """One batch: who was taken, and what is known of those who changed lately."""

    def __init__(self, client: PipedriveClient, lead_key: str, since: datetime) -> None:
        self._client = client
        self._key = lead_key
        self._since = since
        self._recent: list[dict[str, Any]] | None = None
        self._made: list[str] = []
        self.taken: dict[str, str] = {}
        self.refused: RecordsRefused | None = None

    async def write(self, change: CrmChange, body: dict[str, Any], introduced: Mapping[str, Any]) -> None:
        person = await self._written(change.crm_id, change.email, body) if change.crm_id else ""
        if not person and (found := await self.find(change.lead, change.email)):
            person = await self._written(found, change.email, body)
        if not person:
            person = await self._create(change, body, introduced)
            self._made.append(change.lead)
        self.taken[change.lead] = person

    async def find(self, lead: str, email: str) -> str:
        """The person of a lead; "" when there is none."""
        recent = await self._lately()
        by_id = [str(one["id"]) for one in recent if one["custom_fields"].get(self._key) == lead]
        by_address = [str(one["id"]) for one in recent if email and _has(one, email)]
        return (
            next(iter(by_id), "")
            or await self._searched("custom_fields", lead)
            or next(iter(by_address), "")
            or (await self._searched("email", email) if email else "")
        )

    async def patch(self, person: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The person as it is now; None when there is none."""
        if not person.isdigit():
            return None
        try:
            data: dict[str, Any] = await self._client.data("PATCH", f"{PERSONS}/{person}", json=body)
        except OurFault as fault:
            if fault.status not in _GONE:
                raise
            return None
        return None if data.get("is_deleted") else data

    async def remove(self, person: str) -> None:
        try:
            await self._client.data("DELETE", f"{PERSONS}/{person}")
        except OurFault as fault:
            if fault.status not in _GONE:
                raise

    async def settle(self) -> None:
        """Of persons that two made at once the eldest stays."""
        if not self._made:
            return
        self._recent = None
        recent = await self._lately()
        for lead in self._made:
            same = sorted(int(one["id"]) for one in recent if one["custom_fields"].get(self._key) == lead)
            if same and str(same[0]) != self.taken[lead]:
                await self.remove(self.taken[lead])
                self.taken[lead] = str(same[0])

    async def _written(self, person: str, email: str, body: dict[str, Any]) -> str:
        """Its id; "" when it is gone. The lead's address becomes the first of those that it has."""
        data = await self.patch(person, body)
        if data is None:
            return ""
        if email and not _has(data, email):
            others = [one | {"primary": False} for one in data.get("emails") or []]
            await self.patch(person, {"emails": [_address(email), *others]})
        return str(data["id"])

    async def _create(self, change: CrmChange, body: dict[str, Any], introduced: Mapping[str, Any]) -> str:
        known = {**introduced, **change.fields}
        name = " ".join(str(known[part]) for part in ("first_name", "last_name") if known.get(part))
        given: dict[str, Any] = {"name": name or change.email.partition("@")[0] or change.lead}
        given |= {"emails": [_address(change.email)]} if change.email else {}
        # After a lost answer it is found again.
        data = await self._client.data("POST", PERSONS, json=given | body)
        return str(data["id"])

    async def _lately(self) -> list[dict[str, Any]]:
        if self._recent is None:
            since = self._since.strftime("%Y-%m-%dT%H:%M:%SZ")
            params = {"updated_since": since, "custom_fields": self._key, "sort_by": "id", "sort_direction": "asc"}
            self._recent = [one async for one in self._client.pages(PERSONS, params)]
        return self._recent

    async def _searched(self, where: str, term: str) -> str:
        await self._client.searches.turn()
        params = {"term": term, "fields": where, "exact_match": "true", "limit": 10}
        data = await self._client.data("GET", f"{PERSONS}/search", params=params)
        return str(min((item["item"]["id"] for item in data["items"]), default=""))


def _address(email: str) -> dict[str, Any]:
    return {"value": email, "primary": True, "label": "work"}


def _has(person: Mapping[str, Any], email: str) -> bool:
    return any(str(one.get("value", "")).casefold() == email.casefold() for one in person.get("emails") or [])
