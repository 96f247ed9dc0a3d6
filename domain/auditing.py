"""Never lose a lead (C37): what must hold of every lead, and what the audit calls each way in which it does not.

Both sides say what they know of a lead: the database what was recorded (``Record``), Temporal what runs (``Run``).
``findings`` compares them. It is pure: the same rules judge the first look over everybody, which may be behind (lists
of workflows lag), and the second one at the few suspects, which is exact.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Drift(StrEnum):
    """What can be wrong. Stored, and the label of ``tendril_audit_drift``: values never change their meaning."""

    LOST = "lost"
    NOT_BEGUN = "not_begun"
    NO_NEXT_WAKE = "no_next_wake"
    OVERDUE = "overdue"
    UNREAD = "unread"
    WAKE_STUCK = "wake_stuck"
    LINGERING = "lingering"
    UNRECORDED = "unrecorded"
    ORPHAN = "orphan"
    DISAGREES = "disagrees"
    TWO_CYCLES = "two_cycles"
    PLAYBOOK_MISSING = "playbook_missing"
    CLAIM_OPEN = "claim_open"
    TOUCH_FORGOTTEN = "touch_forgotten"
    HANDOFF_WITHOUT_CLOCK = "handoff_without_clock"
    AUDIENCE_BEHIND = "audience_behind"
    CRM_BEHIND = "crm_behind"
    NEWS_UNREAD = "news_unread"
    IMPORT_UNFINISHED = "import_unfinished"
    ERASURE_UNFINISHED = "erasure_unfinished"
    SCHEDULE_MISSING = "schedule_missing"
    SCHEDULE_PAUSED = "schedule_paused"
    TOUCH_PARKED = "touch_parked"
    AUDIENCE_REFUSED = "audience_refused"
    CRM_REFUSED = "crm_refused"
    DEAD_LETTER = "dead_letter"
    RESTORED = "restored"
    BEHAVIOUR_LOST = "behaviour_lost"


class Repair(StrEnum):
    """What the audit itself does about it. ``WAKE`` and ``SIGNAL`` are safe at any time: a journey that is told for
    nothing decides that nothing is to do. The others are done only where somebody asked for repairs.
    """

    NONE = "none"
    WAKE = "wake"  # the relay tells the journey, starts it, or brings it back from its last recorded state
    SIGNAL = "signal"  # the workflow is told itself: it sees what is recorded and goes on from there
    TERMINATE = "terminate"
    SCHEDULE = "schedule"  # schedules are made as the settings have them


#: What the hourly audit may do by itself.
SAFE = frozenset({Repair.WAKE, Repair.SIGNAL})


@dataclass(frozen=True, slots=True)
class Kind:
    """What a finding means, what is done about it and what a person can do.

    A ``notice`` is no drift: it is as it should be and a person should know, or nothing can bring it back.
    """

    means: str
    remedy: str
    repair: Repair = Repair.NONE
    notice: bool = False


KINDS: Mapping[Drift, Kind] = {
    Drift.LOST: Kind(
        "in flight by its record, and no workflow runs",
        "It is woken: the relay brings it back from its last recorded state.",
        Repair.WAKE,
    ),
    Drift.NOT_BEGUN: Kind(
        "enrolled, and has decided nothing yet",
        "It is woken. If it stays, see that a worker runs and reads its task queue.",
        Repair.WAKE,
    ),
    Drift.NO_NEXT_WAKE: Kind(
        "in flight, not paused, and nothing will wake it by itself",
        "It is woken and decides anew. If it stays, `tendril journeys explain` shows its last decision.",
        Repair.WAKE,
    ),
    Drift.OVERDUE: Kind(
        "its time has passed and it has not decided",
        "It is woken. If it stays, its decisions fail: the worker's log says why.",
        Repair.WAKE,
    ),
    Drift.UNREAD: Kind(
        "behaviour that it has not considered, and no wake on its way",
        "It is woken. If it stays, its decisions fail: the worker's log says why.",
        Repair.WAKE,
    ),
    Drift.WAKE_STUCK: Kind(
        "a wake that was told again and again and is not settled",
        "See that Temporal answers; its page of the workflow says what the journey does. It is told directly.",
        Repair.SIGNAL,
    ),
    Drift.LINGERING: Kind(
        "ended by its record, and its workflow still runs",
        "The workflow is told: it reads the record and ends.",
        Repair.SIGNAL,
    ),
    Drift.UNRECORDED: Kind(
        "a workflow runs for a lead who has no journey here",
        "The workflow is told: it writes back from its history what this database has forgotten.",
        Repair.SIGNAL,
    ),
    Drift.ORPHAN: Kind(
        "a workflow runs for a lead whom this database does not know",
        "The lead came after the backup that was restored, or was removed by hand: send it again, under a new id."
        " `--repair` ends the workflow, which can send nothing.",
        Repair.TERMINATE,
    ),
    Drift.DISAGREES: Kind(
        "its record and its workflow are at different decisions",
        "The workflow is told: whichever side is behind is brought up to the other before anything is decided.",
        Repair.SIGNAL,
    ),
    Drift.TWO_CYCLES: Kind(
        "two journeys of one lead are in flight",
        "End the earlier one: `tendril journeys end`.",
    ),
    Drift.PLAYBOOK_MISSING: Kind(
        "its playbook version is not in this database: it can't decide",
        "Apply that version again from the files (`tendril playbook apply`); its journeys go on by themselves.",
    ),
    Drift.CLAIM_OPEN: Kind(
        "claimed long ago, and nobody has found out whether it was sent",
        "The reconciler asks its vendor every round: see that the schedule runs and the vendor answers.",
    ),
    Drift.TOUCH_FORGOTTEN: Kind(
        "planned long ago, and neither sent nor withdrawn",
        "Its journey is woken and carries it on, or withdraws it.",
        Repair.WAKE,
    ),
    Drift.HANDOFF_WITHOUT_CLOCK: Kind(
        "an open handoff whose time to answer nobody keeps any more",
        "Answer it (`POST /v1/handoffs/ID/accept` or `reject`); a journey in flight is woken.",
        Repair.WAKE,
    ),
    Drift.AUDIENCE_BEHIND: Kind(
        "a list membership that its network has not been told of",
        "See that the reconcile schedule runs and `tendril connect` for the network.",
    ),
    Drift.CRM_BEHIND: Kind(
        "CRM fields that the CRM has not been told of",
        "See that the reconcile schedule runs and `tendril crm` for what stands in the way.",
    ),
    Drift.NEWS_UNREAD: Kind(
        "the CRM told of a change that has not been read",
        "See that the reconcile schedule runs and that the CRM answers (`tendril connect`).",
    ),
    Drift.IMPORT_UNFINISHED: Kind(
        "an import that stopped: the rest of its rows was never enrolled",
        "Run the same import again: it goes on where it stopped.",
    ),
    Drift.ERASURE_UNFINISHED: Kind(
        "an erasure that is not carried out everywhere",
        "`tendril leads show` says what it waits for.",
    ),
    Drift.SCHEDULE_MISSING: Kind(
        "a schedule that Temporal does not have",
        "A worker makes it at its start, and so does `--repair`.",
        Repair.SCHEDULE,
    ),
    Drift.SCHEDULE_PAUSED: Kind(
        "a schedule that somebody paused",
        "Nothing is pushed meanwhile. Unpause it in the Temporal UI once its reason is gone.",
    ),
    Drift.TOUCH_PARKED: Kind(
        "nobody can tell whether it was delivered: a person must find out",
        "Ask the receiver or the vendor; then `tendril touches` settles it.",
        notice=True,
    ),
    Drift.AUDIENCE_REFUSED: Kind(
        "a list membership that its network refused", "It is tried again; the error is in its row.", notice=True
    ),
    Drift.CRM_REFUSED: Kind(
        "CRM fields that the CRM refused", "`tendril crm` shows the error; it is tried again.", notice=True
    ),
    Drift.DEAD_LETTER: Kind(
        "events that could not be understood",
        "`tendril events dead-letters list`, and `replay` once they can be.",
        notice=True,
    ),
    Drift.RESTORED: Kind(
        "this database had forgotten part of a journey, which was written back from Temporal's history",
        "Nothing to do: nothing is sent twice. Reasons and scores of those decisions are not in Temporal.",
        notice=True,
    ),
    Drift.BEHAVIOUR_LOST: Kind(
        "behaviour that a journey had considered and this database no longer has",
        "Whoever sent it can send it again: it counts once.",
        notice=True,
    ),
}

#: A wake may be so long on its way before anything is said: relays look for the forgotten themselves meanwhile.
WAKING = timedelta(minutes=2)
#: So late a timer may be. After five minutes the relay wakes journeys that missed theirs.
LATE = timedelta(minutes=10)
#: A wake that was tried so often, for so long, is stuck.
MANY_ATTEMPTS = 5
STUCK = timedelta(minutes=5)
#: What has just been recorded may not show on the other side yet.
SETTLING = timedelta(minutes=1)


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

    ``busy``: it still waits for something that it asked for, such as a touch on its way.
    """

    shown: Shown | None = None
    cycle: int | None = None
    number: int | None = None
    busy: bool = False


def findings(lead: str, record: Record | None, run: Run | None, now: datetime, *, known: bool = True) -> list[Finding]:
    """What is wrong with one lead. ``known``: there is such a lead, journey or not."""
    if record is None:
        return list(_unrecorded(lead, run, known))
    return [*_of_record(record, now), *_of_both(record, run, now)]


def _unrecorded(lead: str, run: Run | None, known: bool) -> Iterator[Finding]:
    if run is not None:
        at = f"cycle {run.cycle}, decision {run.number}" if run.number is not None else ""
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
    elif record.number and _disagree(record, run, now - last > SETTLING):
        place = f"recorded {record.cycle}/{record.number}, the workflow is at {run.cycle}/{run.number}"
        yield Finding(Drift.DISAGREES, lead, lead, last, "" if run.number is None else place)


def _disagree(record: Record, run: Run, settled: bool) -> bool:
    """The record of a decision is written just before the history's: it may be one ahead, for a moment."""
    if run.number is None:
        return settled and run.shown is not None and run.shown != record.shown
    ahead = (record.cycle, record.number) > (run.cycle or 0, run.number)
    return (record.cycle, record.number) != (run.cycle, run.number) and (settled or not ahead)


#: Judged from a list of workflows, which lags behind: a second look decides.
SUSPICIONS = frozenset({Drift.LOST, Drift.LINGERING, Drift.UNRECORDED, Drift.ORPHAN, Drift.DISAGREES})
