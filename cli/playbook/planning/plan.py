"""A plan: the versions before and after, what differs, and what would become of journeys in flight."""

import time
from dataclasses import dataclass
from typing import Any

from authoring.changes import Change, differences
from cli.importing.progress import progress
from cli.playbook.differing import as_data
from cli.playbook.planning.engine import Job, foretell
from cli.session import Session
from domain.errors import NotFound
from domain.planning.prospects import HORIZON
from domain.planning.totals import Totals
from domain.playbook.models import Playbook
from domain.versions import Policy
from storage import in_flight, playbooks
from storage.in_flight import InFlight


@dataclass(frozen=True)
class Plan:
    """``before`` is None where no version is in force yet. ``default`` is the policy that holds when none is chosen."""

    before: Playbook | None
    after: Playbook
    changes: tuple[Change, ...]
    in_flight: InFlight
    totals: Totals
    seed: int
    seconds: float = 0.0

    @property
    def unchanged(self) -> bool:
        return self.before is not None and self.before.content_hash() == self.after.content_hash()

    @property
    def replaces(self) -> str | None:
        return self.before.content_hash() if self.before else None

    @property
    def default(self) -> Policy:
        return Policy.FOLLOW if (self.before or self.after).follow else Policy.PIN

    @property
    def sampled(self) -> bool:
        return self.totals.journeys + self.totals.endless < self.in_flight.total

    def as_data(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {
            "playbook": self.after.name,
            "from": self.replaces,
            "to": self.after.content_hash(),
            "changes": as_data(self.changes),
            "in_flight": {"journeys": self.in_flight.total, "versions": self.in_flight.versions},
            "default_policy": self.default.value,
            "days": HORIZON.days,
            "foretold": self.totals.as_data() | {"sampled": self.sampled, "seed": self.seed if self.sampled else None},
            "seconds": round(self.seconds, 3),
        }


async def prepared(here: Session, after: Playbook, most: int, seed: int) -> Plan:
    """Foretell the change for at most so many journeys (0: for all). Writes nothing."""
    before = await _in_force(here, after.name)
    found = await in_flight.in_flight(here.database, after.name)
    plan = Plan(before, after, differences(before, after) if before else (), found, Totals(), seed)
    if plan.unchanged or not found.total:
        return plan
    began = time.monotonic()
    leads = await in_flight.some(here.database, after.name, most or found.total, seed)
    job = Job(
        database_url=here.database.url,
        before=plan.replaces or "",
        after=after.model_dump_json(),
        versions=tuple(await in_flight.documents(here.database, after.name)),
        now=here.now,
    )
    with progress("Foretelling", len(leads), unit="journeys") as show:
        totals = await foretell(job, leads, show)
    return Plan(before, after, plan.changes, found, totals, seed, time.monotonic() - began)


async def _in_force(here: Session, name: str) -> Playbook | None:
    try:
        _, content_hash = await playbooks.active(here.database, name)
    except NotFound:
        return None
    return await playbooks.read(here.database.pool, content_hash)
