"""HubSpot's stand-in: contacts, tasks and their properties, as CRM v3 answers."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse

from sandbox import answers
from sandbox.answers import VendorError
from sandbox.hubspot_rules import CONTACT_PROPERTIES, TASK_PROPERTIES, checked, find, unique_names
from sandbox.limits import Rate
from sandbox.stand_in import StandIn
from sandbox.state import CrmRecord, Store, timestamp

Inputs = Annotated[list[dict[str, Any]], Body(embed=True)]
Word = Annotated[str, Body(embed=True)]
_BATCH = 100
_BUILT_IN = {"contacts": CONTACT_PROPERTIES, "tasks": TASK_PROPERTIES}


class HubSpot:
    """The account: reads and writes the sandbox's state."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._groups: set[tuple[str, str]] = set()

    # --- properties ------------------------------------------------------------------------------------------------

    def properties(self, kind: str) -> list[dict[str, Any]]:
        built_in = [{"name": name, "type": "string", "fieldType": "text"} for name in sorted(_BUILT_IN[kind])]
        return built_in + list(self._store.state.properties[kind].values())

    def create_group(self, kind: str, name: str) -> None:
        if (kind, name) in self._groups:
            raise VendorError(409, f"Property group {name} already exists")
        self._groups.add((kind, name))

    def create_properties(self, kind: str, definitions: list[dict[str, Any]]) -> None:
        existing = self._store.state.properties[kind]
        if any(definition["name"] in existing for definition in definitions):
            raise VendorError(409, "Property already exists")
        existing.update({definition["name"]: definition for definition in definitions})
        self._store.changed()

    # --- objects ---------------------------------------------------------------------------------------------------

    def create(self, kind: str, body: dict[str, Any]) -> CrmRecord:
        contacts = self._store.state.records["contacts"]
        wanted = [str(association["to"]["id"]) for association in body.get("associations", [])]
        if missing := [contact for contact in wanted if contact not in contacts]:
            raise VendorError(400, f"Could not associate with objects {missing}")
        values = self._checked(kind, body.get("properties", {}), own=None)
        return self._put(kind, values, wanted)

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
        records = self._store.state.records[kind]
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

    def answer_task(self, task: str, outcome: str, reason: str) -> None:
        """What a seller does in HubSpot: choose the outcome, complete the task."""
        record = self._store.state.records["tasks"].get(task)
        if record is None:
            raise VendorError(404, f"No task {task}")
        answer = {"hs_task_status": "COMPLETED", "tendril_outcome": outcome, "tendril_reject_reason": reason}
        self._written("tasks", record, self._checked("tasks", answer, own=record), {})

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
        self._store.state.put(kind, record, values)
        self._store.changed()
        return record


def shown(record: CrmRecord, names: list[str]) -> dict[str, Any]:
    """A record as HubSpot shows it, with the properties asked for (null where it has none)."""
    values: dict[str, str | None] = {name: record.properties.get(name) for name in names}
    return {
        "id": record.id,
        "properties": values | {"hs_object_id": record.id, "createdate": record.created_at},
        "createdAt": record.created_at,
        "updatedAt": record.updated_at,
        "archived": False,
    }


def router(account: HubSpot) -> APIRouter:
    """The account over HTTP, below ``/crm/v3``."""
    routes = APIRouter(prefix="/crm/v3")

    @routes.get("/properties/{kind}")
    async def list_properties(kind: str) -> dict[str, Any]:
        return {"results": account.properties(_known(kind))}

    @routes.post("/properties/{kind}/groups", status_code=201)
    async def create_group(kind: str, name: Word, label: Word) -> dict[str, Any]:
        account.create_group(_known(kind), name)
        return {"name": name, "label": label, "archived": False}

    @routes.post("/properties/{kind}/batch/create", status_code=201)
    async def create_properties(kind: str, inputs: Inputs) -> dict[str, Any]:
        account.create_properties(_known(kind), inputs)
        return _batch_answer(inputs)

    @routes.post("/objects/{kind}", status_code=201)
    async def create(kind: str, body: dict[str, Any]) -> dict[str, Any]:
        record = account.create(_known(kind), body)
        return shown(record, list(record.properties))

    @routes.post("/objects/{kind}/batch/upsert")
    async def upsert(kind: str, inputs: Inputs) -> dict[str, Any]:
        return _batch_answer(account.upsert(_known(kind), inputs))

    @routes.post("/objects/{kind}/batch/update")
    async def update(kind: str, inputs: Inputs) -> JSONResponse:
        return _multi_status(*account.update(_known(kind), inputs))

    @routes.post("/objects/{kind}/batch/read")
    async def read(kind: str, body: dict[str, Any]) -> JSONResponse:
        return _multi_status(*account.read(_known(kind), body))

    return routes


def _known(kind: str) -> str:
    if kind not in _BUILT_IN:
        raise VendorError(404, f"Unable to infer object type from: {kind}")
    return kind


def _batch(inputs: list[Any]) -> None:
    if len(inputs) > _BATCH:
        raise VendorError(400, f"The maximum number of inputs supported in a batch request is {_BATCH}")


def _batch_answer(results: list[dict[str, Any]]) -> dict[str, Any]:
    now = timestamp()
    return {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}


def _multi_status(results: list[dict[str, Any]], missing: list[str]) -> JSONResponse:
    """200, or 207 with one error that names what is missing."""
    answer = _batch_answer(results)
    if not missing:
        return JSONResponse(answer)
    failure = {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some objects, they may be deleted or not exist. Check that ids are valid.",
        "context": {"ids": missing},
        "errors": [],
        "links": {},
    }
    return JSONResponse(answer | {"numErrors": 1, "errors": [failure]}, 207)


#: 190 requests in 10 s: a private app of a professional account.
STAND_IN = StandIn(
    vendor="hubspot",
    router=lambda store: router(HubSpot(store)),
    error=answers.hubspot,
    rate=lambda: Rate(190, 10),
)
