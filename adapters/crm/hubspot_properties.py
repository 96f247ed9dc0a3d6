"""HubSpot properties: what each of our fields is called there (C20), and making sure that ours exist.

Fields that HubSpot has itself keep HubSpot's names; everything else becomes a custom property ``tendril_<field>`` in
the group "Tendril". A playbook may name other properties (``crm.fields``); those that the account lacks are made too,
where the token may.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from adapters.http import VendorClient
from domain.crm import FIELDS
from domain.errors import OurFault
from domain.words import LeadStatus, RejectReason

PREFIX = "tendril_"
LEAD_ID = f"{PREFIX}lead_id"
TOUCH_KEY = f"{PREFIX}touch_key"
OUTCOME = f"{PREFIX}outcome"
REJECT_REASON = f"{PREFIX}reject_reason"
#: The stage in which we made a deal: as long as it is there, no seller has moved it.
FIRST_STAGE = f"{PREFIX}first_stage"
_GROUP = "tendril"
_EXISTS = 409
_MAY_NOT = 403


class Kind(NamedTuple):
    """HubSpot's ``type`` and ``fieldType``."""

    type: str
    field: str


_TEXT, _LONG_TEXT, _CHOICE = Kind("string", "text"), Kind("string", "textarea"), Kind("enumeration", "select")

#: Lead fields that HubSpot has a standard property for.
STANDARD = {
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
    "why_in_nurture": _LONG_TEXT,
    "what_moves_it_forward": _LONG_TEXT,
    "lead_status": _CHOICE,
    "outcome": _CHOICE,
    "reject_reason": _CHOICE,
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "lead_status": tuple(LeadStatus),
    "outcome": ("accepted", "rejected"),
    "reject_reason": tuple(RejectReason),
}
#: Fields by which HubSpot can address a record: it refuses a second record with the same value.
_UNIQUE = frozenset({"touch_key", "lead_id"})


def property_name(field: str) -> str:
    return STANDARD.get(field, f"{PREFIX}{field}")


def property_value(value: Any) -> str:
    """A value as HubSpot takes it: text, with "" to clear."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "; ".join(property_value(item) for item in value)
    return str(value)


def named(fields: Iterable[str], names: Mapping[str, str]) -> dict[str, str]:
    """Property → our field: as the playbook names it, else by default."""
    return {names.get(field) or property_name(field): field for field in fields}


def ours(*names: str) -> dict[str, str]:
    """As ``named``, for properties that are ours by their prefix."""
    return {name: name.removeprefix(PREFIX) for name in names}


class Properties:
    """Creates properties in the account, once a process and only what is missing. ``create`` False leaves that to a
    person, who is told what lacks.
    """

    def __init__(self, client: VendorClient, *, create: bool = True) -> None:
        self._client = client
        self._may_create = create
        self._known: dict[str, frozenset[str]] = {}
        self._lock = asyncio.Lock()

    async def ensure(self, record_type: str, wanted: Mapping[str, str]) -> None:
        """Make sure that ``contacts``, ``tasks`` or ``deals`` have these properties (property → our field).

        Raises a ``VendorFault``: ``OurFault`` with code ``properties`` when some lack and may not be made.
        """
        names = wanted.keys() - STANDARD.values()
        if names <= self._known.get(record_type, frozenset()):
            return
        async with self._lock:
            existing = self._known.get(record_type) or await self.existing(record_type)
            if missing := {name: wanted[name] for name in names - existing}:
                await self._create(record_type, missing)
            self._known[record_type] = existing | names

    async def existing(self, record_type: str) -> frozenset[str]:
        """The names of all properties that the account has."""
        answer = await self._client.request("GET", f"/crm/v3/properties/{record_type}", harmless_to_repeat=True)
        return frozenset(item["name"] for item in answer.json()["results"])

    async def _create(self, record_type: str, wanted: Mapping[str, str]) -> None:
        if not self._may_create:
            raise self._lacking(record_type, wanted)
        path = f"/crm/v3/properties/{record_type}"
        inputs = [_definition(name, field) for name, field in sorted(wanted.items())]
        try:
            await self._post_unless_there(f"{path}/groups", {"name": _GROUP, "label": "Tendril"})
            await self._post_unless_there(f"{path}/batch/create", {"inputs": inputs})
        except OurFault as error:
            if error.status != _MAY_NOT:
                raise
            raise self._lacking(record_type, wanted) from None

    async def _post_unless_there(self, path: str, body: Mapping[str, Any]) -> None:
        try:
            await self._client.request("POST", path, json=body, harmless_to_repeat=True)
        except OurFault as error:
            if error.status != _EXISTS:  # another process was first
                raise

    def _lacking(self, record_type: str, wanted: Iterable[str]) -> OurFault:
        names = ", ".join(sorted(wanted))
        message = (
            f"{self._client.vendor}: {record_type} lack the properties {names}; make them by hand, or let the token"
            f" make them (scope crm.schemas.{record_type}.write)"
        )
        return OurFault(message, vendor=self._client.vendor, code="properties")


def _definition(name: str, field: str) -> dict[str, Any]:
    kind = _KINDS.get(field, _TEXT)
    definition: dict[str, Any] = {
        "name": name,
        "label": "Tendril: " + FIELDS.get(field, field.replace("_", " ")).lower(),
        "groupName": _GROUP,
        "type": kind.type,
        "fieldType": kind.field,
    }
    if field in _UNIQUE:
        definition["hasUniqueValue"] = True
    if field in _CHOICES:
        definition["options"] = [
            {"label": choice.replace("_", " ").capitalize(), "value": choice, "displayOrder": order, "hidden": False}
            for order, choice in enumerate(_CHOICES[field])
        ]
    return definition
