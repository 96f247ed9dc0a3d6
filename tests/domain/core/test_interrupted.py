"""Decisions made again: after an answer that was lost, after a reset, after a worker that died, in another playbook."""

from datetime import timedelta

from domain.core.decide import decide
from domain.core.draft import Draft
from domain.decision import Decision
from domain.facts import Behaviour, Facts, TouchFact
from domain.playbook.compiled import CompiledPlaybook
from domain.state import JourneyState, PendingTouch
from domain.words import BuyerStage, Channel, CommandKind, TouchStatus
from tests.domain.core.life import DAY, HOUR, MONDAY, command, facts, lead, playbook_with, step, track
from tests.fixtures.playbooks import minimal_compiled

PLAYBOOK = minimal_compiled()
TUESDAY = MONDAY + DAY


def _begun(**changes) -> JourneyState:
    """In nurture since Monday 10:00."""
    entered = decide(PLAYBOOK, JourneyState.begin("ld_test", 1, PLAYBOOK.hash, MONDAY), facts(), MONDAY).state
    return entered.model_copy(update=changes)


def _did(name: str, at, kind: str = "page", position: int = 1) -> Behaviour:
    return Behaviour(position=position, kind=kind, name=name, at=at)


def _in_ledger(decision: Decision, status: TouchStatus, known: Facts) -> Facts:
    """Facts after the decision was recorded."""
    rows = [
        TouchFact(
            key=touch.key,
            cycle=1,
            step=touch.step,
            asset=touch.asset,
            channel=touch.channel,
            status=status,
            at=decision.at,
            note=touch.note,
            number=decision.state.number,
        )
        for touch in decision.send
    ]
    return known.model_copy(update={"touches": (*known.touches, *rows)})


def _row(step: str, status: TouchStatus, at, asset: str = "", **parts) -> TouchFact:
    key = parts.pop("key", f"ld_test/1/0/{step}")
    given = {"cycle": 1, "channel": Channel.EMAIL, "number": 1} | parts
    return TouchFact(key=key, step=step, asset=asset, status=status, at=at, **given)


def _with(*rows: TouchFact, behaviours=(), person=None) -> Facts:
    return facts(person).model_copy(update={"touches": rows, "behaviours": tuple(behaviours)})


def test_a_decision_whose_answer_was_lost_is_made_again_the_same():
    known = _with(behaviours=[_did("/pricing", TUESDAY), _did("Meeting Booked", TUESDAY, "track", 2)])
    for state in (_begun(), _begun(paused_since=MONDAY)):  # a meeting goes to sales, unless the journey is paused
        first = decide(PLAYBOOK, state, known, TUESDAY)
        second = decide(PLAYBOOK, state, _in_ledger(first, TouchStatus.PLANNED, known), TUESDAY)
        assert second == first
        assert first.send


def test_a_touch_whose_decision_was_lost_still_sets_the_next_gap():
    first = decide(PLAYBOOK, _begun(), facts(), TUESDAY)
    assert [touch.asset for touch in first.send] == ["hidden-cost"]
    again = decide(PLAYBOOK, _begun(), _in_ledger(first, TouchStatus.PLANNED, facts()), TUESDAY)
    assert (again.send, again.next_touch_at) == (first.send, first.next_touch_at)


def test_after_a_reset_what_was_sent_is_not_sent_again_and_the_next_gap_counts_from_it():
    sent = _row("smb-cost", TouchStatus.SENT, MONDAY + 3 * DAY, "hidden-cost", number=5)
    decision = decide(PLAYBOOK, _begun(), _with(sent), MONDAY + 4 * DAY)
    assert decision.send == ()
    assert decision.next_touch_at >= MONDAY + 7 * DAY


def test_after_a_reset_behaviour_read_again_alerts_nobody_twice_but_moves_the_stage():
    visit = _did("Meeting Booked", TUESDAY, "track")
    alert = _row("trigger-on-meeting-alert", TouchStatus.SENT, TUESDAY + HOUR, channel=Channel.ALERT, number=5)
    paused = _begun(paused_since=MONDAY)
    decision = decide(PLAYBOOK, paused, _with(alert, behaviours=[visit]), TUESDAY + 2 * DAY)
    assert decision.state.stage == "evaluation"
    assert decision.send == ()


def test_a_touch_left_open_goes_on_in_the_send_window_only_and_with_its_words():
    open_ = [
        _row("smb-cost", TouchStatus.PLANNED, TUESDAY, "hidden-cost"),
        _row("trigger-on-meeting-alert", TouchStatus.PLANNED, TUESDAY, channel=Channel.ALERT, note="Booked a meeting."),
    ]
    night = decide(PLAYBOOK, _begun(), _with(*open_), TUESDAY + 12 * HOUR)
    assert [(touch.step, touch.note) for touch in night.send] == [("trigger-on-meeting-alert", "Booked a meeting.")]
    assert night.next_wake.at == TUESDAY + 23 * HOUR  # Wednesday 9:00 in Berlin
    morning = decide(PLAYBOOK, night.state, _with(open_[0]), night.next_wake.at)
    assert [touch.step for touch in morning.send] == ["smb-cost"]
    assert morning.next_touch_at > morning.at + 19 * HOUR, "the next one keeps its distance from the one picked up"


def test_a_paused_journey_picks_nothing_up_until_it_is_resumed():
    left = _with(_row("smb-cost", TouchStatus.PLANNED, TUESDAY, "hidden-cost"))
    paused = decide(PLAYBOOK, _begun(paused_since=TUESDAY), left, TUESDAY + HOUR)
    assert (paused.send, paused.withdraw) == ((), ())
    resumed = decide(PLAYBOOK, paused.state, left, TUESDAY + 2 * HOUR, [command(CommandKind.RESUME)])
    assert [touch.step for touch in resumed.send] == ["smb-cost"]


def test_the_end_calls_back_what_an_interrupted_run_left_planned():
    left = _row("smb-cost", TouchStatus.PLANNED, TUESDAY, "hidden-cost")
    ended = decide(PLAYBOOK, _begun(), _with(left), TUESDAY, [command(CommandKind.OPT_OUT)])
    assert ended.withdraw == (left.key,)


def test_a_triggers_touch_refused_at_the_last_moment_is_tried_again():
    pending = _begun(stage=BuyerStage.COMPARISON, anchor=TUESDAY)
    refused = _with(_row("trigger-on-pricing", TouchStatus.REFUSED, TUESDAY, "pricing-answers"))
    waiting = decide(PLAYBOOK, pending, refused, TUESDAY + timedelta(minutes=1))
    assert waiting.next_wake.at == TUESDAY + HOUR
    tried = decide(PLAYBOOK, waiting.state, refused, TUESDAY + HOUR)
    assert [touch.key for touch in tried.send] == ["ld_test/1/0/trigger-on-pricing"]


def test_a_step_refused_at_the_last_moment_is_tried_again_on_the_next_day_and_not_a_gap_later():
    playbook, begun = playbook_with(track(step("one", "guide", "20d"))), _begun(anchor=TUESDAY - 20 * DAY)
    sent = decide(playbook, begun, facts(), TUESDAY)
    known = _in_ledger(sent, TouchStatus.REFUSED, facts())
    waiting = decide(playbook, sent.state, known, TUESDAY + timedelta(minutes=1))
    assert (waiting.send, waiting.next_wake.at) == ((), TUESDAY + DAY)
    assert [touch.step for touch in decide(playbook, waiting.state, known, TUESDAY + DAY).send] == ["one"]


def test_the_next_gap_counts_from_when_an_interrupted_touch_left():
    left = _row("smb-cost", TouchStatus.CLAIMED, TUESDAY, "hidden-cost")
    picked_up = decide(PLAYBOOK, _begun(anchor=TUESDAY), _with(left), TUESDAY + 20 * DAY)
    assert [touch.step for touch in picked_up.send] == ["smb-cost"]
    assert picked_up.state.anchor == TUESDAY + 20 * DAY


def test_a_key_that_failed_is_never_used_for_the_next_occurrence():
    failed = _row("trigger-on-reply-alert", TouchStatus.FAILED, TUESDAY - DAY, channel=Channel.ALERT)
    reply = _did("replied", TUESDAY, "delivery")
    decision = decide(PLAYBOOK, _begun(paused_since=MONDAY), _with(failed, behaviours=[reply]), TUESDAY)
    assert [touch.key for touch in decision.send] == ["ld_test/1/0/trigger-on-reply-alert/2"]


def test_a_waiting_touch_that_a_newer_playbook_does_not_know_is_dropped():
    pending = PendingTouch(
        step="trigger-on-pricing", trigger="on-pricing", channel=Channel.EMAIL, asset="pricing-answers", due=TUESDAY
    )
    document = PLAYBOOK.document
    without_asset = {name: asset for name, asset in document.assets.items() if name != "pricing-answers"}
    for change in ({"triggers": ()}, {"assets": without_asset}):
        newer = CompiledPlaybook(document.model_copy(update=change))
        decision = decide(newer, _begun(pending=(pending,)), facts(), TUESDAY)
        assert decision.state.pending == ()
        assert "pricing-answers" not in {touch.asset for touch in decision.send}


def test_a_planned_touch_whose_asset_is_gone_is_called_back():
    document = PLAYBOOK.document
    newer = CompiledPlaybook(
        document.model_copy(update={"assets": {k: v for k, v in document.assets.items() if k != "hidden-cost"}})
    )
    left = _row("smb-cost", TouchStatus.PLANNED, MONDAY, "hidden-cost")
    assert decide(newer, _begun(anchor=TUESDAY), _with(left), TUESDAY).withdraw == (left.key,)


def test_numbers_and_lists_that_conditions_cannot_hold_count_as_unknown():
    for value in (10**400, 2**63, float("nan"), float("inf"), True, "many"):
        draft = Draft(PLAYBOOK, _begun(), facts(lead(employees=value)), TUESDAY)
        assert not draft.holds('"employees" in known')
        assert draft.holds("lead.employees == 0")


def test_many_steps_that_are_due_at_once_all_leave():
    document = PLAYBOOK.document
    track = next(track for track in document.tracks if track.segment == "smb")
    tasks = tuple(
        track.touches[0].model_copy(
            update={"id": f"s{n}", "channel": Channel.SDR_TASK, "asset": None, "gap": timedelta()}
        )
        for n in range(12)
    )
    crowded = CompiledPlaybook(document.model_copy(update={"tracks": (track.model_copy(update={"touches": tasks}),)}))
    state, known, sent, at = JourneyState.begin("ld_test", 1, crowded.hash, MONDAY), facts(), [], MONDAY
    for _ in range(3):
        decision = decide(crowded, state, known, at)
        sent += [touch.step for touch in decision.send]
        known, state, at = _in_ledger(decision, TouchStatus.SENT, known), decision.state, decision.next_wake.at
    assert sent == [f"s{n}" for n in range(12)]
    assert at == MONDAY + 90 * DAY
