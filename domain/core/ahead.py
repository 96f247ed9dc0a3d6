"""What time alone will change: conditions on days are looked at ahead, so that nobody waits for the next touch to be
asked whether three quiet weeks have passed.

Only the ``days.*`` and ``.days_ago`` variables move; what decays or leaves its window is seen at the next decision.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.core.draft import Draft
from domain.core.phases import NURTURING
from domain.words import Phase

_DAY = timedelta(days=1)
_HORIZON = timedelta(days=200)


def next_step(draft: Draft) -> None:
    """Wake on the day on which a condition would change its answer, if that is before anything else."""
    if draft.state.paused_since is not None or draft.state.phase not in NURTURING | {Phase.COOL_DOWN}:
        return
    watched = {when: draft.holds(when) for when in _conditions(draft) if "days." in when or "days_ago" in when}
    until = min([wake.at for wake in draft.wakes if wake.at > draft.now], default=draft.now + _HORIZON)
    for moment in _days(draft, " ".join(watched), min(until, draft.now + _HORIZON)):
        if any(draft.will_hold(when, moment) is not holds for when, holds in watched.items()):
            draft.wake(moment, "a condition on days changes its answer")
            return


def _conditions(draft: Draft) -> Iterator[str]:
    """Those that would do something: the false ones, and those of audiences, which are left as well as joined."""
    rules, state = draft.rules, draft.state
    idle: list[str | None] = [rule.when for rule in rules.disqualify]
    idle += [rule.when for rule in rules.handoff.rules]
    if state.phase in NURTURING:
        stage = draft.playbook.stages.get(state.stage)
        idle += [transition.when for transition in (stage.transitions if stage else ())]
        nurture = state.phase is Phase.NURTURE
        steps = draft.playbook.touches(state.segment, state.stage) if nurture else rules.re_engagement.touches
        idle += [step.when for step in steps]
        yield from (audience.when for audience in rules.audiences if audience.when is not None)
    yield from (when for when in idle if when is not None and not draft.holds(when))


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
