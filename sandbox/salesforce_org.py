"""Salesforce's stand-in: what an org holds, what it refuses, and what its users do in it."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from sandbox.answers import VendorError
from sandbox.salesforce_soql import Query, malformed
from sandbox.state import Store

_PREFIXES = {
    "Contact": "003",
    "Lead": "00Q",
    "Task": "00T",
    "Opportunity": "006",
    "OpportunityContactRole": "00K",
    "User": "005",
    "Account": "001",
    "OpportunityStage": "01J",
}
_PERSON = ("FirstName", "LastName", "Email", "Phone", "Title", "OwnerId")
#: Fields that every org has, beside those of every record.
BUILT_IN: dict[str, tuple[str, ...]] = {
    "Contact": (*_PERSON, "AccountId", "MailingCountry"),
    "Lead": (*_PERSON, "Company", "Country", "Website", "IsConverted", "ConvertedContactId"),
    "Task": ("Subject", "Description", "Status", "Priority", "ActivityDate", "WhoId", "WhatId", "OwnerId", "IsClosed"),
    "Opportunity": ("Name", "StageName", "CloseDate", "AccountId", "OwnerId", "ContactId", "IsClosed", "IsWon"),
    "OpportunityContactRole": ("OpportunityId", "ContactId", "IsPrimary"),
    "User": ("Name", "Email", "IsActive"),
    "Account": ("Name",),
    "OpportunityStage": ("ApiName", "IsActive", "IsClosed", "IsWon", "SortOrder"),
}
_EVERY = ("Id", "CreatedDate", "SystemModstamp", "IsDeleted")
_FIELDS = (
    *("Source", "Campaign", "Landing_Page", "Offer", "Lead_Status", "Fit_Level", "Intent_Level", "Buyer_Stage"),
    *("Segment", "Last_Action", "Owner", "Nurture_Path", "Disqualification_Reason", "Why_In_Nurture"),
    "What_Moves_It_Forward",
)
_ON_PEOPLE = ("Tendril_Lead_Id__c", *(f"Tendril_{name}__c" for name in _FIELDS))
#: The custom fields that Tendril's administrator has made.
CUSTOM: dict[str, tuple[str, ...]] = {
    "Contact": _ON_PEOPLE,
    "Lead": _ON_PEOPLE,
    "Task": ("Tendril_Touch_Key__c", "Tendril_Outcome__c", "Tendril_Reject_Reason__c"),
    "Opportunity": ("Tendril_Touch_Key__c", "Tendril_First_Stage__c"),
}
UNIQUE = frozenset({"Tendril_Lead_Id__c", "Tendril_Touch_Key__c"})
_COMPUTED = frozenset({"IsClosed", "IsWon", "IsConverted", "ConvertedContactId", *_EVERY})
_REQUIRED = {
    "Contact": ("LastName",),
    "Lead": ("LastName", "Company"),
    "Task": ("Status", "Priority"),
    "Opportunity": ("Name", "StageName", "CloseDate"),
}
#: In order: whether an opportunity in it is closed, and won.
_STAGES = (
    ("Prospecting", False, False),
    ("Qualification", False, False),
    ("Closed Won", True, True),
    ("Closed Lost", True, False),
)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


class Held(BaseModel):
    """By kind of record, by id. ``deleted`` are ids in the recycle bin; ``tokens`` those that are valid."""

    records: dict[str, dict[str, dict[str, Any]]] = {}
    deleted: set[str] = set()
    tokens: set[str] = set()
    #: The certificate (PEM) that assertions are checked with; empty: they are not.
    certificate: str = ""
    used: int = 0
    most: int = 15_000
    made: int = 0
    #: Custom fields that this org lacks, as ``Contact.Tendril_Segment__c``.
    lacks: set[str] = set()
    #: Whether a duplicate rule keeps a second record with an address out.
    duplicate_rule: bool = False
    pages: dict[str, list[dict[str, Any]]] = {}


class Refusal(Exception):
    """One record that is not taken."""

    def __init__(self, code: str, message: str, fields: Iterable[str] = (), duplicate: str = "") -> None:
        super().__init__(message)
        self.error: dict[str, Any] = {"statusCode": code, "message": message, "fields": list(fields)}
        if duplicate:
            matched = {"matchRecords": [{"record": {"Id": duplicate}}]}
            self.error["duplicateResult"] = {"allowSave": False, "matchResults": [matched]}


class Org:
    """Reads and writes the sandbox's state."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.held = store.of("salesforce", Held)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        if kind not in _PREFIXES:
            raise VendorError(404, "The requested resource does not exist", code="NOT_FOUND")
        found = self.held.records.setdefault(kind, {})
        if kind == "OpportunityStage" and not found:
            for order, (name, closed, won) in enumerate(_STAGES):
                self.add(
                    kind, {"ApiName": name, "IsActive": True, "IsClosed": closed, "IsWon": won, "SortOrder": order}
                )
        return found

    def fields(self, kind: str) -> list[str]:
        custom = [name for name in CUSTOM.get(kind, ()) if f"{kind}.{name}" not in self.held.lacks]
        return [*_EVERY, *BUILT_IN[kind], *custom]

    # --- asking ----------------------------------------------------------------------------------------------------

    def asked(self, query: Query, *, deleted: bool) -> list[dict[str, Any]]:
        """Rows as Salesforce shows them. Raises ``VendorError`` for a field that is not there."""
        rows = [self._full(query.kind, row) for row in self.of(query.kind).values()]
        rows = [row for row in rows if deleted or not row["IsDeleted"]]
        for name in query.fields:
            self._known(query.kind, name)
        rows = [row for row in rows if query.where(lambda name, row=row: self._value(query.kind, row, name))]  # type: ignore[misc]
        for name in reversed(query.order):
            rows.sort(key=lambda row: [value for value in [self._value(query.kind, row, name)] if value is not None])
        return [self._shown(query, row) for row in rows[: query.limit]]

    def _shown(self, query: Query, row: dict[str, Any]) -> dict[str, Any]:
        url = f"/services/data/v62.0/sobjects/{query.kind}/{row['Id']}"
        shown: dict[str, Any] = {"attributes": {"type": query.kind, "url": url}}
        for name in query.fields:
            parent, _, rest = name.partition(".")
            if rest:
                there = shown.setdefault(parent, {"attributes": {"type": parent}})
                there[rest] = self._value(query.kind, row, name)
            else:
                shown[name] = row.get(name)
        return shown

    def _value(self, kind: str, row: dict[str, Any], name: str) -> Any:
        self._known(kind, name)
        parent, _, rest = name.partition(".")
        if not rest:
            return row.get(name)
        other = self.of(parent).get(row.get(f"{parent}Id") or "")
        return self._full(parent, other).get(rest) if other else None

    def _known(self, kind: str, name: str) -> None:
        parent, _, rest = name.partition(".")
        names = self.fields(parent) if rest and f"{parent}Id" in BUILT_IN[kind] else self.fields(kind)
        if (rest or name) not in names:
            raise VendorError(400, f"No such column '{name}' on entity '{kind}'.", code="INVALID_FIELD")

    def _full(self, kind: str, row: dict[str, Any]) -> dict[str, Any]:
        """With what Salesforce computes."""
        computed: dict[str, Any] = {"IsDeleted": row["Id"] in self.held.deleted}
        if kind == "Task":
            computed["IsClosed"] = row.get("Status") == "Completed"
        if kind == "Opportunity":
            stage = next((one for one in _STAGES if one[0] == row.get("StageName")), ("", False, False))
            computed |= {"IsClosed": stage[1], "IsWon": stage[2]}
        if kind == "Lead":
            computed["IsConverted"] = bool(row.get("ConvertedContactId"))
        return row | computed

    # --- writing ---------------------------------------------------------------------------------------------------

    def add(self, kind: str, values: dict[str, Any]) -> str:
        self.held.made += 1
        identity = f"{_PREFIXES[kind]}000000{self.held.made:06d}AAA"
        now = _now()
        row = {"Id": identity, "CreatedDate": now, "SystemModstamp": now, "OwnerId": None} | values
        self.held.records.setdefault(kind, {})[identity] = row
        self._store.changed()
        return identity

    def create(self, kind: str, values: dict[str, Any]) -> str:
        """Raises ``Refusal``."""
        self._checked(kind, values, None)
        if lacking := [name for name in _REQUIRED.get(kind, ()) if not values.get(name)]:
            raise Refusal("REQUIRED_FIELD_MISSING", f"Required fields are missing: {lacking}", lacking)
        if self.held.duplicate_rule and (there := self._by(kind, "Email", values.get("Email"))):
            raise Refusal("DUPLICATES_DETECTED", "Use one of these records?", duplicate=there)
        contact = values.get("ContactId") if kind == "Opportunity" else None
        identity = self.add(kind, values)
        if contact:
            self.add("OpportunityContactRole", {"OpportunityId": identity, "ContactId": contact, "IsPrimary": True})
        return identity

    def update(self, kind: str, identity: str, values: dict[str, Any]) -> None:
        """Raises ``Refusal``."""
        row = self.of(kind).get(identity)
        if row is None:
            raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if identity in self.held.deleted:
            raise Refusal("ENTITY_IS_DELETED", "entity is deleted")
        if row.get("ConvertedContactId"):
            raise Refusal("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        if kind == "Opportunity" and "ContactId" in values:
            raise Refusal("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: ContactId", ["ContactId"])
        self._checked(kind, values, identity)
        row |= values | {"SystemModstamp": _now()}
        self._store.changed()

    def upsert(self, kind: str, name: str, values: dict[str, Any]) -> tuple[str, bool]:
        """The record's id, and whether it is new. Raises ``Refusal``."""
        there = self._by(kind, name, values.get(name))
        if there:
            self.update(kind, there, values)
            return there, False
        return self.create(kind, values), True

    def delete(self, identity: str) -> None:
        """Raises ``Refusal``."""
        kind = next((kind for kind, rows in self.held.records.items() if identity in rows), "")
        if not kind or identity in self.held.deleted:
            raise Refusal("ENTITY_IS_DELETED", "entity is deleted")
        self.held.deleted.add(identity)
        self.held.records[kind][identity]["SystemModstamp"] = _now()
        self._store.changed()

    def convert(self, lead: str) -> str:
        """What sales does with a Lead: it becomes a contact. Its custom fields go along only where they are mapped."""
        row = self.of("Lead")[lead]
        account = self.add("Account", {"Name": row.get("Company")})
        same = {name: row.get(name) for name in ("FirstName", "LastName", "Email", "Phone", "Title", "OwnerId")}
        contact = self.add("Contact", same | {"AccountId": account})
        row |= {"ConvertedContactId": contact, "SystemModstamp": _now()}
        return contact

    def _checked(self, kind: str, values: dict[str, Any], own: str | None) -> None:
        known = set(self.fields(kind)) - _COMPUTED
        for name, value in values.items():
            if name not in known:
                raise Refusal("INVALID_FIELD", f"No such column '{name}' on sobject of type {kind}", [name])
            if isinstance(value, str) and len(value) > length(name):
                raise Refusal("STRING_TOO_LONG", f"{name}: data value too large", [name])
            other = self._by(kind, name, value) if name in UNIQUE else ""
            if other and other != own:
                raise Refusal("DUPLICATE_VALUE", f"duplicate value found: {name} on record with id: {other}")
        if kind in ("Contact", "Lead") and values.get("Email") and not _ADDRESS.fullmatch(values["Email"]):
            raise Refusal("INVALID_EMAIL_ADDRESS", f"Email: invalid email address: {values['Email']}", ["Email"])
        for name in ("WhoId", "WhatId", "ContactId", "AccountId", "OwnerId"):
            if values.get(name) and not any(values[name] in rows for rows in self.held.records.values()):
                raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [name])

    def _by(self, kind: str, name: str, value: Any) -> str:
        """The record with this value, compared without regard to case."""
        if not value:
            return ""
        rows = self.of(kind).items()
        same = (i for i, row in rows if str(row.get(name) or "").lower() == str(value).lower())
        return next((identity for identity in same if identity not in self.held.deleted), "")


def length(name: str) -> int:
    """Of a text field; 0 for what is no text."""
    if name in ("Description", "Tendril_Why_In_Nurture__c", "Tendril_What_Moves_It_Forward__c"):
        return 32_000
    return {"FirstName": 40, "LastName": 80, "Email": 80, "Phone": 40, "Name": 120}.get(name, 255)


def selectable(kind: str) -> str:
    """A kind that may be asked for. Raises ``VendorError``."""
    if kind not in _PREFIXES:
        raise malformed(f"sObject type '{kind}' is not supported.")
    return kind


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
