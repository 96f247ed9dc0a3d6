"""What time alone will change: conditions on days are looked at ahead, so that nobody waits for the next touch to be
asked whether three quiet weeks have passed.

Only the ``days.*`` and ``.days_ago`` variables move; what decays or leaves its window is seen at the next decision.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from domain.core import profiling, steps
from domain.core.draft import Draft
from domain.core.phases import NURTURING
from domain.playbook.days import united
from domain.playbook.models import Audience, DisqualifyRule, HandoffRule, Touch, Transition, TriageRule
from domain.playbook.phrases import phrases_of
from domain.words import Phase

_DAY = timedelta(days=1)
_HORIZON = timedelta(days=200)
_LONGEST = 80

_Rule = DisqualifyRule | HandoffRule | Transition | TriageRule | Touch | Audience


def next_step(draft: Draft) -> None:
    """Wake on the day on which a condition would change its answer, if that is before anything else."""
    if draft.state.paused_since is not None or draft.state.phase not in NURTURING | {Phase.COOL_DOWN}:
        return
    watched = [rule for rule in _rules(draft) if rule.when and draft.playbook.marks(rule.when)]
    if not watched:
        return
    until = min([wake.at for wake in draft.wakes if wake.at > draft.now], default=draft.now + _HORIZON)
    for moment in _moments(draft, watched, min(until, draft.now + _HORIZON)):
        for rule in watched:
            holds = draft.holds(rule.when or "")
            if _matters(rule, holds) and draft.will_hold(rule.when or "", moment) is not holds:
                words = phrases_of(draft.playbook).say(rule.when or "", _LONGEST)
                draft.wake(moment, f"{'no longer: ' if holds else ''}{words}: {_then(rule, holds)}")
                return


def _matters(rule: _Rule, holds: bool) -> bool:
    """What holds already has done what it does; audiences are left as well as joined."""
    return not holds or isinstance(rule, Audience)


def _rules(draft: Draft) -> Iterator[_Rule]:
    """Those that would do something in this phase."""
    rules, state = draft.rules, draft.state
    yield from rules.disqualify
    yield from rules.handoff.rules
    if state.phase in NURTURING:
        stage = draft.playbook.stages.get(state.stage)
        yield from stage.transitions if stage else ()
        yield from steps.present(draft)
        yield from rules.audiences
        if state.profiling:
            yield from (rule for rule in rules.triage if rule.then in profiling.SETTLES)


def _then(rule: _Rule, holds: bool) -> str:
    """What follows when the rule's condition changes its answer."""
    match rule:
        case DisqualifyRule():
            return f"not a lead, {_spaced(rule.reason)}"
        case HandoffRule():
            return f"to sales, {rule.label.rstrip('.')}"
        case Transition():
            return f"moves to {_spaced(rule.to)}"
        case TriageRule():
            return f"triage says {_spaced(rule.then)}"
        case Touch():
            return f"{rule.asset or rule.id} becomes possible"
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
