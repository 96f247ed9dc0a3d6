"""What one journey would come to in the next days under one version of its playbook or another, if nobody did anything.

The core decides as it does in production, on a clock that jumps. Touches arrive, no vendor fails, colleagues at the
account are written to no further, and what is unread now is read at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.core import steps
from domain.core.draft import Draft
from domain.core.phases import NURTURING
from domain.core.simulate import onward
from domain.decision import Decision
from domain.facts import Facts, OperatorCommand
from domain.playbook.compiled import CompiledPlaybook
from domain.state import JourneyState
from domain.words import DIRECT_CHANNELS, Channel, Phase, TouchStatus

#: Where a journey stands that no step is next for.
NOTHING_LEFT = "nothing left"
WITH_SALES = "with sales"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a journey stands. ``step`` is the next one, else why there is none; of ended ones the ending."""

    phase: Phase
    segment: str
    stage: str
    step: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A journey as it stands: its recorded state, what is known, and when it decides next."""

    state: JourneyState
    facts: Facts
    wakes: datetime


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of a journey. ``first`` is where it stands after the first decision (None when there is none in
    time), ``touches`` what would leave (step, asset, channel) and ``handoffs`` why it would be handed over. ``placed``
    are the rules by which that decision placed it anew (``domain.core.placing``).
    """

    first: Position | None
    touches: tuple[tuple[str, str, Channel], ...] = ()
    handoffs: tuple[str, ...] = ()
    ending: str = ""
    placed: tuple[str, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether nothing reaches the lead, though its journey goes on."""
        return not self.ending and not any(channel in DIRECT_CHANNELS for _, _, channel in self.touches)


def settled(state: JourneyState, facts: Facts) -> tuple[JourneyState, Facts]:
    """As it will be a moment from now: what is on its way has arrived."""
    under_way = {TouchStatus.PLANNED, TouchStatus.CLAIMED}
    touches = tuple(
        touch.model_copy(update={"status": TouchStatus.SENT})
        if touch.status in under_way and (touch.cycle != state.cycle or touch.number <= state.number)
        else touch
        for touch in facts.touches
    )
    return state.model_copy(update={"in_flight": ()}), facts.model_copy(update={"touches": touches})


def position(playbook: CompiledPlaybook, state: JourneyState, facts: Facts, now: datetime) -> Position:
    """Where the journey stands under this version."""
    return Position(state.phase, state.segment, state.stage, _step(playbook, state, facts, now))


def outlook(
    playbook: CompiledPlaybook,
    standing: Standing,
    now: datetime,
    until: datetime,
    commands: Sequence[OperatorCommand] = (),
) -> Outlook:
    """What would become of it from ``now`` until ``until``; it decides at ``now`` when it is commanded, else when it
    wakes. Raises ``RuntimeError`` where decisions would follow each other without end.
    """
    at = now if commands else max(now, standing.wakes)
    if at > until or standing.state.ended:
        return Outlook(None)
    asked = {now: commands} if commands else None
    first: Position | None = None
    placed: tuple[str, ...] = ()
    touches: list[tuple[str, str, Channel]] = []
    handoffs: list[str] = []
    state = standing.state
    for step in onward(playbook, standing.state, standing.facts, at, until, commands=asked):
        decision, state = step.decision, step.decision.state
        touches += [(touch.step, touch.asset, touch.channel) for touch in decision.send]
        if decision.open_handoff is not None:
            handoffs.append(decision.open_handoff.reason)
        if first is None:
            first, placed = position(playbook, state, step.facts, decision.at), _placed(decision)
    return Outlook(first, tuple(touches), tuple(handoffs), state.ending or "", placed)


def _placed(decision: Decision) -> tuple[str, ...]:
    return tuple(what for reason in decision.reasons if reason.rule == "placed" for what in reason.evidence)


def _step(playbook: CompiledPlaybook, state: JourneyState, facts: Facts, now: datetime) -> str:
    if state.ended:
        return state.ending or Phase.ENDED
    if state.phase not in NURTURING:
        return WITH_SALES if state.handoff is not None else state.phase.replace("_", " ")
    if state.pending:
        return min(state.pending, key=lambda touch: touch.due).step
    following = steps.following(Draft(playbook, state, facts, now))
    return following.touch.id if following else NOTHING_LEFT
