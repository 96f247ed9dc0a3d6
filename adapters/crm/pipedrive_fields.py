"""Pipedrive fields: what each of ours is called there (C20), made where they lack.

A custom field has a name for people and a key of 40 characters that differs in each company: ours are found by their
names, "Tendril: …", and made once. Two processes may make the same one at once, for Pipedrive takes a name twice: of
several the first in its list is ours, for everybody. A playbook may name other fields by their keys (``crm.fields``).
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from adapters.crm.pipedrive_client import NAME, PAGE, PipedriveClient
from domain.crm import FIELDS
from domain.errors import OurFault
from domain.words import RejectReason

LEAD_ID, TOUCH_KEY, FIRST_STAGE = "lead_id", "touch_key", "first_stage"
OUTCOME, REJECT_REASON = "outcome", "reject_reason"
#: Fields of a person that Pipedrive has itself: they stand beside ``custom_fields``.
STANDARD = frozenset({"first_name", "last_name", "phone", "job_title", "company"})
_OWN_NAMES = frozenset({"name", "phone", "email", "job_title", "first_name", "last_name", "notes"})
_PREFIX = "Tendril: "
_LONG = frozenset({"why_in_nurture", "what_moves_it_forward"})
_OPTIONS: Mapping[str, tuple[str, ...]] = {OUTCOME: ("accepted", "rejected"), REJECT_REASON: tuple(RejectReason)}


def label(field: str) -> str:
    return _PREFIX + FIELDS.get(field, field.replace("_", " ")).lower()


def option(text: str) -> str:
    """What a seller has chosen, in our words: the label of an option."""
    return text.strip().casefold().replace(" ", "_")


class Fields:
    """Field → its key, asked for once a process. ``create`` False leaves making them to a person."""

    def __init__(self, client: PipedriveClient, *, create: bool = True) -> None:
        self._client = client
        self._may_create = create
        self._keys: dict[str, dict[str, str]] = {}
        self._lock = asyncio.Lock()

    async def keys(self, kind: str, fields: Iterable[str], names: Mapping[str, str] | None = None) -> dict[str, str]:
        """Our field → its key, for ``person`` or ``deal``. ``names`` are keys that the playbook says.

        Raises a ``VendorFault``: ``OurFault`` with code ``fields`` when some lack and may not be made.
        """
        said = names or {}
        wanted = {field: label(field) for field in fields if field not in said and field not in STANDARD}
        async with self._lock:
            if not set(wanted.values()) <= self._keys.get(kind, {}).keys():
                self._keys[kind] = await self.existing(kind)
            if missing := [field for field, name in wanted.items() if name not in self._keys[kind]]:
                await self._create(kind, missing)
                self._keys[kind] = await self.existing(kind)
        known = self._keys.get(kind, {})
        return {field: known[name] for field, name in wanted.items()} | {f: said[f] for f in fields if f in said}

    async def ours(self, kind: str) -> list[str]:
        """The keys of all fields that we have made, by their names."""
        return [key for name, key in (await self.existing(kind)).items() if name.startswith(_PREFIX)]

    async def existing(self, kind: str) -> dict[str, str]:
        """Name → key; of several of one name the first."""
        found: dict[str, str] = {}
        async for field in self._client.pages(f"/api/v2/{kind}Fields", {"limit": PAGE}):
            found.setdefault(str(field["field_name"]), str(field["field_code"]))
        return found

    async def _create(self, kind: str, fields: Iterable[str]) -> None:
        names = ", ".join(label(field) for field in fields)
        lacking = OurFault(f"{NAME}: a {kind} lacks the fields {names}; make them by hand", vendor=NAME, code="fields")
        if not self._may_create:
            raise lacking
        for field in fields:
            try:
                await self._client.data("POST", f"/api/v2/{kind}Fields", json=_definition(field))
            except OurFault as fault:
                if fault.status != 403:  # noqa: PLR2004 - HTTP's number
                    raise
                raise lacking from None


def _definition(field: str) -> dict[str, Any]:
    if field in _OPTIONS:
        options = [{"label": choice.replace("_", " ")} for choice in _OPTIONS[field]]
        return {"field_name": label(field), "field_type": "enum", "options": options}
    return {"field_name": label(field), "field_type": "text" if field in _LONG else "varchar"}


def placed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Key → value, as a person's body has them: what Pipedrive has itself beside what is custom. None clears."""
    custom = {key: _written(value) for key, value in values.items() if key not in _OWN_NAMES}
    body: dict[str, Any] = {"custom_fields": custom} if custom else {}
    for key in values.keys() & _OWN_NAMES:
        text = _written(values[key])
        if key in ("phone", "email"):
            body[f"{key}s"] = [{"value": text, "primary": True, "label": "work"}] if text else []
        else:
            body[key] = text
    return body


def _written(value: Any) -> str | None:
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value)) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None or value == "" else str(value)
