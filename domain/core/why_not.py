"""Why a touch was not sent (C32): asked of the same rules that decide, on the same facts, without deciding anything.

First what is recorded: the ledger, and what the decision in force rejected and why. Then what the rules say of these
facts now. The first that stands in the way is the answer; a touch that nothing stands in the way of has a time.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from domain.core import experiments, holds, steps
from domain.core.decide import decide
from domain.core.draft import Draft
from domain.core.phases import NURTURING
from domain.core.touchpoints import Touchpoint
from domain.core.verdicts import Answer, Verdict
from domain.decision import Decision, Rejected
from domain.facts import Facts, TouchFact
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.phrases import phrases_of
from domain.playbook.syntax import demands
from domain.state import JourneyState, PendingTouch
from domain.words import DIRECT_CHANNELS, REPLANNABLE, Channel, TouchStatus

_WORDS = 120
#: Steps before this one that are named; others are counted.
_NAMED = 3


_IN_LEDGER = {
    TouchStatus.SENT: (Verdict.SENT, "it was sent"),
    TouchStatus.PLANNED: (Verdict.ON_ITS_WAY, "it is planned and on its way"),
    TouchStatus.CLAIMED: (Verdict.ON_ITS_WAY, "it is being sent"),
    TouchStatus.UNKNOWN: (Verdict.UNKNOWN, "whether it left is not known: `tendril touches unknown` settles it"),
    TouchStatus.FAILED: (Verdict.FAILED, "it can't be delivered, and is not tried again"),
}
#: Rules that only say when.
_TIMES = frozenset({"gap", "least_gap", "window", "spread", "holiday"})
#: What a decision may say of every touch at once.
_OF_ALL = ("next touch", "touches")


class Question:
    """A journey's state and what is known, with the playbook that decides it; asked about as many touches as one likes.

    ``recorded`` is what the decision in force rejected. Times are aware UTC on the deployment's clock.
    """

    def __init__(
        self,
        playbook: CompiledPlaybook,
        state: JourneyState,
        facts: Facts,
        now: datetime,
        recorded: Sequence[Rejected] = (),
    ) -> None:
        self._playbook = playbook
        self._facts = facts
        self._draft = Draft(playbook, state, facts, now)
        self._recorded = [one for one in recorded if one.until is None or one.until > now]
        self._next: Decision | None = None

    def answer(self, point: Touchpoint) -> Answer:
        """The first thing that stands in the way."""
        answers = (*self._ledger(point), *self._journey(point), *self._own(point))
        return next(iter(answers), self._timing(point))

    # --- the ledger ----------------------------------------------------------------------------------------------

    def _ledger(self, point: Touchpoint) -> Iterator[Answer]:
        """What became of it in this journey. What was refused or called back may come again, so it is no answer yet."""
        own = [t for t in self._facts.touches if t.step == point.step and t.cycle == self._draft.state.cycle]
        last = max(own, key=lambda touch: touch.at, default=None)
        again = last is None or last.status in REPLANNABLE or (point.trigger is not None and self._waiting(point))
        if last is not None and not again:
            yield self._of_ledger(point, last)

    def _of_ledger(self, point: Touchpoint, touch: TouchFact) -> Answer:
        verdict, why = _IN_LEDGER[touch.status]
        return Answer(point, verdict, f"{why} ({touch.at:%Y-%m-%d %H:%M} UTC)", key=touch.key, at=touch.at)

    # --- the journey ---------------------------------------------------------------------------------------------

    def _journey(self, point: Touchpoint) -> Iterator[Answer]:
        draft, state, direct = self._draft, self._draft.state, point.channel in DIRECT_CHANNELS
        if state.ended:
            reason = f" ({_spaced(state.ending_reason)})" if state.ending_reason else ""
            yield Answer(point, Verdict.ENDED, f"the journey has ended: {_spaced(state.ending or '')}{reason}")
        if direct and draft.facts.permission.suppressed:
            why = f"nobody may write to the lead: {_spaced(draft.facts.permission.suppressed)}"
            yield Answer(point, Verdict.SUPPRESSED, why)
        if draft.hold is not None:
            yield Answer(point, Verdict.HELD, f"an operator holds {draft.hold.scope} since {_day(draft.hold.since)}")
        for hold in draft.facts.holds:
            if holds.keeps(draft, hold, point.channel):
                yield Answer(point, Verdict.HELD, f"an operator holds {hold.scope} since {_day(hold.since)}")
        if state.paused_since is not None:
            yield Answer(point, Verdict.PAUSED, f"the journey is paused since {_day(state.paused_since)}")
        if state.number == 0:
            yield Answer(point, Verdict.UNDECIDED, "the journey has not made its first decision yet")
        elif state.phase not in NURTURING:
            yield Answer(point, Verdict.PHASE, self._phase(), until=state.resume_at)

    def _phase(self) -> str:
        state = self._draft.state
        until = f" until {_day(state.resume_at)}" if state.resume_at else ""
        return f"nothing is sent in the phase {_spaced(state.phase)}{until}"

    # --- the touch itself ----------------------------------------------------------------------------------------

    def _own(self, point: Touchpoint) -> Iterator[Answer]:
        if point.trigger is not None:
            yield from self._trigger(point)
        elif point.touch is not None:
            yield from self._step(point)

    def _step(self, point: Touchpoint) -> Iterator[Answer]:
        draft, touch = self._draft, point.touch
        assert touch is not None  # noqa: S101 - the caller has looked
        present = steps.present(draft)
        if touch not in present:
            yield Answer(point, Verdict.NOT_ON_TRACK, f"it is a step of {point.where}; the lead is in {self._here()}")
            return
        if touch.id in draft.state.passed:
            yield Answer(point, Verdict.PASSED_OVER, self._said(point) or "a wait passed it over in this track")
        arm = experiments.arm(draft, touch.id) if draft.rules.experiments else None
        varied = experiments.varied(touch, arm)
        yield from self._impossible(point, varied.channel, varied.asset or "")
        if arm is not None and arm.variant is None:
            yield self._holdout(point, arm)
        if touch.ask is not None and touch.id not in [one.touch.id for one in steps.possible(draft)]:
            yield Answer(point, Verdict.KNOWN, "what it asks for is known")
        yield from self._condition(point, touch.when)
        yield from self._order(point)

    def _trigger(self, point: Touchpoint) -> Iterator[Answer]:
        draft, trigger = self._draft, point.trigger
        assert trigger is not None  # noqa: S101 - the caller has looked
        yield from self._impossible(point, point.channel, point.asset)
        if self._waiting(point) is not None:
            return
        step = steps.step_of(trigger.id)
        arm = experiments.arm(draft, step) if draft.rules.experiments else None
        if arm is not None and arm.variant is None:
            yield self._holdout(point, arm)
        yield from self._not_triggered(point)

    def _not_triggered(self, point: Touchpoint) -> Iterator[Answer]:
        draft, trigger = self._draft, point.trigger
        assert trigger is not None  # noqa: S101 - the caller has looked
        counted = {**draft.rules.behaviours, **draft.rules.patterns}
        label = counted[trigger.behaviour].label if trigger.behaviour in counted else trigger.behaviour
        hits = [hit for hit in draft.hits if hit.name == trigger.behaviour]
        said = self._said(point)
        if not hits:
            yield Answer(point, Verdict.NOT_TRIGGERED, f"what triggers it has not happened: {label}")
        elif said:
            yield Answer(point, Verdict.NOT_TRIGGERED, said)
        else:
            yield from self._condition(point, trigger.when)
            last = max(hit.at for hit in hits)
            why = f"what triggers it ({label}) last happened on {_day(last)}, and only news triggers"
            if not any(hit in draft.new for hit in hits):
                yield Answer(point, Verdict.NOT_TRIGGERED, why)

    def _impossible(self, point: Touchpoint, channel: Channel, asset: str) -> Iterator[Answer]:
        """What can never leave for this lead as things are."""
        draft = self._draft
        if closed := steps.closed(draft, channel):
            declined = channel in draft.facts.permission.declined
            yield Answer(point, Verdict.CONSENT if declined else Verdict.NO_ADDRESS, closed)
        if unwanted := steps.unwanted(draft, asset):
            yield Answer(point, Verdict.DECLINED_TOPIC, unwanted)
        seen = [t for t in draft.facts.touches if asset and t.asset == asset and t.status not in REPLANNABLE]
        if seen and not (point.trigger is not None and self._waiting(point)):
            last = max(seen, key=lambda touch: touch.at)
            why = f"nobody is sent the same twice: {asset} went out on {_day(last.at)} as the step {last.step}"
            yield Answer(point, Verdict.ASSET_SEEN, why, key=last.key, at=last.at)

    def _holdout(self, point: Touchpoint, arm: experiments.Arm) -> Answer:
        what = arm.experiment.label or arm.experiment.id
        return Answer(point, Verdict.HOLDOUT, f"the lead is held out of the experiment “{what}”")

    def _condition(self, point: Touchpoint, when: str | None) -> Iterator[Answer]:
        if when is None or self._draft.holds(when):
            return
        wanting = [part for part in demands(when) if not self._playbook.condition(part).holds(self._draft.values)]
        uses = dict.fromkeys(name for part in wanting for name in self._playbook.condition(part).uses)
        values = {name: self._draft.values[name] for name in uses}
        phrases = phrases_of(self._playbook)
        words = " and ".join(phrases.say(part, _WORDS) for part in wanting or [when])
        told = ", ".join(f"{name} is {_shown(value)}" for name, value in values.items())
        yield Answer(point, Verdict.CONDITION, f"its condition does not hold: {words} ({told})", values=values)

    def _order(self, point: Touchpoint) -> Iterator[Answer]:
        """Others that go first: a trigger's touch, and the steps before it."""
        draft = self._draft
        if draft.state.pending:
            ahead = draft.state.pending[0]
            why = f"the touch for {ahead.trigger} goes first"
            yield Answer(point, Verdict.OUTRANKED, why, until=ahead.due if ahead.due > draft.now else None)
        before = [one.touch.id for one in steps.possible(draft) if not one.touch.when or draft.holds(one.touch.when)]
        position = before.index(point.step) if point.step in before else 0
        if position:
            rest = f" and {position - _NAMED} others" if position > _NAMED else ""
            yield Answer(
                point, Verdict.BEHIND, f"other steps come before it: {', '.join(before[: min(position, _NAMED)])}{rest}"
            )

    # --- when ----------------------------------------------------------------------------------------------------

    def _timing(self, point: Touchpoint) -> Answer:
        """Nothing forbids it: what holds it back, or when it leaves."""
        held = [one for one in (*self._recorded, *self._decision.rejected) if self._is_about(one, point)]
        later = max((one.until for one in held if one.until is not None), default=None)
        if held:
            verdict = _held(max(held, key=lambda one: one.until or self._draft.now), held)
            why = "; ".join(dict.fromkeys(one.why for one in held))
            return Answer(point, verdict, why, until=later or self._leaves(point))
        waiting = self._waiting(point)
        at = self._leaves(point) or (waiting.due if waiting else None)
        why = "nothing stands in its way: it leaves at the next decision" if at is None else "its time has not come"
        return Answer(point, Verdict.WILL_BE_SENT, why, until=at)

    @property
    def _decision(self) -> Decision:
        """What would be decided on these facts now; nobody records it."""
        if self._next is None:
            self._next = decide(self._playbook, self._draft.before, self._facts, self._draft.now)
        return self._next

    def _leaves(self, point: Touchpoint) -> datetime | None:
        decision = self._decision
        if any(touch.step == point.step for touch in decision.send):
            return None
        return decision.next_touch_at

    def _waiting(self, point: Touchpoint) -> PendingTouch | None:
        """The trigger's touch where it fired and waits."""
        return next((one for one in self._draft.state.pending if one.step == point.step), None)

    def _said(self, point: Touchpoint) -> str:
        """What the decision in force said of it."""
        return next((one.why for one in self._recorded if self._is_about(one, point, alone=True)), "")

    def _is_about(self, rejected: Rejected, point: Touchpoint, *, alone: bool = False) -> bool:
        trigger = point.trigger.id if point.trigger else ""
        return rejected.what in {point.asset or point.step, point.step, trigger or point.step} or (
            not alone and rejected.what in _OF_ALL
        )

    def _here(self) -> str:
        state = self._draft.state
        if not self._draft.on_track:
            return "profiling" if state.profiling else "re-engagement"
        track = steps.track(self._draft)
        segment = f"segment {state.segment or 'none'}"
        return f"{segment}, {_spaced(state.stage)}" + ("" if track else ", which has no track")


def _held(last: Rejected, held: Sequence[Rejected]) -> Verdict:
    """What waits for nothing but its time will be sent then."""
    if last.rule in {"outranked", "replaced_by_trigger"}:
        return Verdict.OUTRANKED
    return Verdict.WILL_BE_SENT if all(one.rule in _TIMES and one.until for one in held) else Verdict.HELD_BACK


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "empty"
    return "unknown" if value == "" else str(value).lower() if isinstance(value, bool) else str(value)


def _spaced(word: str) -> str:
    return word.replace("_", " ")
