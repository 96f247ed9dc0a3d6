"""What time alone will change: conditions on days are looked at ahead, so that nobody waits for the next touch to be
asked whether three quiet weeks have passed.

Only the ``days.*`` and ``.days_ago`` variables move; what decays or leaves its window is seen at the next decision.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.core import profiling, steps
from domain.core.draft import Draft
from domain.core.phases import NURTURING
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
    behind = _behind(draft)
    watched = {
        rule.when: (holds, rule)
        for rule, holds in _rules(draft)
        if rule.when and (_moves(rule.when) or any(name in rule.when for name in behind))
    }
    until = min([wake.at for wake in draft.wakes if wake.at > draft.now], default=draft.now + _HORIZON)
    for moment in _days(draft, " ".join([*watched, *behind.values()]), min(until, draft.now + _HORIZON)):
        for when, (holds, rule) in watched.items():
            if draft.will_hold(when, moment) is not holds:
                words = phrases_of(draft.playbook).say(when, _LONGEST)
                draft.wake(moment, f"{'no longer: ' if holds else ''}{words}: {_then(rule, holds)}")
                return


def _rules(draft: Draft) -> Iterator[tuple[_Rule, bool]]:
    """Those that would do something, and whether they hold: the ones that do not yet, and audiences, which are left
    as well as joined.
    """
    rules, state = draft.rules, draft.state
    idle: list[_Rule] = [*rules.disqualify, *rules.handoff.rules]
    if state.phase in NURTURING:
        stage = draft.playbook.stages.get(state.stage)
        idle += [*(stage.transitions if stage else ()), *steps.present(draft)]
        if state.profiling:
            idle += [rule for rule in rules.triage if rule.then in profiling.SETTLES]
        yield from ((audience, draft.holds(audience.when)) for audience in rules.audiences if audience.when)
    yield from ((rule, False) for rule in idle if rule.when and not draft.holds(rule.when))


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


def _moves(when: str) -> bool:
    return "days." in when or "days_ago" in when


def _behind(draft: Draft) -> dict[str, str]:
    """Variables that conditions on days are behind: name → those conditions."""
    lengths = " ".join(length.when for length in draft.rules.lengths if length.when)
    behind = {f"situation.{one.id}": one.when for one in draft.rules.situations} | {"length": lengths}
    return {name: when for name, when in behind.items() if _moves(when)}


def _days(draft: Draft, text: str, until: datetime) -> Iterator[datetime]:
    """Every moment before ``until`` at which some variable of the conditions grows by a day, in order."""
    since = {
        "days.in_stage": draft.state.stage_since,
        "days.in_journey": draft.state.started,
        "days.quiet": draft.quiet_since,
    } | {f"behaviour.{name}.days_ago": at for name, at in draft.last_times().items()}
    moments = set()
    for variable, began in since.items():
        if variable in text:
            moment = began + ((draft.now - began) // _DAY + 1) * _DAY
            while moment < until:
                moments.add(moment)
                moment += _DAY
    yield from sorted(moments)


def _spaced(word: str) -> str:
    return word.replace("_", " ")
