"""Why a touch was not sent: what stands in its way is named, by the rules that decide."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.core.touchpoints import named, names
from domain.core.verdicts import Answer, Verdict
from domain.core.why_not import Question
from domain.decision import Decision
from domain.facts import Behaviour, Facts, Permission, TouchFact
from domain.words import Channel, CommandKind, TouchStatus
from tests.domain.core.life import DAY, HOUR, MONDAY, command, facts, lead, live, page, playbook_with, step, track
from tests.fixtures.playbooks import minimal_compiled

_MINIMAL = minimal_compiled()


def _asked(
    name: str,
    decisions: list[Decision],
    known: Facts | None = None,
    *,
    playbook: Any = _MINIMAL,
    after: timedelta = HOUR,
) -> list[Answer]:
    """What is said of a touch, so long after the last of these decisions. What they sent has left."""
    last = decisions[-1]
    sent = tuple(
        TouchFact(**touch.model_dump(exclude={"priority"}), cycle=1, status=TouchStatus.SENT, at=one.at)
        for one in decisions
        for touch in one.send
    )
    known = known or facts()
    known = known.model_copy(update={"touches": (*known.touches, *sent)})
    question = Question(playbook, last.state, known, last.at + after, last.rejected)
    return [question.answer(point) for point in named(playbook.document, name)]


def _one(name: str, *given: Any, **more: Any) -> Answer:
    (answer,) = _asked(name, *given, **more)
    return answer


def _until(days: float, *happenings: Any, **more: Any) -> list[Decision]:
    return [decision for decision in live(*happenings, **more) if decision.at <= MONDAY + days * DAY]


def _visit(after: timedelta, path: str = "/pricing") -> Facts:
    seen = Behaviour(position=1, kind="page", name=path, at=MONDAY + after)
    return facts().model_copy(update={"behaviours": (seen,)})


def test_what_was_sent_says_when_and_under_which_key():
    answer = _one("smb-cost", _until(2))

    assert (answer.verdict, answer.key, answer.at) == (Verdict.SENT, "ld_test/1/0/smb-cost", MONDAY + DAY)


def test_the_next_step_says_when_it_will_leave():
    answer = _one("smb-checklist", _until(2))

    assert (answer.verdict, answer.until) == (Verdict.WILL_BE_SENT, MONDAY + 7 * DAY - HOUR)
    assert answer.why == "outside the send window (Europe/Berlin); its time has not come"


def test_a_step_of_another_track_says_where_it_is_and_where_the_lead_is():
    answers = {one.point.where: one for one in _asked("hidden-cost", _until(0))}

    assert answers["the track for segment enterprise, problem awareness"].verdict is Verdict.NOT_ON_TRACK
    assert "the lead is in segment smb, problem awareness" in next(
        one.why for one in answers.values() if one.verdict is Verdict.NOT_ON_TRACK
    )


def test_a_condition_that_does_not_hold_is_told_with_its_values():
    rules = playbook_with(track(step("letter", "hidden-cost", when="score.fit >= 75 && lead.employees >= 200")))

    answer = _one("letter", live(days=1, playbook=rules), playbook=rules)

    assert answer.verdict is Verdict.CONDITION
    assert answer.values == {"score.fit": 20, "lead.employees": 0}
    assert "score.fit is 20" in answer.why


def test_a_step_behind_others_names_them():
    rules = playbook_with(track(step("one", "hidden-cost"), step("two", "checklist")))

    answer = _one("two", live(days=0, playbook=rules), playbook=rules)

    assert (answer.verdict, answer.why) == (Verdict.BEHIND, "other steps come before it: one")


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        (facts(permission=Permission(suppressed="complained")), Verdict.SUPPRESSED),
        (facts(permission=Permission(declined=frozenset({Channel.EMAIL}))), Verdict.CONSENT),
        (facts(lead(has_email=False)), Verdict.NO_ADDRESS),
    ],
    ids=["suppressed", "declined", "no address"],
)
def test_who_may_not_be_written_to_is_told_why(known: Facts, verdict: Verdict):
    assert _one("smb-checklist", _until(2), known).verdict is verdict


def test_a_trigger_says_that_nothing_triggered_it():
    answer = _one("on-pricing", _until(0))

    assert (answer.verdict, answer.why) == (
        Verdict.NOT_TRIGGERED,
        "what triggers it has not happened: looked at pricing",
    )


def test_a_triggers_touch_that_waits_says_until_when():
    decisions = _until(0.01, page("/pricing", timedelta()))

    answer = _one("pricing-answers", decisions, _visit(timedelta()), after=timedelta(minutes=1))

    assert (answer.verdict, answer.until) == (Verdict.WILL_BE_SENT, MONDAY + HOUR)


@pytest.mark.parametrize(
    ("kind", "details", "verdict"),
    [
        (CommandKind.PAUSE, {}, Verdict.PAUSED),
        (CommandKind.HAND_OFF, {"reason": "asked"}, Verdict.PHASE),
        (CommandKind.DISQUALIFY, {"reason": "other"}, Verdict.ENDED),
    ],
    ids=["paused", "with sales", "ended"],
)
def test_a_journey_that_sends_nothing_says_so(kind: CommandKind, details: Mapping[str, Any], verdict: Verdict):
    decisions = _until(2, commands={2 * DAY: [command(kind, **details)]})

    assert _one("smb-checklist", decisions).verdict is verdict


def test_a_step_that_a_wait_passed_over_says_what_happened():
    waits = {"behaviours": ["page_view"], "then": "skip"}
    rules = playbook_with(track(step("one", "hidden-cost", "3d", wait=waits), step("two", "checklist", "9d")))
    decisions = [one for one in live(page("/", DAY), playbook=rules) if one.at <= MONDAY + DAY]

    answer = _one("one", decisions, _visit(DAY, "/"), playbook=rules)

    assert (answer.verdict, answer.why) == (Verdict.PASSED_OVER, "passed over: visited the site")


def test_what_was_refused_at_the_last_moment_has_a_new_time():
    decisions = _until(0.5)
    refused = TouchFact(
        key="ld_test/1/0/smb-cost", cycle=1, step="smb-cost", channel=Channel.EMAIL, status=TouchStatus.REFUSED,
        at=_next(decisions),
    )  # fmt: skip
    known = facts().model_copy(update={"touches": (refused,)})

    assert _one("smb-cost", decisions, known).verdict in {Verdict.HELD_BACK, Verdict.WILL_BE_SENT}


def _next(decisions: list[Decision]) -> datetime:
    wake = decisions[-1].next_wake
    assert wake is not None
    return wake.at


def test_a_channel_stands_for_all_that_goes_over_it():
    verdicts = {one.point.step: one.verdict for one in _asked("direct_mail", _until(0))}

    assert verdicts == {"ent-letter": Verdict.NOT_ON_TRACK}
    assert {"on-pricing", "pricing-answers", "ent-letter", "email"} <= set(names(_MINIMAL.document))
    assert named(_MINIMAL.document, "nothing-of-the-kind") == []
