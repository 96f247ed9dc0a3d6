"""What the live view shows at one moment, read from the database and the supervisor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runtime.embedded.children import Child
from storage import views
from storage.database import Database

_DECISIONS = 30


@dataclass(frozen=True)
class Process:
    """A child, as shown."""

    name: str
    condition: str
    pid: int | None
    restarts: int


@dataclass(frozen=True)
class Told:
    """A decision in words; ``at`` is deployment time."""

    at: datetime
    lead: str
    words: str


@dataclass(frozen=True)
class Figures:
    """Counts of journeys, touches and handoffs. Keys are the words of ``domain.words``."""

    statuses: Mapping[str, int] = field(default_factory=dict)
    stages: Mapping[str, int] = field(default_factory=dict)
    endings: Mapping[str, int] = field(default_factory=dict)
    touches: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    handoffs: Mapping[str, int] = field(default_factory=dict)
    decisions: tuple[Told, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """Everything on the screen. ``scale`` is deployment seconds per real second, ``running_for`` real seconds."""

    deployment_time: datetime
    scale: float
    running_for: float
    addresses: Mapping[str, str]
    processes: tuple[Process, ...]
    figures: Figures
    notes: tuple[tuple[datetime, str], ...]
    answering: bool = True
    #: The sample's visitors have done all that they will: what still happens is silence and its endings.
    story_told: bool = False


def processes(children: Mapping[str, Child]) -> tuple[Process, ...]:
    return tuple(Process(one.name, one.condition.value, one.pid, one.restarts) for one in children.values())


async def figures(database: Database) -> Figures:
    """Read the counts and the newest decisions."""
    counts = await views.counts(database)
    return Figures(
        statuses=counts["journeys"]["status"],
        stages=counts["journeys"]["stage"],
        endings=counts["journeys"]["ending"],
        touches=counts["touches"],
        handoffs=counts["handoffs"],
        decisions=tuple(
            Told(at=row["at"], lead=row["lead_id"], words=row["title"])
            for row in await views.last_decisions(database, _DECISIONS)
        ),
    )
