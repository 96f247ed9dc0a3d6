"""HubSpot properties: which lead field goes where (C20), and making sure that ours exist.

Fields that HubSpot has itself keep HubSpot's names; everything else becomes a custom property ``tendril_<field>`` in
the group "Tendril". A field this table does not know becomes a text property, so a playbook can add fields.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from adapters.http import VendorClient
from domain.errors import OurFault
from domain.words import RejectReason

PREFIX = "tendril_"
LEAD_ID = f"{PREFIX}lead_id"
TOUCH_KEY = f"{PREFIX}touch_key"
OUTCOME = f"{PREFIX}outcome"
REJECT_REASON = f"{PREFIX}reject_reason"
_GROUP = "tendril"
_EXISTS = 409


class Kind(NamedTuple):
    """HubSpot's ``type`` and ``fieldType``."""

    type: str
    field: str


_TEXT, _LONG_TEXT, _CHOICE = Kind("string", "text"), Kind("string", "textarea"), Kind("enumeration", "select")

#: Lead fields that HubSpot has a standard property for.
_STANDARD = {
    "email": "email",
    "first_name": "firstname",
    "last_name": "lastname",
    "company": "company",
    "job_title": "jobtitle",
    "phone": "phone",
    "website": "website",
    "country": "country",
}

#: Fields of ours that are not short text.
_KINDS: Mapping[str, Kind] = {
    f"{PREFIX}why_in_nurture": _LONG_TEXT,
    f"{PREFIX}what_moves_it_forward": _LONG_TEXT,
    OUTCOME: _CHOICE,
    REJECT_REASON: _CHOICE,
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    OUTCOME: ("accepted", "rejected"),
    REJECT_REASON: tuple(RejectReason),
}
#: Properties by which HubSpot can address a record: it refuses a second record with the same value.
_UNIQUE = frozenset({TOUCH_KEY, LEAD_ID})


def property_name(field: str) -> str:
    return _STANDARD.get(field, f"{PREFIX}{field}")


def property_value(value: Any) -> str:
    """A value as HubSpot takes it: text, with "" to clear."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "; ".join(property_value(item) for item in value)
    return str(value)


def properties(fields: Mapping[str, Any]) -> dict[str, str]:
    return {property_name(field): property_value(value) for field, value in fields.items()}


class Properties:
    """Creates our custom properties in the account, once a process and only what is missing."""

    def __init__(self, client: VendorClient) -> None:
        self._client = client
        self._known: dict[str, frozenset[str]] = {}
        self._lock = asyncio.Lock()

    async def ensure(self, record_type: str, names: Iterable[str]) -> None:
        """Make sure that ``contacts`` or ``tasks`` have these properties. Raises a ``VendorFault``."""
        ours = frozenset(name for name in names if name.startswith(PREFIX))
        async with self._lock:
            if ours <= self._known.get(record_type, frozenset()):
                return
            existing = await self._existing(record_type)
            if missing := ours - existing:
                await self._create(record_type, missing)
            self._known[record_type] = existing | ours

    async def _existing(self, record_type: str) -> frozenset[str]:
        answer = await self._client.request("GET", f"/crm/v3/properties/{record_type}", harmless_to_repeat=True)
        return frozenset(item["name"] for item in answer.json()["results"])

    async def _create(self, record_type: str, names: Iterable[str]) -> None:
        path = f"/crm/v3/properties/{record_type}"
        await self._post_unless_there(f"{path}/groups", {"name": _GROUP, "label": "Tendril"})
        await self._post_unless_there(f"{path}/batch/create", {"inputs": [_definition(name) for name in sorted(names)]})

    async def _post_unless_there(self, path: str, body: Mapping[str, Any]) -> None:
        try:
            await self._client.request("POST", path, json=body, harmless_to_repeat=True)
        except OurFault as error:
            if error.status != _EXISTS:  # another process was first
                raise


def _definition(name: str) -> dict[str, Any]:
    kind = _KINDS.get(name, _TEXT)
    definition: dict[str, Any] = {
        "name": name,
        "label": "Tendril: " + name.removeprefix(PREFIX).replace("_", " "),
        "groupName": _GROUP,
        "type": kind.type,
        "fieldType": kind.field,
    }
    if name in _UNIQUE:
        definition["hasUniqueValue"] = True
    if name in _CHOICES:
        definition["options"] = [
            {"label": choice.replace("_", " ").capitalize(), "value": choice, "displayOrder": order, "hidden": False}
            for order, choice in enumerate(_CHOICES[name])
        ]
    return definition
