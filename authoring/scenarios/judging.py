"""Expectations judged against a simulated life."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from authoring.scenarios import standing
from authoring.scenarios.expectations import (
    AlertSent,
    AtMost,
    Because,
    Ends,
    HandsOff,
    InOrder,
    NeverSends,
    NoHandoff,
    NoTouch,
    Sends,
)
from authoring.scenarios.life import Life, matches, reaches
from authoring.scenarios.models import Scenario
from authoring.scenarios.verdict import Case, NeverHappened, Stretch, Verdict
from authoring.scenarios.wording import between_words, count_words, listed, thing_words, timed_words, words
from domain.core.simulate import Step
from domain.decision import SendTouch
from domain.durations import format_duration
from domain.words import Channel, Ending, Phase

_PHASES = {"sales": Phase.HANDOFF, "sales_review": Phase.SALES_REVIEW}


def judge(life: Life, scenario: Scenario) -> list[Verdict]:
    """One verdict for each expectation, in their order."""
    case = Case(life, scenario)
    return [_verdict(case, one.key, getattr(one, one.key)) for one in scenario.expect]


def _verdict(case: Case, key: str, details: Any) -> Verdict:
    try:
        return _JUDGES[key](case, details)
    except NeverHappened as never:
        said, moment = never.args
        return case.failed(f"{words(key)}, which needs a moment", said, about=(moment,))


# --- sales ---------------------------------------------------------------------------------------------------------


def _handoff(case: Case, details: HandsOff) -> Verdict:
    by = f" by {details.rule}" if details.rule else ""
    to = "to sales for review" if details.to == "sales_review" else "to sales"
    expected = f"is given {to}{by}{timed_words(details, case.scenario)}"
    stretch = case.timed(details)
    given = _handoffs(case.life)
    right = [one for one in given if _by(one, details.rule) and _to(one, details.to)]
    held = any(stretch.holds(one.decision.at) for one in right)
    instead = _given_instead(case, given) if given else f"was never given to sales; {_peak(case, stretch)}"
    return case.judged(held, expected, instead, stretch, {details.rule or "handoff", "handoff"})


def _no_handoff(case: Case, details: NoHandoff) -> Verdict:
    by = f" by {details.rule}" if details.rule else ""
    stretch = case.between(details)
    given = [one for one in _handoffs(case.life) if _by(one, details.rule) and stretch.holds(one.decision.at)]
    expected = f"is not given to sales{by}{between_words(details, case.scenario)}"
    return case.without(given, expected, _given_instead(case, given))


def _handoffs(life: Life) -> list[Step]:
    return [step for step in life.steps if step.decision.open_handoff is not None]


def _by(step: Step, rule: str | None) -> bool:
    return rule is None or any(reason.rule == rule for reason in step.decision.reasons)


def _to(step: Step, to: str | None) -> bool:
    return to is None or step.decision.state.phase is _PHASES[to]


def _given_instead(case: Case, given: list[Step]) -> str:
    return "was given to sales on " + listed(f"{case.day(one.decision.at)}{_rule_of(one)}" for one in given)


def _peak(case: Case, stretch: Stretch) -> str:
    """The scores when intent was highest, of what might have led to sales."""
    inside = [step.decision.scores for step in case.life.between(stretch.first, stretch.last)]
    best = max(inside, key=lambda one: one.intent, default=case.life.last.decision.scores)
    return f"in that time intent was at most {best.intent}, with fit {best.fit}"


def _rule_of(step: Step) -> str:
    reason = next((one for one in step.decision.reasons if one.text.startswith("to sales")), None)
    return f" by {reason.rule}" if reason else ""


def _alert(case: Case, details: AlertSent) -> Verdict:
    step = f"trigger-{details.trigger}-alert" if details.trigger else None
    by = f" by trigger {details.trigger}" if details.trigger else ""
    stretch = case.timed(details)
    alerts = [one for one in case.life.sent if matches(one[1], None, step, Channel.ALERT, None)]
    held = any(stretch.holds(one.decision.at) for one, _ in alerts)
    expected = f"alerts sales{by}{timed_words(details, case.scenario)}"
    about = {step, details.trigger} if step and details.trigger else ()
    return case.judged(held, expected, _sent_instead(case, alerts), stretch, about)


# --- touches -------------------------------------------------------------------------------------------------------


def _sends(case: Case, details: Sends) -> Verdict:
    expected = f"sends {thing_words(details)}{count_words(details.count)}{timed_words(details, case.scenario)}"
    like = _like(case.life, details)
    stretch = case.timed(details)
    inside = [one for one in like if stretch.holds(one[0].decision.at)]
    most = details.count.most
    held = details.count.least <= len(inside) and (most is None or len(inside) <= most)
    return case.judged(held, expected, _sent_instead(case, like), stretch, _names(case.life, details))


def _never_sends(case: Case, details: NeverSends) -> Verdict:
    stretch = case.between(details)
    inside = [one for one in _like(case.life, details) if stretch.holds(one[0].decision.at)]
    expected = f"never sends {thing_words(details)}{between_words(details, case.scenario)}"
    return case.without(_steps(inside), expected, _sent_instead(case, inside))


def _no_touch(case: Case, details: NoTouch) -> Verdict:
    stretch = case.between(details)
    inside = [one for one in case.life.sent if reaches(one[1]) and stretch.holds(one[0].decision.at)]
    expected = f"nothing reaches the lead{between_words(details, case.scenario)}"
    return case.without(_steps(inside), expected, _sent_instead(case, inside))


def _in_order(case: Case, details: InOrder) -> Verdict:
    wanted = list(details.assets)
    for _, touch in case.life.sent:
        if wanted and touch.asset == wanted[0]:
            wanted.pop(0)
    expected = f"sends {', then '.join(details.assets)}"
    sent = [one for one in case.life.sent if one[1].asset in details.assets]
    missing = f"{wanted[0]} did not follow; " if wanted else ""
    return case.judged(not wanted, expected, missing + _sent_instead(case, sent), about=set(wanted[:1]))


def _at_most(case: Case, details: AtMost) -> Verdict:
    on = f" by {words(details.channel)}" if details.channel else ""
    many = "touch" if details.touches == 1 else "touches"
    expected = f"at most {details.touches} {many}{on} within any {format_duration(details.within)}"
    sent = [one for one in case.life.sent if reaches(one[1], details.channel)]
    for index, (step, _) in enumerate(sent):
        window = [one for one in sent[index:] if one[0].decision.at < step.decision.at + details.within]
        if len(window) > details.touches:
            instead = f"{len(window)} in one such stretch: " + _each(case, window)
            return case.without(_steps(window), expected, instead)
    return Verdict(expected)


Sent = tuple[Step, SendTouch]


def _like(life: Life, details: Sends | NeverSends) -> list[Sent]:
    named = (details.asset, details.step, details.channel, details.variant)
    return [one for one in life.sent if matches(one[1], *named)]


def _names(life: Life, details: Sends) -> set[str]:
    """What a decision about the touch speaks of: the asset, its steps, and the triggers behind them."""
    names = {name for name in (details.asset, details.step) if name}
    rules = life.playbook.document
    steps = [step for track in rules.tracks for step in track.touches]
    names |= {step.id for step in steps if step.asset and step.asset == details.asset}
    triggers = [one for one in rules.triggers if one.touch and one.touch.asset and one.touch.asset == details.asset]
    return names | {name for one in triggers for name in (one.id, f"trigger-{one.id}")}


def _steps(sent: list[Sent]) -> list[Step]:
    return [step for step, _ in sent]


def _sent_instead(case: Case, sent: list[Sent]) -> str:
    return f"sent {_each(case, sent)}" if sent else "it was never sent"


def _each(case: Case, sent: list[Sent]) -> str:
    return listed(f"{touch.asset or touch.step} on {case.day(step.decision.at)}" for step, touch in sent)


# --- rules and endings ---------------------------------------------------------------------------------------------


def _because(case: Case, details: Because) -> Verdict:
    stretch = case.timed(details)
    when = [step for step in case.life.steps if _by(step, details.rule)]
    instead = "it decided on " + listed(case.day(one.decision.at) for one in when) if when else "it never decided"
    held = any(stretch.holds(step.decision.at) for step in when)
    expected = f"rule {details.rule} decides{timed_words(details, case.scenario)}"
    return case.judged(held, expected, instead, stretch, {details.rule})


def _ends(case: Case, details: Ends) -> Verdict:
    reason = f": {words(details.reason)}" if details.reason else ""
    expected = f"ends {words(details.as_)}{reason}{timed_words(details, case.scenario)}"
    state, stretch = case.life.last.decision.state, case.timed(details)
    right = state.ending is details.as_ and details.reason in {None, state.ending_reason}
    return case.judged(right and stretch.holds(case.life.last.decision.at), expected, _ending(case), stretch)


def _does_not_end(case: Case, _: bool) -> Verdict:
    return case.judged(not case.life.ended, "does not end", _ending(case))


def _lives_until(case: Case, until: timedelta) -> Verdict:
    going = not case.life.step_at(case.life.start + until).decision.state.ended
    return case.judged(going, f"is still going on at {format_duration(until)}", _ending(case))


def _ending(case: Case) -> str:
    decision = case.life.last.decision
    if decision.state.ending is None:
        return f"is still going on at the end, in {words(decision.state.phase)}"
    why = f": {words(decision.state.ending_reason)}" if decision.state.ending_reason else ""
    return f"ended on {case.day(decision.at)} as {words(decision.state.ending or Ending.OPERATOR)}{why}"


_JUDGES: dict[str, Callable[[Case, Any], Verdict]] = {
    "handoff": _handoff,
    "no_handoff": _no_handoff,
    "alert": _alert,
    "sends": _sends,
    "never_sends": _never_sends,
    "no_touch": _no_touch,
    "in_order": _in_order,
    "at_most": _at_most,
    "because": _because,
    "ends": _ends,
    "does_not_end": _does_not_end,
    "lives_until": _lives_until,
    **standing.JUDGES,
}
