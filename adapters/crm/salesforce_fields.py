"""Salesforce fields: what each of ours is called there (C20), and whether the org has it.

What Salesforce has itself keeps its names; everything else is a custom field ``Tendril_<Field>__c``. A playbook may
name other fields (``crm.fields``). None is made: in Salesforce a field is of use only once a profile or permission set
lets users see it, and that is an administrator's to decide. ``describe`` (REST API Developer Guide, "sObject Describe")
shows a user only those fields that it may see.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from adapters.crm.salesforce_client import SalesforceClient
from adapters.crm.salesforce_soql import CONTACT, LEAD, OPPORTUNITY, TASK
from domain.crm import FIELDS
from domain.errors import OurFault

#: An API name has at most 40 characters before its ``__c``.
_LONGEST = 40


def custom(field: str) -> str:
    words = "_".join(word.capitalize() for word in field.split("_"))
    return f"{f'Tendril_{words}'[:_LONGEST].rstrip('_')}__c"


LEAD_ID, TOUCH_KEY = custom("lead_id"), custom("touch_key")
OUTCOME, REJECT_REASON, FIRST_STAGE = custom("outcome"), custom("reject_reason"), custom("first_stage")
_PERSON = {"email": "Email", "first_name": "FirstName", "last_name": "LastName", "phone": "Phone", "job_title": "Title"}
#: Fields that Salesforce has itself. A contact's company is its account's name, which is read and never written.
STANDARD: Mapping[str, Mapping[str, str]] = {
    CONTACT: _PERSON | {"company": "Account.Name", "country": "MailingCountry"},
    LEAD: _PERSON | {"company": "Company", "country": "Country", "website": "Website"},
}
#: What an administrator has to make: by record, the field and what kind of field it is.
_LONG = frozenset({"why_in_nurture", "what_moves_it_forward"})
_ON_PEOPLE = {LEAD_ID: "Text(80), unique, external id"} | {
    custom(field): "Long Text Area" if field in _LONG else "Text(255)" for field in FIELDS
}
WANTED: Mapping[str, Mapping[str, str]] = {
    CONTACT: _ON_PEOPLE,
    LEAD: _ON_PEOPLE,
    TASK: {TOUCH_KEY: "Text(255), external id", OUTCOME: "Picklist", REJECT_REASON: "Picklist"},
    OPPORTUNITY: {TOUCH_KEY: "Text(255), unique, external id", FIRST_STAGE: "Text(255)"},
}


class Field(NamedTuple):
    """What ``describe`` says of one. ``length`` 0: it is no text."""

    length: int
    writable: bool
    external: bool


def named(kind: str, fields: Iterable[str], names: Mapping[str, str]) -> dict[str, str]:
    """Field's name there → our field: as the playbook names it, else by default."""
    return {names.get(field) or STANDARD[kind].get(field) or custom(field): field for field in fields}


def written(value: Any, field: Field) -> Any:
    """A value as Salesforce takes it: None clears, and a text is cut where it would be refused for its length."""
    if value is None or value == "":
        return None
    if isinstance(value, bool | int | float) and not field.length:
        return value
    text = "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text[: field.length] if field.length else text


class Fields:
    """Which fields there are, asked for once a process and again when one seems to lack."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client
        self._known: dict[str, dict[str, Field]] = {}
        self._lock = asyncio.Lock()

    async def ensure(self, kind: str, names: Iterable[str]) -> Mapping[str, Field]:
        """All fields of a kind of record. Raises a ``VendorFault``: code ``fields`` when some lack."""
        wanted = {name for name in names if "." not in name}
        async with self._lock:
            if not wanted <= self._known.get(kind, {}).keys():
                self._known[kind] = await self.describe(kind)
        if missing := wanted - self._known[kind].keys():
            raise OurFault(
                f"salesforce: {kind} lacks the fields {', '.join(sorted(missing))}, or the user may not see them;"
                " docs/channels.md says how to make them",
                vendor="salesforce",
                code="fields",
            )
        return self._known[kind]

    async def describe(self, kind: str) -> dict[str, Field]:
        answer = await self._client.request("GET", f"/sobjects/{kind}/describe", harmless_to_repeat=True)
        return {
            field["name"]: Field(
                length=int(field.get("length") or 0),
                writable=bool(field.get("updateable")),
                external=bool(field.get("externalId")),
            )
            for field in answer.json()["fields"]
        }
