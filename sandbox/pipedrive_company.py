"""Pipedrive's stand-in: what a company holds, what it refuses, and what its users do in it.

``TAKEN`` are the fields that a body may have, as Pipedrive's own client declares them (``pipedrive`` 33.7.0 on npm,
version 2: AddPersonRequest, AddDealRequest, AddActivityRequest, AddPersonFieldRequest).
"""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from sandbox.answers import VendorError
from sandbox.state import Store

_PERSON = (
    *("name", "owner_id", "org_id", "add_time", "emails", "phones", "visible_to", "label_ids", "postal_address"),
    *("notes", "im", "birthday", "job_title", "marketing_status", "custom_fields"),
)
_DEAL = (
    *("title", "owner_id", "person_id", "org_id", "pipeline_id", "stage_id", "value", "currency", "is_deleted"),
    *("is_archived", "archive_time", "status", "probability", "lost_reason", "visible_to", "close_time", "won_time"),
    *("lost_time", "expected_close_date", "label_ids", "custom_fields"),
)
_ACTIVITY = (
    *("subject", "type", "owner_id", "deal_id", "lead_id", "person_id", "org_id", "project_id", "due_date"),
    *("due_time", "duration", "busy", "done", "location", "participants", "attendees", "public_description"),
    *("priority", "outcome", "note"),
)
TAKEN: dict[str, tuple[str, ...]] = {
    "persons": _PERSON,
    "deals": _DEAL,
    "activities": _ACTIVITY,
    "organizations": ("name", "owner_id", "custom_fields"),
}
_REQUIRED = {"persons": "name", "deals": "title", "organizations": "name", "activities": "subject"}
ENTITIES = {"persons": "person", "deals": "deal", "activities": "activity", "organizations": "organization"}
FIELD_KINDS = ("personFields", "dealFields", "activityFields")
_TYPES = frozenset({"varchar", "text", "double", "phone", "date", "set", "enum", "varchar_auto", "address", "user"})
_SEARCHED = frozenset({"varchar", "text", "varchar_auto", "double", "phone", "address"})
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
PIPELINES = [{"id": 1, "name": "Pipeline", "order_nr": 0, "is_deleted": False}]
STAGES = [
    {"id": 1, "name": "Qualified", "order_nr": 1, "pipeline_id": 1, "is_deleted": False},
    {"id": 2, "name": "Contact made", "order_nr": 2, "pipeline_id": 1, "is_deleted": False},
]
Record = dict[str, Any]


class Held(BaseModel):
    """By kind, by id. ``events`` wait to be told to ``webhook``."""

    records: dict[str, dict[int, Record]] = {}
    fields: dict[str, list[Record]] = {}
    users: list[Record] = []
    webhook: str = ""
    webhooks: list[Record] = []
    events: list[Record] = []
    made: int = 0
    #: Persons that the search's index does not have yet.
    unseen: set[int] = set()
    #: Tokens of the day that are left.
    tokens: int = 1_000_000


class Company:
    """Reads and writes the sandbox's state."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.held = store.of("pipedrive", Held)

    def of(self, kind: str) -> dict[int, Record]:
        if kind not in TAKEN:
            raise VendorError(404, f"Unknown method: {kind}")
        return self.held.records.setdefault(kind, {})

    def one(self, kind: str, identity: int) -> Record:
        record = self.of(kind).get(identity)
        if record is None or record["is_deleted"]:
            raise VendorError(404, f"{ENTITIES[kind].capitalize()} not found")
        return record

    def listed(self, kind: str, asked: dict[str, str]) -> list[Record]:
        """What ``GET /{kind}`` gives, in its order."""
        rows = [row for row in self.of(kind).values() if not row["is_deleted"]]
        if ids := asked.get("ids"):
            wanted = {int(one) for one in ids.split(",")}
            if len(wanted) > 100:  # noqa: PLR2004 - Pipedrive's number
                raise VendorError(400, "ids: at most 100")
            rows = [row for row in rows if row["id"] in wanted]
        for name in ("person_id", "org_id", "deal_id"):
            if name in asked:
                rows = [row for row in rows if row.get(name) == int(asked[name])]
        if "done" in asked:
            rows = [row for row in rows if row["done"] == (asked["done"] == "true")]
        if since := asked.get("updated_since"):
            at = datetime.fromisoformat(since)
            rows = [row for row in rows if datetime.fromisoformat(row["update_time"]) >= at]
        order = asked.get("sort_by", "id")
        return sorted(rows, key=lambda row: (row[order], row["id"]), reverse=asked.get("sort_direction") == "desc")

    def searched(self, term: str, where: str) -> list[Record]:
        """Exact matches, without regard to case; who is not in the index yet is not found."""
        searchable = {one["field_code"] for one in self.fields("personFields") if one["field_type"] in _SEARCHED}
        found = []
        for row in self.listed("persons", {}):
            custom = [value for key, value in row["custom_fields"].items() if key in searchable]
            values = custom if where == "custom_fields" else [one["value"] for one in row["emails"]]
            if term.casefold() in (str(value).casefold() for value in values) and row["id"] not in self.held.unseen:
                found.append(row)
        return found

    def fields(self, kind: str) -> list[Record]:
        if kind not in FIELD_KINDS:
            raise VendorError(404, f"Unknown method: {kind}")
        return self.held.fields.setdefault(kind, [])

    def add_field(self, kind: str, body: Record) -> Record:
        if body.get("field_type") not in _TYPES or not body.get("field_name"):
            raise VendorError(400, "field_name and field_type are required")
        if body["field_type"] == "enum" and not body.get("options"):
            raise VendorError(400, "options are required")
        code = hashlib.sha1(f"{kind}{len(self.fields(kind))}".encode(), usedforsecurity=False).hexdigest()
        options = [{"id": number, **option} for number, option in enumerate(body.get("options", []), 1)] or None
        made = body | {"field_code": code, "is_custom_field": True, "options": options}
        self.fields(kind).append(made)
        self._store.changed()
        return made

    def create(self, kind: str, body: Record) -> Record:
        if not body.get(_REQUIRED[kind]):
            raise VendorError(400, f"Validation failed: {_REQUIRED[kind]}: is required")
        self._check(kind, body)
        self.held.made += 1
        now = _now()
        record: Record = {"id": self.held.made, "add_time": now, "update_time": now, "is_deleted": False}
        record |= {"owner_id": None, "org_id": None, **_EMPTY.get(kind, {})}
        self.of(kind)[record["id"]] = record
        self._put(record, body)
        self.happened(kind, record, "create")
        return record

    def update(self, kind: str, identity: int, body: Record) -> Record:
        record = self.one(kind, identity)
        self._check(kind, body)
        self._put(record, body)
        record["update_time"] = _now()
        self.happened(kind, record, "change")
        return record

    def delete(self, kind: str, identity: int) -> None:
        record = self.one(kind, identity)
        record |= {"is_deleted": True, "update_time": _now()}
        self.happened(kind, record, "delete")

    def happened(self, kind: str, record: Record, action: str) -> None:
        meta = {
            "action": action,
            "entity": ENTITIES[kind],
            "entity_id": str(record["id"]),
            "id": f"00000000-0000-4000-8000-{len(self.held.events) + self.held.made:012d}",
            "timestamp": _now(),
            "version": "2.0",
            "attempt": 1,
            "webhook_id": "1",
            "company_id": "1",
            "user_id": "1",
        }
        data = None if action == "delete" else dict(record)
        self.held.events.append({"meta": meta, "data": data, "previous": None if action == "create" else {}})
        self._store.changed()

    def _put(self, record: Record, body: Record) -> None:
        custom = record.get("custom_fields", {}) | body.get("custom_fields", {})
        record |= body
        if "custom_fields" in record:
            record["custom_fields"] = custom
        if "participants" in body:
            record["person_id"] = next((one["person_id"] for one in body["participants"] if one.get("primary")), None)
        if "name" in body and "first_name" in record:
            first, _, last = body["name"].partition(" ")
            record |= {"first_name": first, "last_name": last}

    def _check(self, kind: str, body: Record) -> None:
        if unknown := sorted(body.keys() - set(TAKEN[kind])):
            raise VendorError(400, f"Validation failed: {unknown[0]}: is not allowed")
        known = {one["field_code"] for one in self.fields(f"{ENTITIES[kind]}Fields")} if kind in _WITH_FIELDS else set()
        if wrong := sorted(body.get("custom_fields", {}).keys() - known):
            raise VendorError(400, f"Validation failed: custom_fields: unknown field {wrong[0]}")
        for email in body.get("emails", []):
            if not _ADDRESS.fullmatch(email["value"]):
                raise VendorError(400, "Validation failed: emails: invalid email")
        for name, other in (("person_id", "persons"), ("org_id", "organizations"), ("deal_id", "deals")):
            if body.get(name):
                self.one(other, body[name])
        for one in body.get("participants", []):
            self.one("persons", one["person_id"])


_WITH_FIELDS = frozenset({"persons", "deals"})
_EMPTY: dict[str, Record] = {
    "persons": {"emails": [], "phones": [], "custom_fields": {}, "first_name": "", "last_name": "", "job_title": ""},
    "deals": {"custom_fields": {}, "status": "open", "stage_id": 1, "pipeline_id": 1, "person_id": None},
    "activities": {"done": False, "note": "", "person_id": None, "deal_id": None},
}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
