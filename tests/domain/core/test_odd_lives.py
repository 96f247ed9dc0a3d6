"""Lives that happen: commands in odd phases, news that comes late, answers of sales, days that pass."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.core.cadence import next_open
from domain.core.decide import decide
from domain.core.simulate import simulate
from domain.facts import Behaviour
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import HandoffRule, Transition
from domain.words import CommandKind, Ending, Phase
from tests.domain.core.life import DAY, HOUR, MONDAY, command, event, facts, live, page, rules, sent
from tests.fixtures.playbooks import minimal_compiled

MEETING = event("track", "Meeting Booked", 3 * DAY)
REJECTED = event("crm", "sales_rejected", 4 * DAY, handoff="ld_test-1-1", reason="timing")


def test_an_end_withdraws_the_open_handoff():
    last = live(MEETING, event("delivery", "unsubscribed", 4 * DAY))[-1]
    assert last.state.ending is Ending.OPTED_OUT
    assert (last.resolve_handoff.id, last.resolve_handoff.outcome) == ("ld_test-1-1", "withdrawn")


def test_a_handoff_opened_and_ended_in_one_decision_never_leaves():
    both = {HOUR: [command(CommandKind.HAND_OFF), command(CommandKind.DISQUALIFY)]}
    last = live(commands=both)[-1]
    assert (last.open_handoff, last.resolve_handoff, last.send) == (None, None, ())


def test_a_rule_that_still_holds_does_not_give_a_rejected_lead_straight_back():
    document = minimal_compiled().document
    always = HandoffRule(id="always", when="true", label="Always.")
    eager = CompiledPlaybook(
        document.model_copy(update={"handoff": document.handoff.model_copy(update={"rules": (always,)})})
    )
    rejected = Behaviour(
        position=1,
        kind="crm",
        name="sales_rejected",
        at=MONDAY + DAY,
        properties={"handoff": "ld_test-1-1", "reason": "timing"},
    )
    decisions = list(simulate(eager, facts(), [rejected], MONDAY, MONDAY + 60 * DAY))
    opened = [decision.at - MONDAY for decision in decisions if decision.open_handoff]
    assert opened[0] == timedelta()
    assert opened[1] == 31 * DAY, "after the cool-down, not at once"
    expired = next(decision for decision in decisions if "expired" in rules([decision]))
    assert expired.open_handoff is None


def test_new_behaviour_in_the_cool_down_hands_over_at_once():
    opened = [
        d.at - MONDAY for d in live(MEETING, REJECTED, event("track", "Meeting Booked", 6 * DAY)) if d.open_handoff
    ]
    assert opened == [3 * DAY, 6 * DAY]


def test_who_comes_back_while_paused_is_not_sunset_after_the_pause():
    commands = {92 * DAY: [command(CommandKind.PAUSE)], 100 * DAY: [command(CommandKind.RESUME)]}
    decisions = live(page("/blog", 95 * DAY), commands=commands, days=101)
    assert decisions[-1].state.phase is Phase.NURTURE


def test_a_long_pause_is_no_silence_of_someone_who_was_active_before_it():
    commands = {100 * DAY: [command(CommandKind.PAUSE)], 200 * DAY: [command(CommandKind.RESUME)]}
    visits = [page("/blog", day * DAY) for day in range(0, 100, 20)]
    decisions = live(*visits, commands=commands, days=280)
    begun = next(decision.at for decision in decisions if decision.state.phase is Phase.RE_ENGAGEMENT)
    assert begun - MONDAY == (80 + 90 + 100) * DAY


def test_behaviour_from_before_re_engagement_that_arrives_late_counts_as_coming_back():
    late = Behaviour(position=1, kind="page", name="/blog", at=MONDAY + 89 * DAY)
    playbook = minimal_compiled()
    decisions = list(simulate(playbook, facts(), [], MONDAY, MONDAY + 90 * DAY))
    state = decisions[-1].state
    assert state.phase is Phase.RE_ENGAGEMENT
    after = decide(playbook, state, facts().model_copy(update={"behaviours": (late,)}), MONDAY + 91 * DAY)
    assert after.state.phase is Phase.NURTURE


def test_a_stage_forced_during_a_pause_does_not_lengthen_its_first_gap():
    commands = {
        HOUR: [command(CommandKind.PAUSE)],
        9 * DAY: [command(CommandKind.FORCE_STAGE, stage="evaluation")],
        10 * DAY: [command(CommandKind.RESUME)],
    }
    first = sent(live(commands=commands, days=20))[0]
    assert first == (MONDAY + 14 * DAY - HOUR, "trial-plan")  # three days after the pause: a Thursday … or Monday 9:00


def test_a_wait_skipped_at_night_stays_skipped_until_the_window_opens():
    decisions = live(commands={12 * HOUR: [command(CommandKind.SKIP_WAIT)]}, days=1)
    assert sent(decisions) == [(MONDAY + 23 * HOUR, "hidden-cost")]


def test_skipping_the_cool_down_does_not_skip_the_gap_after_it_as_well():
    decisions = live(MEETING, REJECTED, commands={7 * DAY: [command(CommandKind.SKIP_WAIT)]}, days=7)
    assert decisions[-1].state.phase is Phase.NURTURE
    assert decisions[-1].send == ()


def test_there_is_no_wait_to_skip_while_sales_has_the_lead():
    last = live(MEETING, commands={3 * DAY + HOUR: [command(CommandKind.SKIP_WAIT)]}, days=3 + 1 / 12)[-1]
    assert "skip_wait" in {rejected.what for rejected in last.rejected}


def test_behaviour_read_long_after_it_happened_interrupts_nothing():
    old = Behaviour(position=1, kind="page", name="/pricing", at=MONDAY - 30 * DAY)
    first = next(simulate(minimal_compiled(), facts().model_copy(update={"behaviours": (old,)}), [], MONDAY, MONDAY))
    assert first.state.pending == ()
    assert "stale" in {rejected.rule for rejected in first.rejected}


def test_a_quarantined_answer_of_sales_does_not_count():
    answer = Behaviour(
        position=2,
        kind="crm",
        name="sales_accepted",
        at=MONDAY + DAY,
        properties={"handoff": "ld_test-1-1"},
        trusted=False,
    )
    meeting = Behaviour(position=1, kind="track", name="Meeting Booked", at=MONDAY)
    assert list(simulate(minimal_compiled(), facts(), [meeting, answer], MONDAY, MONDAY + DAY))[-1].state.handoff


def test_a_condition_on_days_is_asked_on_the_day_it_comes_to_hold():
    document = minimal_compiled().document
    stage = document.stages[0]
    quiet = stage.transitions[0].model_copy(update={"when": "days.in_stage >= 40 // stuck"})
    stages = (stage.model_copy(update={"transitions": (quiet,)}), *document.stages[1:])
    playbook = CompiledPlaybook(document.model_copy(update={"stages": stages}))
    decisions = list(simulate(playbook, facts(), [], MONDAY, MONDAY + 80 * DAY))
    moved = next(decision for decision in decisions if decision.state.stage != "problem_awareness")
    assert moved.at == MONDAY + 40 * DAY


def _with_transitions(*moves):
    """The minimal playbook in which each (stage, target) always holds, and no other transition exists."""
    document = minimal_compiled().document
    stages = tuple(
        stage.model_copy(
            update={"transitions": tuple(Transition(to=to, when="true") for of, to in moves if of == stage.id)}
        )
        for stage in document.stages
    )
    return CompiledPlaybook(document.model_copy(update={"stages": stages}))


def test_transitions_that_lead_in_a_circle_neither_move_a_lead_about_nor_hold_its_touches_back():
    circle = _with_transitions(
        ("problem_awareness", "research"), ("research", "comparison"), ("comparison", "research")
    )
    decisions = list(simulate(circle, facts(), [], MONDAY, MONDAY + 12 * DAY))
    assert {decision.state.stage.value for decision in decisions} == {"research"}
    assert [asset for _, asset in sent(decisions)] == ["guide", "customer-story"]
    assert "circle" in {rejected.rule for rejected in decisions[-1].rejected}


def test_a_stage_that_moves_during_re_engagement_does_not_delay_it():
    state = live(days=95)[-1].state.model_copy(update={"paused_since": MONDAY + 95 * DAY})
    assert state.phase is Phase.RE_ENGAGEMENT
    playbook = _with_transitions(("problem_awareness", "research"))
    after = decide(playbook, state, facts(), MONDAY + 95 * DAY)
    assert (after.state.stage, after.state.anchor) == ("research", state.anchor)


def test_a_window_in_the_hour_that_comes_twice_never_opens_in_the_past():
    cadence = minimal_compiled().document.cadence.model_copy(
        update={"opens": time(2, 30), "closes": time(3), "days": ("sun",)}
    )
    zone = ZoneInfo("Europe/Berlin")
    at = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 2:10 for the second time
    assert next_open(cadence, zone, at) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
