"""What the core concluded at one wake: new state, commands, next wake, and the reasons in words.

The part that drives the workflow (state, touches to send, when to wake) is recorded in Temporal history; the rest
(reasons with evidence, what was rejected, desired state of lists) goes to the database in one transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.compact import Compact
from domain.state import JourneyState
from domain.words import Channel


class Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# The small parts of a decision, dozens in each, are plain dataclasses: one takes a fifth of a model's time to make, and
# half of a frozen one's. Nobody changes them.


@dataclass(slots=True)
class Reason:
    """Why something was concluded. ``rule`` is the playbook's or the core's name for it; ``evidence`` its inputs."""

    rule: str
    text: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Rejected:
    """What was considered and not done. ``until`` is when it could happen, where that is known."""

    what: str
    why: str
    rule: str
    until: datetime | None = None


@dataclass(slots=True)
class Contribution:
    """One rule's or behaviour's part of a score, in points after decay and caps."""

    rule: str
    points: float
    text: str = ""


class Scores(Told):
    """Fit (attributes) and intent (behaviour), 0–100 each, kept apart; ``grade`` is the fit's letter."""

    fit: int = 0
    intent: int = 0
    grade: str = ""
    contributions: tuple[Contribution, ...] = ()


class Priority(IntEnum):
    """Who goes first where workers are short, the lowest number before all others (Temporal's priority keys)."""

    SALES = 1  # handoffs and alerts: a seller is to act now
    ANSWER = 2  # a trigger's touch answers what the lead just did; a resend, what an operator did
    SCHEDULED = 3


class SendTouch(Compact):
    """Command: carry out one touch, once. ``key`` is ``lead/cycle/epoch/step[/occurrence]`` (DESIGN decision 4).

    ``variant`` is ``experiment:variant`` where the step is part of one.
    """

    key: str
    channel: Channel
    step: str
    asset: str = ""
    note: str = ""
    variant: str = ""
    priority: Priority = Priority.SCHEDULED


class OpenHandoff(Told):
    """Command: give the lead to sales. ``touch`` is the SDR task that carries the brief."""

    id: str
    reason: str
    sla_at: datetime
    brief: Mapping[str, Any]


class ResolveHandoff(Told):
    """Command: close the open handoff. ``outcome``: accepted, rejected, expired or withdrawn."""

    id: str
    outcome: str
    reason: str = ""


class Suppress(Told):
    """Command: never contact this person again, for the reason given."""

    reason: str


@dataclass(slots=True)
class Wake:
    """When to decide next if nothing happens before, and why then.

    ``patience``: what waits for it may leave so much later, and lets what is more urgent go before.
    """

    at: datetime
    cause: str
    patience: timedelta = timedelta()

    @property
    def comes(self) -> datetime:
        """When the journey is woken."""
        return self.at + self.patience


class Decision(Told):
    """One decision, whole. ``audiences`` maps audience id to "should be a member"; ``crm`` is the desired C20 fields.

    ``forward`` says what would move the lead on. ``title`` is one line; neither contains personal data.
    ``rewound_to`` is the number of the decision that this one goes on from, where that is not the one before it.
    """

    state: JourneyState
    at: datetime
    title: str
    scores: Scores = Scores()
    send: tuple[SendTouch, ...] = ()
    withdraw: tuple[str, ...] = ()
    open_handoff: OpenHandoff | None = None
    resolve_handoff: ResolveHandoff | None = None
    suppress: Suppress | None = None
    audiences: Mapping[str, bool] = {}
    crm: Mapping[str, Any] = {}
    next_wake: Wake | None = None
    next_touch_at: datetime | None = None
    reasons: tuple[Reason, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    forward: tuple[str, ...] = ()
    rewound_to: int | None = None
