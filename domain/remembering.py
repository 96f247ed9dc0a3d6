"""What a workflow's history remembers of a journey, for a database that has forgotten part of it.

A history has each decision's state and what it sent, and what became of each touch. It has no reasons, scores, briefs
or behaviour: those are nowhere but in the database and its backups.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from domain.decision import SendTouch
from domain.state import JourneyState
from domain.words import Ending, TouchStatus

#: Endings after which nobody may write to the person again; the reason of the suppression is the same word.
FORBIDDING = frozenset({Ending.OPTED_OUT, Ending.COMPLAINED, Ending.HARD_BOUNCED})


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision of workflow run ``run``. On the deployment's clock; ``at`` is no earlier than what it read."""

    at: datetime
    state: JourneyState
    title: str
    run: str
    why: str = ""
    wake_at: datetime | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Carried:
    """A touch that was handed to an activity by decision ``number``, and what became of it.

    ``status`` is CLAIMED where nobody knows: it may be on its way, or have been sent. ``real_at`` is when it was handed
    over, ``at`` (deployment time) when that was known to have ended, or begun.
    """

    touch: SendTouch
    cycle: int
    number: int
    playbook: str
    status: TouchStatus
    at: datetime
    real_at: datetime


@dataclass(frozen=True, slots=True)
class Memory:
    """All that the histories of one lead's runs tell: decisions in force, in order, and touches by key."""

    decisions: Sequence[Decided] = ()
    touches: Sequence[Carried] = ()

    def of(self, cycle: int) -> list[Decided]:
        return [one for one in self.decisions if one.state.cycle == cycle]

    @property
    def cycles(self) -> list[int]:
        return sorted({one.state.cycle for one in self.decisions})


@dataclass(frozen=True, slots=True)
class HandoffSeen:
    """A handoff as it shows in states. ``outcome`` is "" while it is open. When its time is over is not in a state:
    ``sla_at`` is when the journey meant to look again.
    """

    id: str
    number: int
    reason: str
    opened: datetime
    sla_at: datetime
    outcome: str = ""
    resolved: int | None = None
    resolved_at: datetime | None = None


def handoffs(before: JourneyState | None, decisions: Iterable[Decided]) -> list[HandoffSeen]:
    """The handoffs that were open after ``before``, or opened by the decisions after it, each as it stands in the end.

    How one was resolved shows in what came of it: the journey ended as accepted, one more rejection, or neither.
    """
    seen: dict[str, HandoffSeen] = {}
    known = [] if before is None else [Decided(before.phase_since, before, "", "")]
    for former, now in pairwise([*known, *decisions]):
        for one in (former, now):
            if (handoff := one.state.handoff) and handoff.id not in seen:
                sla_at = one.wake_at or handoff.opened
                seen[handoff.id] = HandoffSeen(handoff.id, one.state.number, handoff.reason, handoff.opened, sla_at)
        gone = former.state.handoff
        if gone and (now.state.handoff is None or now.state.handoff.id != gone.id):
            opened = seen[gone.id]
            seen[gone.id] = HandoffSeen(
                gone.id, opened.number, gone.reason, gone.opened, opened.sla_at, *_resolved(former.state, now)
            )
    return list(seen.values())


def _resolved(former: JourneyState, now: Decided) -> tuple[str, int, datetime]:
    if now.state.ending is Ending.SALES_ACCEPTED:
        outcome = "accepted"
    elif len(now.state.rejections) > len(former.rejections):
        outcome = "rejected"
    else:
        outcome = "withdrawn" if now.state.ended else "expired"
    return outcome, now.state.number, now.at


def readable(decisions: Sequence[Decided], behaviour: Iterable[tuple[int, datetime]], newest: int) -> int:
    """Up to where a journey has really read the inbox as it is now: its cursor, or lower.

    ``behaviour`` is what stands in the inbox now, (position, received) in order; ``newest`` the last position given.
    An inbox that was restored gives positions anew that were taken before. What was received after the decision that
    passed its position is not what that decision read.
    """
    cursor = max((one.state.cursor for one in decisions), default=0)
    for position, received in behaviour:
        if position > cursor:
            break
        passed = next(one for one in decisions if one.state.cursor >= position)
        if received > passed.at:
            return position - 1
    return min(cursor, newest)


def in_force(runs: Iterable[tuple[JourneyState, Sequence[Decided]]]) -> list[Decided]:
    """The decisions in force of a lead's runs, newest first, each with the state that it began with; in order.

    A run that began from a state takes the place of all that was decided after it elsewhere.
    """
    return sorted(_in_force(runs), key=lambda one: (one.state.cycle, one.state.number))


def _in_force(runs: Iterable[tuple[JourneyState, Sequence[Decided]]]) -> Iterator[Decided]:
    limit: tuple[int, int] | None = None
    for begun, decisions in runs:
        yield from (one for one in decisions if limit is None or (one.state.cycle, one.state.number) <= limit)
        start = (begun.cycle, begun.number)
        limit = start if limit is None else min(limit, start)
