"""Never lose a lead (C37): what must hold of every lead. What each kind of drift means, ``domain.drift`` says.

Both sides say what they know of a lead: the database what was recorded (``Record``), Temporal what runs (``Run``).
``findings`` compares them. It is pure: the same rules judge the first look over everybody, which may be behind (lists
of workflows lag), and the second one at the few suspects, which is exact.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.drift import KINDS, Drift

#: A wake may be so long on its way before anything is said: relays look for the forgotten themselves meanwhile.
WAKING = timedelta(minutes=2)
#: So late a timer may be. After five minutes the relay wakes journeys that missed theirs.
LATE = timedelta(minutes=10)
#: A wake that was tried so often, for so long, is stuck.
MANY_ATTEMPTS = 5
STUCK = timedelta(minutes=5)
#: What has just been recorded may not show on the other side yet.
SETTLING = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be. ``subject`` is a lead, or what else it is about: a touch's key, a schedule.

    ``since`` is real time. ``detail`` holds numbers and opaque ids, nothing personal.
    """

    kind: Drift
    subject: str
    lead: str = ""
    since: datetime | None = None
    detail: str = ""

    @property
    def notice(self) -> bool:
        return KINDS[self.kind].notice


#: What is seen of a journey on either side without asking it: status, stage, segment and path.
Shown = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """A lead's latest journey as the database has it. All times are real: no clock scales what is too long.

    ``unread_since``: the oldest behaviour that it has not considered. ``wake_since``: the wake that waits for the
    relay, of ``wake_attempts``. ``open_cycles``: how many of the lead's journeys have not ended.
    """

    lead: str
    cycle: int
    number: int
    started_at: datetime
    shown: Shown
    decided_at: datetime | None = None
    ended_at: datetime | None = None
    next_wake_at: datetime | None = None
    paused: bool = False
    unread_since: datetime | None = None
    wake_since: datetime | None = None
    wake_attempts: int = 0
    open_cycles: int = 1
    playbook: str = ""
    playbook_known: bool = True


@dataclass(frozen=True, slots=True)
class Run:
    """A workflow that runs. ``number`` is its last decision, known only at the second look, as ``cycle`` is.

    ``busy``: it still waits for something that it asked for, such as a touch on its way. ``readable``: whether the
    second look could read its history.
    """

    shown: Shown | None = None
    cycle: int | None = None
    number: int | None = None
    busy: bool = False
    readable: bool = True


def findings(lead: str, record: Record | None, run: Run | None, now: datetime, *, known: bool = True) -> list[Finding]:
    """What is wrong with one lead. ``known``: there is such a lead, journey or not."""
    if record is None:
        return list(_unrecorded(lead, run, known))
    return [*_of_record(record, now), *_of_both(record, run, now)]


def _unrecorded(lead: str, run: Run | None, known: bool) -> Iterator[Finding]:
    if run is not None:
        at = f"cycle {run.cycle}, decision {run.number}" if run.number is not None else ""
        at = at if run.readable else "its history can't be read"
        yield Finding(Drift.UNRECORDED if known else Drift.ORPHAN, lead, lead, detail=at)


def _of_record(record: Record, now: datetime) -> Iterator[Finding]:
    """What the record shows by itself."""
    lead = record.lead
    if record.open_cycles > 1:
        yield Finding(Drift.TWO_CYCLES, lead, lead, detail=f"{record.open_cycles} journeys")
    if record.wake_since and record.wake_attempts >= MANY_ATTEMPTS and now - record.wake_since > STUCK:
        yield Finding(Drift.WAKE_STUCK, lead, lead, record.wake_since, f"{record.wake_attempts} attempts")
    if record.ended_at is not None:
        return
    if not record.playbook_known:
        yield Finding(Drift.PLAYBOOK_MISSING, lead, lead, record.decided_at, f"version {record.playbook[:12]}")
    if record.wake_since is None:
        yield from _forgotten(record, now)


def _forgotten(record: Record, now: datetime) -> Iterator[Finding]:
    """A journey in flight that no wake is on its way to."""
    lead = record.lead
    if record.number == 0:
        if now - record.started_at > WAKING:
            yield Finding(Drift.NOT_BEGUN, lead, lead, record.started_at)
        return
    if record.paused:
        return
    if record.unread_since and now - record.unread_since > WAKING:
        yield Finding(Drift.UNREAD, lead, lead, record.unread_since)
    if record.next_wake_at is None:
        yield Finding(Drift.NO_NEXT_WAKE, lead, lead, record.decided_at, f"after decision {record.number}")
    elif now - record.next_wake_at > LATE:
        yield Finding(Drift.OVERDUE, lead, lead, record.next_wake_at, f"after decision {record.number}")


def _of_both(record: Record, run: Run | None, now: datetime) -> Iterator[Finding]:
    """What the record shows only beside the workflow, or beside its absence."""
    lead, last = record.lead, record.decided_at or record.started_at
    if record.ended_at is not None:
        if run is not None and not run.busy and now - record.ended_at > SETTLING:
            yield Finding(Drift.LINGERING, lead, lead, record.ended_at, f"ended with decision {record.number}")
    elif run is None:
        if record.wake_since is None and record.number and now - last > SETTLING:
            yield Finding(Drift.LOST, lead, lead, last, f"after decision {record.number}")
    elif not run.readable:
        yield Finding(Drift.UNREADABLE, lead, lead, last, f"after decision {record.number}")
    elif record.number and (differs := _disagree(record, run, now - last > SETTLING)):
        yield Finding(Drift.DISAGREES, lead, lead, last, differs)


def _disagree(record: Record, run: Run, settled: bool) -> str:
    """In what they differ; "" when they agree.

    The record of a decision is written just before the history's, and what is shown just after it: the record may be
    one ahead, and another thing be shown, for a moment.
    """
    recorded, at = (record.cycle, record.number), (run.cycle or 0, run.number or 0)
    if run.number is not None and recorded != at and (settled or recorded < at):
        return f"recorded {record.cycle}/{record.number}, the workflow is at {run.cycle}/{run.number}"
    if settled and run.shown is not None and run.shown != record.shown:
        return f"recorded {_words(record.shown)}; the workflow shows {_words(run.shown)}"
    return ""


def _words(shown: Shown) -> str:
    return ", ".join(filter(None, shown))


#: Judged from a list of workflows, which lags behind: a second look decides.
SUSPICIONS = frozenset({Drift.LOST, Drift.LINGERING, Drift.UNRECORDED, Drift.ORPHAN, Drift.DISAGREES})


class Audits(Protocol):
    """What the scheduled audit needs (``runtime.auditing``)."""

    async def everybody_safely(self, shown: Callable[[int], None]) -> Mapping[str, int]:
        """Audit everybody and do what is safe. Returns kind of finding → how many there are; ``shown`` is told how far
        it has come, several times a minute.
        """
        ...
