"""What the stand-in vendors know, and keeping it over a restart.

Everything is in memory and written to one JSON file, atomically, at most once a second and at shutdown.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, PrivateAttr

_WRITE_EVERY = 1.0
#: Properties whose values are indexed: those that address a record, in HubSpot and in our own account there.
_INDEXED = frozenset({"email", "tendril_lead_id", "tendril_touch_key"})
Held = TypeVar("Held", bound=BaseModel)


class CrmRecord(BaseModel):
    """A HubSpot object: a contact or a task. ``associations`` are ids of contacts."""

    id: str
    properties: dict[str, str]
    created_at: str
    updated_at: str
    associations: list[str] = []


class Segment(BaseModel):
    """A LinkedIn DMP segment with its members' hashes. ``status`` is one that was set, else what its size makes it."""

    id: str
    name: str
    account: str
    platform: str
    source_id: str
    status: str = ""
    members: set[str] = set()


class Delivery(BaseModel):
    """A webhook as received. ``times`` counts deliveries under the same id."""

    id: str
    receiver: str
    payload: dict[str, Any]
    received_at: str
    times: int = 1


class State(BaseModel):
    """All of it. ``records`` and ``properties`` are by HubSpot object type: contacts, tasks."""

    next_id: int = 101
    records: dict[str, dict[str, CrmRecord]] = {"contacts": {}, "tasks": {}}
    properties: dict[str, dict[str, dict[str, Any]]] = {"contacts": {}, "tasks": {}}
    segments: dict[str, Segment] = {}
    deliveries: dict[str, Delivery] = {}
    #: What each of the other stand-ins knows, by its name (``Store.of``).
    vendors: dict[str, dict[str, Any]] = {}

    _by_value: dict[tuple[str, str, str], str] = PrivateAttr(default_factory=dict)

    def model_post_init(self, _context: Any, /) -> None:
        for kind, records in self.records.items():
            for record in records.values():
                self._index(kind, record)

    def new_id(self) -> str:
        self.next_id += 1
        return str(self.next_id)

    def put(self, kind: str, record: CrmRecord, values: dict[str, str]) -> None:
        """Add or change a record."""
        for name in _INDEXED & record.properties.keys():
            self._by_value.pop((kind, name, record.properties[name].lower()), None)
        record.properties.update(values)
        self.records[kind][record.id] = record
        self._index(kind, record)

    def find(self, kind: str, name: str, value: str) -> CrmRecord | None:
        """The record with this value, compared without regard to case."""
        if name in _INDEXED:
            return self.records[kind].get(self._by_value.get((kind, name, value.lower()), ""))
        matches = (r for r in self.records[kind].values() if r.properties.get(name, "").lower() == value.lower())
        return next(matches, None) if value else None

    def _index(self, kind: str, record: CrmRecord) -> None:
        for name in _INDEXED & record.properties.keys():
            if value := record.properties[name].lower():
                self._by_value[kind, name, value] = record.id


class Store:
    """The state and its file. ``file`` None keeps it in memory only."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._changed = False
        self._held: dict[str, BaseModel] = {}
        self.state = self._read()

    def of(self, vendor: str, kind: type[Held]) -> Held:
        """What one stand-in knows: its own model, made or read once. Say ``changed`` when it does."""
        if vendor not in self._held:
            self._held[vendor] = kind.model_validate(self.state.vendors.get(vendor, {}))
        return cast("Held", self._held[vendor])

    def changed(self) -> None:
        """Say that the state is no longer what the file holds."""
        self._changed = True

    def write(self) -> None:
        """Write what changed. Raises ``OSError``."""
        if self._file is None or not self._changed:
            return
        self._changed = False
        self._file.parent.mkdir(parents=True, exist_ok=True)
        beside = self._file.with_suffix(".new")
        self.state.vendors |= {vendor: held.model_dump(mode="json") for vendor, held in self._held.items()}
        beside.write_text(self.state.model_dump_json(), encoding="utf-8")
        beside.replace(self._file)

    async def keep_writing(self) -> None:
        """Write now and then, until cancelled. A full disk is no reason for a stand-in to stop answering."""
        while True:
            await asyncio.sleep(_WRITE_EVERY)
            with suppress(OSError):
                self.write()

    def _read(self) -> State:
        if self._file is None or not self._file.exists():
            return State()
        return State.model_validate_json(self._file.read_text(encoding="utf-8"))


def timestamp() -> str:
    """Now, as vendors write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
