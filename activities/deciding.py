"""``decide``: load facts, ask the pure core, record what it concluded (DESIGN, The shape)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity

from activities.messages import DecideInput, DecideResult
from domain.core.decide import decide, version_in_force
from domain.core.placing import version_asked_for
from domain.decision import Decision
from domain.errors import NotFound
from domain.facts import Facts, OperatorCommand
from domain.playbook.compiled import CompiledPlaybook
from domain.ports import Clock, Journeys, Playbooks
from domain.standing import Standings, differ
from domain.state import JourneyState
from domain.words import CommandKind

#: A wake that is already due still leaves the worker this long: a rule that is due for ever must not spin.
_LEAST_WAIT = timedelta(milliseconds=200)
_KEYWORD_LIMIT = 200  # characters; the server terminates a workflow whose value exceeds 2,048 bytes
_WORDS_LIMIT = 240
_FORWARD_LIMIT = 480  # it changes with a stage, not with every decision
_CAUSE_LIMIT = 100
#: Scores shown in the UI may lag by this many points: an update is a history event and an index write (measured: a
#: third of the server's work for one wake), and a score that decays changes every day.
_SCORE_LAG = 10


@dataclass(frozen=True, slots=True)
class Deciding:
    """The ``decide`` activity. It runs as a local activity: its result is a marker in the journey's history."""

    journeys: Journeys
    playbooks: Playbooks
    clock: Clock
    standings: Standings | None = None

    @activity.defn(name="decide")
    async def decide(self, asked: DecideInput) -> DecideResult:
        """One decision. Any failure is retried by the journey for ever, and changes nothing until it succeeds."""
        now = self.clock.from_real(asked.now)
        run = activity.info().workflow_run_id or ""
        state = asked.state.model_copy(update={"in_flight": asked.in_flight})
        past = await self._past(state, asked.commands)
        facts = await self._gather(state, past, now)
        told = [outcome.key for outcome in asked.outcomes]
        commands = bool(asked.commands)
        if self.standings and differ(asked.state, facts, asked.in_flight, told, run, commands=commands):
            settled = await self.standings.settle(state, run, commands=commands)
            if settled.ended:
                return DecideResult(state=settled, title="The journey had ended: its record says so.")
            state = settled.model_copy(update={"in_flight": asked.in_flight})
            facts = await self._gather(state, past, now)
        ordered = await self._new(state, asked.commands)
        playbook = await self._playbook(state.playbook, facts, ordered)
        decision = decide(playbook, state, facts, now, ordered)
        await self.journeys.record(state, decision, asked.cause, asked.wakes, run)
        return self._result(asked, decision, facts, playbook)

    async def _new(self, state: JourneyState, commands: Sequence[OperatorCommand]) -> Sequence[OperatorCommand]:
        """Without those that an earlier decision has considered: a Temporal that lost an update is told it again."""
        if not commands:
            return commands
        known = await self.journeys.considered(state, [command.id for command in commands])
        return [command for command in commands if command.id not in known]

    async def _past(self, state: JourneyState, commands: Sequence[OperatorCommand]) -> dict[int, JourneyState]:
        """The states that commands ask to go back to, by decision; those that are not recorded are left out."""
        numbers = {one.to for one in commands if one.kind is CommandKind.REWIND and one.to is not None}
        found = {number: await self.journeys.recorded(state, number) for number in numbers}
        return {number: then for number, then in found.items() if then is not None}

    async def _gather(self, state: JourneyState, past: Mapping[int, JourneyState], now: datetime) -> Facts:
        """The facts of the state, and of those it may go back to: what was unread then is unread again."""
        cursor = min([state.cursor, *(then.cursor for then in past.values())])
        facts = await self.journeys.gather(state.model_copy(update={"cursor": cursor}), now)
        return facts.model_copy(update={"past": past}) if past else facts

    async def _playbook(self, own: str, facts: Facts, commands: Sequence[OperatorCommand]) -> CompiledPlaybook:
        """The version to decide with. One that an operator asks for and nobody knows is rejected by the core."""
        playbook = await self.playbooks.compiled(own)
        wanted = version_in_force(playbook, facts, commands)
        if wanted == own:
            return playbook
        try:
            return await self.playbooks.compiled(wanted)
        except NotFound:
            if wanted != version_asked_for(commands):
                raise
            return playbook

    def _result(self, asked: DecideInput, decision: Decision, facts: Facts, playbook: CompiledPlaybook) -> DecideResult:
        wake = decision.next_wake
        forward = _clamp("; ".join(decision.forward[:3]), _FORWARD_LIMIT)
        return DecideResult(
            state=decision.state,
            send=decision.send,
            withdraw=decision.withdraw,
            wake_at=self._real(wake.comes, asked.now) if wake else None,
            cause=_clamp(wake.cause, _CAUSE_LIMIT) if wake else "",
            title=_clamp(decision.title, _WORDS_LIMIT),
            why=_clamp("; ".join(reason.text for reason in decision.reasons[:3]), _WORDS_LIMIT),
            forward=forward if forward != asked.forward else None,
            show=_changes(asked.shown, self._attributes(decision, facts, playbook), _thresholds(playbook)),
        )

    def _real(self, at: datetime, now: datetime) -> datetime:
        """When to wake, in whole real milliseconds and never before ``at``: an early wake would decide in vain."""
        real = max(self.clock.to_real(at), now + _LEAST_WAIT)
        return real + timedelta(microseconds=-real.microsecond % 1000)

    def _attributes(self, decision: Decision, facts: Facts, playbook: CompiledPlaybook) -> dict[str, str | int]:
        """Every search attribute as it should be; "" where there is none."""
        state, touch_at = decision.state, decision.next_touch_at
        words = {
            "TendrilStatus": state.status.value,
            "TendrilStage": state.stage.value,
            "TendrilSegment": state.segment,
            "TendrilPath": state.phase.value,
            "TendrilAccount": facts.account.id,
            "TendrilPlaybook": playbook.document.name,
            "TendrilNextTouch": f"{self.clock.to_real(touch_at):%Y-%m-%dT%H:%M:%SZ}" if touch_at else "",
        }
        numbers = {"TendrilFit": decision.scores.fit, "TendrilIntent": decision.scores.intent}
        return {name: _clamp(value, _KEYWORD_LIMIT) for name, value in words.items()} | numbers


def _changes(
    shown: Mapping[str, str | int], wanted: dict[str, str | int], thresholds: tuple[int, ...]
) -> dict[str, str | int]:
    """What differs from what is shown. Once anything does, everything is brought up to date: it costs the same."""
    if any(_differs(shown.get(name, ""), value, thresholds) for name, value in wanted.items()):
        return {name: value for name, value in wanted.items() if shown.get(name, "") != value}
    return {}


def _differs(shown: str | int, wanted: str | int, thresholds: tuple[int, ...]) -> bool:
    """Words differ at once; a score when it moved far, or across a threshold that people search by."""
    if isinstance(shown, str) or isinstance(wanted, str):
        return shown != wanted
    crossed = any((shown >= at) != (wanted >= at) for at in thresholds)
    return crossed or abs(shown - wanted) > _SCORE_LAG


def _thresholds(playbook: CompiledPlaybook) -> tuple[int, ...]:
    scoring = playbook.document.scoring
    return (scoring.mql, scoring.sales_ready, *scoring.fit.grades.values())


def _clamp(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
