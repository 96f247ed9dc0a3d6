"""HubSpot's stand-in: what an account holds, and what its users do in it."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from sandbox.answers import VendorError
from sandbox.hubspot_rules import BUILT_IN, STAGES, checked, find, unique_names
from sandbox.hubspot_search import searched
from sandbox.limits import Rate
from sandbox.state import CrmRecord, Store, timestamp

BATCH = 100
#: HubSpot's numbers of kinds of record.
TYPES = {"contacts": "0-1", "companies": "0-2", "deals": "0-3", "tasks": "0-27"}


class Owner(BaseModel):
    id: str
    email: str
    name: str


class Beside(BaseModel):
    """What the account has beside its records. ``events`` wait to be told to ``webhook``, signed with ``secret``."""

    owners: list[Owner] = []
    webhook: str = ""
    secret: str = "sandbox"  # noqa: S105 - the sandbox's public one
    events: list[dict[str, Any]] = []
    told: int = 0
    #: False where the account does not let contacts be deleted for good.
    may_delete: bool = True


class HubSpot:
    """The account: reads and writes the sandbox's state."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._groups: set[tuple[str, str]] = set()
        self._searches = Rate(5, 1)
        self.beside = store.of("hubspot", Beside)
        for kind in BUILT_IN:
            store.state.records.setdefault(kind, {})
            store.state.properties.setdefault(kind, {})

    def records(self, kind: str) -> dict[str, CrmRecord]:
        return self._store.state.records[kind]

    # --- properties ------------------------------------------------------------------------------------------------

    def properties(self, kind: str) -> list[dict[str, Any]]:
        built_in = [{"name": name, "type": "string", "fieldType": "text"} for name in sorted(BUILT_IN[kind])]
        return built_in + list(self._definitions(kind).values())

    def create_group(self, kind: str, name: str) -> None:
        if (kind, name) in self._groups:
            raise VendorError(409, f"Property group {name} already exists")
        self._groups.add((kind, name))

    def create_properties(self, kind: str, definitions: list[dict[str, Any]]) -> None:
        existing = self._definitions(kind)
        if any(definition["name"] in existing for definition in definitions):
            raise VendorError(409, "Property already exists")
        existing.update({definition["name"]: definition for definition in definitions})
        self._store.changed()

    def _definitions(self, kind: str) -> dict[str, dict[str, Any]]:
        return self._store.state.properties[kind]

    # --- objects ---------------------------------------------------------------------------------------------------

    def create(self, kind: str, body: dict[str, Any]) -> CrmRecord:
        wanted = [str(association["to"]["id"]) for association in body.get("associations", [])]
        if missing := [record for record in wanted if not any(record in self.records(other) for other in BUILT_IN)]:
            raise VendorError(400, f"Could not associate with objects {missing}")
        return self._put(kind, self._checked(kind, body.get("properties", {}), own=None), wanted)

    def upsert(self, kind: str, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """All or nothing: one bad input refuses the batch, as HubSpot does."""
        _batch(inputs)
        prepared = []
        for entry in inputs:
            name = entry.get("idProperty", "")
            if name not in unique_names(kind, self._store.state):
                raise VendorError(400, f"{name} is not a unique property")
            record = find(self._store.state, kind, name, str(entry["id"]))
            values = {name: str(entry["id"])} | entry["properties"]
            prepared.append((record, self._checked(kind, values, own=record), entry))
        return [self._written(kind, record, values, entry) for record, values, entry in prepared]

    def update(self, kind: str, inputs: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
        """Results, and the ids that do not exist."""
        _batch(inputs)
        records = self.records(kind)
        there = [entry for entry in inputs if str(entry["id"]) in records]
        prepared = [(records[str(e["id"])], e) for e in there]
        checked_values = [(record, self._checked(kind, e["properties"], own=record), e) for record, e in prepared]
        results = [self._written(kind, record, values, entry) for record, values, entry in checked_values]
        return results, [str(entry["id"]) for entry in inputs if entry not in there]

    def read(self, kind: str, body: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
        _batch(body["inputs"])
        name = body.get("idProperty") or "hs_object_id"
        if name != "hs_object_id" and name not in unique_names(kind, self._store.state):
            raise VendorError(400, f"{name} is not a unique property")
        asked = [(str(entry["id"]), find(self._store.state, kind, name, str(entry["id"]))) for entry in body["inputs"]]
        found = [shown(record, body.get("properties", [])) for _, record in asked if record]
        return found, [identity for identity, record in asked if not record]

    def search(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        if self._searches.admit():
            raise VendorError(429, "You have reached your secondly limit.")
        shows = [shown(record, list(record.properties)) for record in self.records(kind).values()]
        return searched(shows, body)

    def one(self, kind: str, identity: str, properties: list[str], associations: list[str]) -> dict[str, Any]:
        record = self.records(kind).get(identity)
        if record is None:
            raise VendorError(404, "Object not found")
        found = {other: self.associated(record, other) for other in associations}
        results = {
            other: {"results": [{"id": i, "type": f"{kind[:-1]}_to_{other[:-1]}"} for i in ids]}
            for other, ids in found.items()
            if ids
        }
        return shown(record, properties) | ({"associations": results} if results else {})

    def associated(self, record: CrmRecord, kind: str) -> list[str]:
        """Ids of the records of a kind that this one hangs on, or that hang on it."""
        others = self.records(kind)
        return [i for i, other in others.items() if i in record.associations or record.id in other.associations]

    def purge(self, identity: str) -> None:
        """HubSpot's GDPR delete."""
        if not self.beside.may_delete:
            raise VendorError(403, "This account does not allow permanent deletion.", code="MISSING_SCOPES")
        if identity not in self.records("contacts"):
            raise VendorError(404, "Object not found")
        self._remove("contacts", identity)

    # --- what users do ---------------------------------------------------------------------------------------------

    def answer_task(self, task: str, outcome: str, reason: str) -> None:
        """Choose the outcome, complete the task."""
        answer = {"hs_task_status": "COMPLETED", "tendril_outcome": outcome, "tendril_reject_reason": reason}
        self.edit("tasks", task, answer)

    def edit(self, kind: str, identity: str, values: dict[str, str]) -> None:
        record = self.records(kind).get(identity)
        if record is None:
            raise VendorError(404, f"No {kind[:-1]} {identity}")
        self._written(kind, record, self._checked(kind, values, own=record), {})
        for name, value in values.items():
            self._happened(kind, identity, "propertyChange", propertyName=name, propertyValue=value)

    def make(self, kind: str, values: dict[str, str], associations: list[str]) -> CrmRecord:
        record = self._put(kind, self._checked(kind, values, own=None), associations)
        self._happened(kind, record.id, "creation")
        return record

    def delete(self, kind: str, identity: str) -> None:
        self._remove(kind, identity)
        self._happened(kind, identity, "deletion")

    def join(self, email: str, name: str) -> str:
        """Somebody who may own records."""
        owner = Owner(id=self._store.state.new_id(), email=email, name=name)
        self.beside.owners.append(owner)
        self._store.changed()
        return owner.id

    def _happened(self, kind: str, identity: str, what: str, **more: str) -> None:
        self.beside.told += 1
        event = {
            "eventId": self.beside.told,
            "subscriptionId": 1,
            "portalId": 1,
            "appId": 1,
            "occurredAt": _now(),
            "subscriptionType": f"object.{what}",
            "attemptNumber": 0,
            "objectId": int(identity),
            "objectTypeId": TYPES[kind],
            "changeSource": "CRM_UI",
        }
        self.beside.events.append(event | more)
        self._store.changed()

    # --- writing ---------------------------------------------------------------------------------------------------

    def _checked(self, kind: str, values: dict[str, Any], own: CrmRecord | None) -> dict[str, str]:
        return checked(self._store.state, kind, values, own)

    def _written(
        self, kind: str, record: CrmRecord | None, values: dict[str, str], entry: dict[str, Any]
    ) -> dict[str, Any]:
        new = record is None
        if record is None:
            record = self._put(kind, values, [])
        else:
            record.updated_at = timestamp()
            self._store.state.put(kind, record, values)
            self._store.changed()
        trace = {"objectWriteTraceId": entry["objectWriteTraceId"]} if "objectWriteTraceId" in entry else {}
        return shown(record, list(values)) | {"new": new} | trace

    def _put(self, kind: str, values: dict[str, str], associations: list[str]) -> CrmRecord:
        now = timestamp()
        record = CrmRecord(
            id=self._store.state.new_id(), properties={}, created_at=now, updated_at=now, associations=associations
        )
        if kind == "contacts":
            record.associations = associations + self._companies_of(values.get("email", ""))
        self._store.state.put(kind, record, values)
        self._store.changed()
        return record

    def _companies_of(self, email: str) -> list[str]:
        """HubSpot joins new contacts to the company of their address's domain."""
        domain = email.lower().rpartition("@")[2]
        companies = self.records("companies")
        return [i for i, company in companies.items() if domain and company.properties.get("domain") == domain][:1]

    def _remove(self, kind: str, identity: str) -> None:
        self.records(kind).pop(identity, None)
        self._store.changed()


def shown(record: CrmRecord, names: list[str]) -> dict[str, Any]:
    """A record as HubSpot shows it, with the properties asked for (null where it has none)."""
    values: dict[str, str | None] = {name: record.properties.get(name) for name in names}
    computed = {
        "hs_object_id": record.id,
        "createdate": record.created_at,
        "lastmodifieddate": record.updated_at,
        "hs_lastmodifieddate": record.updated_at,
    }
    if stage := record.properties.get("dealstage"):
        closed, won = STAGES[stage]
        computed |= {"hs_is_closed": str(closed).lower(), "hs_is_closed_won": str(won).lower()}
    return {
        "id": record.id,
        "properties": values | computed,
        "createdAt": record.created_at,
        "updatedAt": record.updated_at,
        "archived": False,
    }


def _batch(inputs: list[Any]) -> None:
    if len(inputs) > BATCH:
        raise VendorError(400, f"The maximum number of inputs supported in a batch request is {BATCH}")


def _now() -> int:
    return round(datetime.now(UTC).timestamp() * 1000)
