"""Pauses and holds: what they stop, and what becomes of what fell due meanwhile."""

from datetime import timedelta
from itertools import pairwise

import pytest

from domain.core.decide import decide
from domain.core.simulate import Change, steps
from domain.facts import Behaviour, Facts, Hold
from domain.words import CommandKind, Ending, Phase, ResumePolicy, TouchStatus
from tests.domain.core.life import (
    DAY,
    HOUR,
    MONDAY,
    command,
    event,
    facts,
    in_ledger,
    lead,
    live,
    page,
    playbook_with,
    rejections,
    rules,
    sent,
    step,
    track,
)
from tests.fixtures.playbooks import minimal_compiled

ASSETS = ("cost-guide", "compare-tools", "trial-plan")
FOUR = playbook_with(track(*(step(f"s{number}", asset, "2d") for number, asset in enumerate(ASSETS))))


def _paused(policy: ResumePolicy, from_: float = 1, until: float = 11, playbook=FOUR):
    pause = {from_ * DAY: [command(CommandKind.PAUSE)], until * DAY: [command(CommandKind.RESUME, policy=policy)]}
    return live(playbook=playbook, commands=pause, days=30)


def _days(decisions):
    return [((at - MONDAY) / DAY, asset) for at, asset in sent(decisions)]


def test_shift_makes_the_gap_that_was_running_longer_by_the_pause():
    assert _days(_paused(ResumePolicy.SHIFT)) == [(12, ASSETS[0]), (14, ASSETS[1]), (16, ASSETS[2])]


def test_skip_passes_over_what_fell_due_and_counts_the_next_gap_from_now():
    decisions = _paused(ResumePolicy.SKIP, until=5)
    assert _days(decisions) == [(7, ASSETS[2])]
    assert rejections(decisions, "skipped") == [(asset, "fell due while it was paused") for asset in ASSETS[:2]]


def test_catching_up_sends_what_fell_due_at_once():
    assert _days(_paused(ResumePolicy.CATCH_UP, until=5)) == [(5, ASSETS[0]), (5, ASSETS[1]), (6, ASSETS[2])]


def test_catching_up_keeps_to_the_least_gap():
    patient = playbook_with(FOUR.document.tracks[0].model_dump(mode="json"), cadence={"least_gap": "1d"})
    caught_up = _days(_paused(ResumePolicy.CATCH_UP, playbook=patient))
    assert caught_up == [(11, ASSETS[0]), (12, ASSETS[1]), (13, ASSETS[2])]


def test_an_answer_that_fell_due_is_dropped_or_still_sent_as_the_policy_says():
    for policy, reaches in ((ResumePolicy.SKIP, False), (ResumePolicy.CATCH_UP, True)):
        commands = {HOUR: [command(CommandKind.PAUSE)], 30 * DAY: [command(CommandKind.RESUME, policy=policy)]}
        decisions = live(page("/pricing", 2 * HOUR), commands=commands, days=60)
        assert ("trigger-on-pricing" in {touch.step for one in decisions for touch in one.send}) is reaches


def _held(*scopes: str, since=MONDAY) -> Change:
    holds = tuple(Hold(scope=scope, since=since) for scope in scopes)
    return lambda known: known.model_copy(update={"holds": holds})


def _hold(from_: timedelta, until: timedelta, scope: str = "everything", *happenings, commands=None, days: float = 60):
    """A life in the minimal playbook with a hold."""
    behaviours = [
        Behaviour(position=number, kind=kind, name=name, properties=more, at=MONDAY + after)
        for number, (after, kind, name, more) in enumerate(happenings, start=1)
    ]
    asked = {MONDAY + after: said for after, said in (commands or {}).items()}
    changes = {MONDAY + from_: [_held(scope, since=MONDAY + from_)], MONDAY + until: [_held()]}
    lived = steps(FOUR, facts(), behaviours, MONDAY, MONDAY + days * DAY, asked, changes=changes)
    return [one.decision for one in lived]


@pytest.mark.parametrize("scope", ["everything", "playbook:minimal", "channel:email"])
def test_nothing_leaves_under_a_hold_and_all_of_it_afterwards(scope):
    decisions = _hold(1 * DAY, 10 * DAY, scope)
    assert [asset for _, asset in sent(decisions)] == list(ASSETS)
    assert all(at >= MONDAY + 10 * DAY for at, _ in sent(decisions))
    assert all(after.at - before.at >= 12 * HOUR for before, after in pairwise(decisions[2:-1])), "it spins"
    assert ("hold" in rules(decisions)) is (scope != "channel:email")
    assert rejections(decisions, "hold")


def test_a_journey_goes_on_by_itself_after_a_hold_with_every_gap_longer():
    first = sent(_hold(1 * DAY, 10 * DAY))[0][0]
    assert MONDAY + 11 * DAY <= first <= MONDAY + 13 * DAY


def _lifted(policy, until, *, told=None, scope="everything"):
    """Held from the first day and lifted on the tenth; turns come until ``until``, this one's when it is ``told``."""
    lifting = Hold(scope=scope, since=MONDAY + DAY, lifting=policy, until=MONDAY + until)
    changes = {
        MONDAY + DAY: [_held(scope, since=MONDAY + DAY)],
        MONDAY + 10 * DAY: [lambda known: known.model_copy(update={"holds": (lifting,)})],
    }
    commands = {MONDAY + told: [command(CommandKind.RESUME, since=MONDAY + DAY, policy=policy)]} if told else {}
    lived = steps(FOUR, facts(), [], MONDAY, MONDAY + 90 * DAY, commands, changes=changes)
    return [one.decision for one in lived]


@pytest.mark.parametrize("policy", list(ResumePolicy))
def test_nobody_goes_on_before_their_turn_and_whoever_was_not_told_does_so_afterwards_by_the_same_policy(policy):
    told, silent = _lifted(policy, 30 * DAY, told=20 * DAY), _lifted(policy, 30 * DAY)
    assert told[-1].state.resumed_at == MONDAY + 20 * DAY
    assert MONDAY + 30 * DAY <= (silent[-1].state.resumed_at or MONDAY) <= MONDAY + 31 * DAY
    assert [at for at, _ in sent(told) if at < MONDAY + 20 * DAY] == []
    assert [at for at, _ in sent(silent) if at < MONDAY + 30 * DAY] == []
    went_on = next(reason for one in silent for reason in one.reasons if reason.rule == "hold_lifted")
    assert went_on.evidence["policy"] == policy


def test_a_journey_that_looks_before_its_turn_is_held_by_a_lifted_hold_on_a_channel_too():
    told = sent(_lifted(ResumePolicy.SHIFT, 30 * DAY, told=20 * DAY, scope="channel:email"))
    silent = sent(_lifted(ResumePolicy.SHIFT, 30 * DAY, scope="channel:email"))
    assert MONDAY + 20 * DAY <= told[0][0] < MONDAY + 30 * DAY
    assert MONDAY + 30 * DAY <= silent[0][0] <= MONDAY + 31 * DAY


def test_lifting_a_hold_resumes_once_and_not_who_is_paused_or_held_still():
    since = MONDAY + DAY
    resume = command(CommandKind.RESUME, since=since)
    held = _hold(1 * DAY, 40 * DAY, commands={3 * DAY: [resume]})
    assert ("resume", "a hold on everything is in force: lift it first") in rejections(held, "hold")
    twice = _hold(1 * DAY, 4 * DAY, commands={4 * DAY: [resume], 5 * DAY: [resume]})
    assert sent(twice)[0][0] == MONDAY + 5 * DAY
    assert rejections(twice, "resumed")
    paused = _hold(1 * DAY, 4 * DAY, commands={2 * DAY: [command(CommandKind.PAUSE)], 5 * DAY: [resume]}, days=20)
    assert "resume" in dict(rejections(paused, "paused"))
    assert not sent(paused)


def test_a_lifted_hold_lets_nobody_go_on_whom_another_holds_still():
    lifted = Hold(scope="everything", since=MONDAY, lifting=ResumePolicy.SHIFT, until=MONDAY + 30 * DAY)
    both = facts().model_copy(update={"holds": (lifted, Hold(scope="playbook:minimal", since=MONDAY + DAY))})
    state = live(days=3)[-1].state.model_copy(update={"held_since": MONDAY + DAY})
    resume = command(CommandKind.RESUME, since=MONDAY)
    decision = decide(minimal_compiled(), state, both, MONDAY + 5 * DAY, [resume])
    assert ("resume", "a hold on playbook:minimal is in force: lift it first") in rejections([decision], "hold")
    assert (decision.send, decision.state.resumed_at) == ((), None)


SUNSET = 21  # days, in the minimal playbook
QUIET = 200


@pytest.mark.parametrize("policy", list(ResumePolicy))
def test_no_pause_counts_as_silence_after_the_last_question(policy):
    asked = live(days=QUIET)
    question = next(at for at, asset in reversed(sent(asked)))
    paused, resumed = (question - MONDAY) / DAY + 10, QUIET
    commands = {paused * DAY: [command(CommandKind.PAUSE)], resumed * DAY: [command(CommandKind.RESUME, policy=policy)]}
    end = live(days=400, commands=commands)[-1]
    assert end.state.ending is Ending.SUNSET
    rest = SUNSET - 10 if policy is ResumePolicy.SHIFT else SUNSET
    assert timedelta(0) <= end.at - (MONDAY + (resumed + rest) * DAY) < DAY


def test_a_question_that_is_caught_up_with_has_all_of_its_time_for_an_answer():
    commands = {
        92 * DAY: [command(CommandKind.PAUSE)],
        QUIET * DAY: [command(CommandKind.RESUME, policy=ResumePolicy.CATCH_UP)],
    }
    decisions = live(days=400, commands=commands)
    last = sent(decisions)[-1][0]
    assert last >= MONDAY + QUIET * DAY
    assert decisions[-1].state.ending is Ending.SUNSET
    assert decisions[-1].at >= last + SUNSET * DAY


@pytest.mark.parametrize("policy", list(ResumePolicy))
def test_who_was_never_sent_anything_goes_on_like_everybody_else(policy):
    commands = {HOUR: [command(CommandKind.PAUSE)], 5 * DAY: [command(CommandKind.RESUME, policy=policy)]}
    unreachable = live(entry=facts(lead(has_email=False)), commands=commands)
    assert (unreachable[-1].state.ending, sent(unreachable)) == (Ending.SUNSET, [])
    closed = playbook_with(track(step("one", ASSETS[0], "2d", when="score.intent > 90"), exhausted="end"))
    assert live(playbook=closed, commands=commands)[-1].state.ended


def test_people_get_the_last_gap_to_react_to_what_was_caught_up_with():
    steps_ = [step(f"s{number}", asset, "10d") for number, asset in enumerate(ASSETS)]
    ending = playbook_with(track(*steps_, exhausted="end"))
    resume = command(CommandKind.RESUME, policy=ResumePolicy.CATCH_UP)
    decisions = live(playbook=ending, commands={DAY: [command(CommandKind.PAUSE)], 40 * DAY: [resume]}, days=90)
    assert decisions[-1].state.ended
    assert decisions[-1].at >= sent(decisions)[-1][0] + 10 * DAY


def test_opting_out_and_ending_are_not_held():
    held = _hold(1 * DAY, 40 * DAY, "everything", event("delivery", "unsubscribed", 2 * DAY))
    assert held[-1].state.ended
    assert held[-1].at == MONDAY + 2 * DAY


def test_the_clock_of_a_handoff_stands_still_under_a_hold():
    given = live(event("track", "Meeting Booked", HOUR), days=0.1)[-1]
    assert given.state.phase is Phase.HANDOFF
    known = Facts(lead=facts().lead)
    later = MONDAY + 30 * DAY
    held = decide(minimal_compiled(), given.state, _held("everything", since=MONDAY + 2 * HOUR)(known), later)
    assert held.state.phase is Phase.HANDOFF
    assert not held.send
    after = decide(minimal_compiled(), held.state, known, later + HOUR)
    assert after.state.phase is Phase.HANDOFF
    assert after.state.handoff.opened == later


def test_an_open_touch_is_left_where_it_is_under_a_hold_and_carried_on_after_it():
    first = live(days=3)
    planned = next(one for one in first if one.send)
    known = in_ledger(planned, TouchStatus.PLANNED)
    held = decide(minimal_compiled(), planned.state, _held("channel:email")(known), planned.at + HOUR)
    assert (held.send, held.withdraw) == ((), ())
    after = decide(minimal_compiled(), held.state, known, planned.at + 2 * HOUR)
    assert [touch.key for touch in after.send] == [touch.key for touch in planned.send]
