"""What the audit calls each thing that is not as it must be (C37): what it means, and what is done about it."""

from collections.abc import Mapping
from dataclasses import dataclass
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
    UNREADABLE = "unreadable"
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
        "its record and its workflow are at different decisions, or show different things",
        "The workflow is told: whichever side is behind is brought up to the other before anything is decided.",
        Repair.SIGNAL,
    ),
    Drift.UNREADABLE: Kind(
        "its workflow's history can't be read: it lacks a payload key, or is no history of this build's",
        "Give this process all payload keys (docs/security.md), or ask with the build that wrote it.",
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
        "Nothing is pushed (tendril-reconcile), or looked after (tendril-audit) meanwhile. Unpause it in the Temporal"
        " UI once its reason is gone.",
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
