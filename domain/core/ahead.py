"""What time alone will change: conditions on days are looked at ahead, so that nobody waits for the next touch to be
asked whether three quiet weeks have passed.

Only the ``days.*`` and ``.days_ago`` variables move; what decays or leaves its window is seen at the next decision.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

from domain.core import experiments, paces, steps
from domain.core.draft import Draft
from domain.core.phases import NURTURING
from domain.playbook.days import united
from domain.playbook.models import (
    Audience,
    DisqualifyRule,
    Experiment,
    HandoffRule,
    Length,
    Pace,
    Segment,
    Touch,
    Transition,
    TriageRule,
)
from domain.playbook.phrases import phrases_of
from domain.words import Phase

_DAY = timedelta(days=1)
_HORIZON = timedelta(days=200)
_LONGEST = 80

#: What these do, they have done as soon as they hold; the others matter when they cease to hold as well.
_AtOnce = DisqualifyRule | HandoffRule | Transition
_BothWays = TriageRule | Segment | Length | Pace | Touch | Experiment | Audience
_Rule = _AtOnce | _BothWays
_First = TypeVar("_First", TriageRule, Segment, Length)


def next_step(draft: Draft) -> None:
    """Wake on the day on which a condition would change its answer, if that is before anything else."""
    if draft.state.phase not in NURTURING | {Phase.COOL_DOWN}:
        return
    watched = [rule for rule in _rules(draft) if rule.when and draft.playbook.marks(rule.when)]
    if not watched:
        return
    until = min([wake.comes for wake in draft.wakes if wake.at > draft.now], default=draft.now + _HORIZON)
    for moment in _moments(draft, watched, min(until, draft.now + _HORIZON)):
        for rule in watched:
            holds = draft.holds(rule.when or "")
            if _matters(rule, holds) and draft.will_hold(rule.when or "", moment) is not holds:
                words = phrases_of(draft.playbook).say(rule.when or "", _LONGEST)
                draft.wake(moment, f"{'no longer: ' if holds else ''}{words}: {_then(rule, holds)}")
                return


def _matters(rule: _Rule, holds: bool) -> bool:
    return not (holds and isinstance(rule, _AtOnce))


def _rules(draft: Draft) -> Iterator[_Rule]:
    """Those that would do something in this phase. While paused or held nobody is written to or handed over."""
    rules, state = draft.rules, draft.state
    yield from rules.disqualify
    if state.phase in NURTURING:
        stage = draft.playbook.stages.get(state.stage)
        yield from stage.transitions if stage else ()
        yield from rules.audiences
        yield from _that_decide(draft, rules.segments)
    if not draft.stopped:
        yield from rules.handoff.rules
        yield from _on_steps(draft) if state.phase in NURTURING else ()
        yield from _that_decide(draft, rules.triage) if state.profiling else ()


def _on_steps(draft: Draft) -> Iterator[_Rule]:
    """What says which step is next, and when it is due: those before it that are held back, and what shortens gaps."""
    present = steps.present(draft)
    if any(touch.when and draft.playbook.marks(touch.when) for touch in present):
        for step in steps.possible(draft):
            yield step.touch
            if not step.touch.when or draft.holds(step.touch.when):
                break
    if draft.rules.experiments:
        yield from experiments.undrawn(draft, [touch.id for touch in present])
    if draft.on_track:
        yield from _that_decide(draft, draft.rules.lengths)
        yield from paces.quickening(draft)


def _that_decide(draft: Draft, rules: Iterable[_First]) -> Iterator[_First]:
    """Where the first that holds counts: that one, and those before it."""
    for rule in rules:
        yield rule
        if rule.when is None or draft.holds(rule.when):
            return


def _then(rule: _Rule, holds: bool) -> str:
    """What follows when the rule's condition changes its answer."""
    match rule:
        case DisqualifyRule():
            return f"not a lead, {_spaced(rule.reason)}"
        case HandoffRule():
            return f"to sales, {rule.label.rstrip('.')}"
        case Transition():
            return f"moves to {_spaced(rule.to)}"
        case _:
            return _or_no_longer(rule, holds)


def _or_no_longer(rule: _BothWays, holds: bool) -> str:
    """The same for what also matters when it ceases to hold."""
    match rule:
        case TriageRule():
            return f"triage {'no longer ' if holds else ''}says {_spaced(rule.then)}"
        case Segment():
            return f"{'leaves' if holds else 'joins'} the segment “{rule.label}”"
        case Length() | Pace():
            return f"{rule.label or rule.id} {'no longer sets' if holds else 'sets'} the gaps"
        case Touch():
            return f"{rule.asset or rule.id} becomes {'impossible' if holds else 'possible'}"
        case Experiment():
            return f"{'leaves' if holds else 'joins'} the experiment “{rule.label or rule.id}”"
        case Audience():
            return f"{'leaves' if holds else 'joins'} the audience “{rule.label}”"


def _moments(draft: Draft, watched: Iterable[_Rule], until: datetime) -> list[datetime]:
    """Every moment before ``until`` at which a variable reaches a value that matters to one of the rules, in order."""
    marks = united(draft.playbook.marks(rule.when) for rule in watched if rule.when)
    since = {
        "days.in_stage": draft.state.stage_since,
        "days.in_journey": draft.state.started,
        "days.quiet": draft.inactive_since,
    } | {f"behaviour.{name}.days_ago": at for name, at in draft.last_times().items()}
    moments = set[datetime]()
    for variable, values in marks.items():
        began = since.get(variable)
        if began is not None:
            passed, last = (draft.now - began) // _DAY, (until - began) // _DAY
            days = range(passed + 1, last + 1) if values is None else [day for day in values if passed < day <= last]
            moments.update(began + day * _DAY for day in days)
    return sorted(moment for moment in moments if moment < until)


def _spaced(word: str) -> str:
    return word.replace("_", " ")
