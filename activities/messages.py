"""What journeys and their activities say to each other. It lands in Temporal history: small, and nothing personal."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from domain.compact import Compact
from domain.decision import SendTouch
from domain.facts import OperatorCommand
from domain.state import JourneyState

__all__ = [
    "OUTSTANDING",
    "STOPPING",
    "DecideInput",
    "DecideResult",
    "SendTouch",
    "TouchOutcome",
    "TouchResult",
    "Watch",
]

OUTSTANDING = "outstanding"
#: Type of the error with which a watch ends because its worker stops.
STOPPING = "Stopping"


class TouchResult(StrEnum):
    """How an activity that carries out a touch ended."""

    SENT = "sent"
    REFUSED = "refused"  # suppression, consent or a cap said no at the last moment
    WITHDRAWN = "withdrawn"
    HELD = "held"  # the window closed before it could leave, or an operator holds it: the journey decides when it does
    FAILED = "failed"
    UNKNOWN = "unknown"  # parked: a person must find out whether it was delivered


class TouchOutcome(Compact):
    """What became of one touch. ``detail`` says why, in opaque words."""

    key: str
    result: TouchResult
    detail: str = ""


class DecideInput(Compact):
    """Input of ``decide``; as a local activity's input it is not recorded in history.

    ``now`` is real time. ``in_flight`` are keys of touches whose activity runs. ``shown`` are the search attributes as
    last set, and ``forward`` the words last shown, so that only changes come back.
    """

    state: JourneyState
    now: datetime
    wakes: tuple[str, ...] = ()
    commands: tuple[OperatorCommand, ...] = ()
    outcomes: tuple[TouchOutcome, ...] = ()
    in_flight: tuple[str, ...] = ()
    shown: Mapping[str, str | int] = {}
    forward: str = ""

    @property
    def cause(self) -> str:
        """Why this decision is made, in a few words: the strongest of what the journey was told."""
        if self.commands:
            return "command: " + ", ".join(command.kind for command in self.commands)
        if self.outcomes:
            return "touch " + ", ".join(outcome.result for outcome in self.outcomes)
        if self.wakes:
            return "behaviour"
        return "timer" if self.state.number else "enrolled"


class DecideResult(Compact):
    """The recorded part of a decision: what the journey must do and show.

    ``wake_at`` is real time, none when only a wake or a command can move the journey. ``cause`` says why it wakes then.
    ``forward`` says what would move the lead on; none when that has not changed. ``show`` holds changed search
    attributes by name; times are ISO-8601, "" unsets.
    """

    state: JourneyState
    send: tuple[SendTouch, ...] = ()
    withdraw: tuple[str, ...] = ()
    wake_at: datetime | None = None
    cause: str = ""
    title: str
    why: str = ""
    forward: str | None = None
    show: Mapping[str, str | int] = {}


class Watch(Compact):
    """Input of ``outstanding``, in seconds: look after ``after``, then every ``every``, while ``lasting`` have not
    passed. ``busy`` names activities that are at work.
    """

    after: float = 0.0
    every: float
    lasting: float = 0.0
    busy: tuple[str, ...] = ()
