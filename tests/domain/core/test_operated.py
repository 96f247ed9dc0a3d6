"""Resends, rewinds and migrations: whatever operators ask and whenever, nothing is doubled and nobody is stranded."""

from collections import Counter
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.decide import decide
from domain.core.simulate import onward, steps
from domain.facts import Behaviour, OperatorCommand, Permission
from domain.keys import TouchKey
from domain.playbook.compiled import CompiledPlaybook
from domain.state import JourneyState
from domain.words import DIRECT_CHANNELS, BuyerStage, Channel, CommandKind, Phase, TouchStatus
from tests.domain.core.generated import compiled, documents
from tests.domain.core.life import (
    DAY,
    HOUR,
    MONDAY,
    command,
    event,
    facts,
    in_ledger,
    live,
    page,
    playbook_with,
    rejections,
    sent,
    step,
    track,
)
from tests.fixtures.examples import examples
from tests.fixtures.playbooks import minimal_compiled

TWO = playbook_with(track(step("one", "hidden-cost", "1d"), step("two", "checklist", "5d")))
FIRST = "ld_test/1/0/one"


def _resent(touch: str = FIRST, after=3 * DAY, playbook=TWO, **known):
    return live(playbook=playbook, commands={after: [command(CommandKind.RESEND, touch=touch)]}, days=20, **known)


def _keys(decisions, direct: bool = True):
    return [t.key for d in decisions for t in d.send if not direct or t.channel in DIRECT_CHANNELS]


# --- resend ------------------------------------------------------------------------------------------------------


def test_a_resend_sends_the_same_again_under_a_key_of_its_own_and_the_rest_once():
    decisions = _resent()
    assert _keys(decisions) == [FIRST, "ld_test/1/1/one", "ld_test/1/1/two"]
    again = next(
        reason for d in decisions for reason in d.reasons if "sends" in reason.text and reason.rule == "resend"
    )
    assert again.evidence == {"of": FIRST, "key": "ld_test/1/1/one"}
    assert decisions[-1].state.epoch == 1


def test_a_resend_keeps_to_the_window_the_caps_and_what_the_lead_wants():
    at_night = _resent(after=3 * DAY + 14 * HOUR, playbook=minimal_compiled(), touch="ld_test/1/0/smb-cost")
    (again,) = [d.at for d in at_night for t in d.send if TouchKey.parse(t.key).epoch == 1 and t.step == "smb-cost"]
    assert again == MONDAY + 4 * DAY - HOUR, "the window opens at nine"
    declined = live(playbook=TWO, days=2)[-1]
    known = in_ledger(declined, TouchStatus.SENT).model_copy(
        update={"permission": Permission(declined=frozenset({Channel.EMAIL}))}
    )
    refused = decide(TWO, declined.state, known, MONDAY + 3 * DAY, [command(CommandKind.RESEND, touch=FIRST)])
    assert not refused.send


@pytest.mark.parametrize(
    ("touch", "status", "why"),
    [
        ("ld_test/1/0/never", TouchStatus.SENT, "no touch of this journey"),
        (FIRST, TouchStatus.REFUSED, "nothing was sent under"),
        (FIRST, TouchStatus.CLAIMED, "nothing was sent under"),
        (FIRST, TouchStatus.FAILED, ""),
        (FIRST, TouchStatus.UNKNOWN, ""),
    ],
)
def test_only_what_was_sent_or_tried_is_sent_again(touch, status, why):
    first = next(d for d in live(playbook=TWO, days=2) if d.send)
    known = in_ledger(first, status)
    asked = decide(TWO, first.state, known, first.at + DAY, [command(CommandKind.RESEND, touch=touch)])
    assert [t.key for t in asked.send if t.key.startswith("ld_test/1/1")] == ([] if why else ["ld_test/1/1/one"])
    assert not why or any(why in one.why for one in asked.rejected)


def test_a_resend_that_a_reset_asks_for_again_is_recognised():
    decisions = _resent()
    asked = next(d for d in decisions if d.state.epoch == 1)
    before = decisions[decisions.index(asked) - 1].state
    known = in_ledger(asked, TouchStatus.SENT, in_ledger(decisions[1], TouchStatus.SENT))
    resend = [command(CommandKind.RESEND, touch=FIRST)]
    again = decide(TWO, before, known, asked.at + HOUR, resend)
    assert (again.send, again.state.epoch) == ((), 1)
    once_more = decide(TWO, again.state, known, asked.at + 2 * HOUR, resend)
    assert [touch.key for touch in once_more.send] == ["ld_test/1/2/one"]


HAPPENINGS = st.lists(
    st.tuples(
        st.integers(0, 90 * 24), st.sampled_from([("page", "/pricing"), ("page", "/blog"), ("track", "Meeting Booked")])
    ),
    max_size=8,
)


def _happened(happenings):
    return [event(kind, name, timedelta(hours=hour)) for hour, (kind, name) in happenings]


@examples(40)
@given(HAPPENINGS, st.lists(st.integers(1, 90), max_size=4, unique=True), st.integers(0, 99))
def test_an_epoch_that_rises_makes_nothing_unsent(happenings, days, seed):
    """As often as something is sent, so often it was asked for: once by the playbook, and once by each resend."""
    plain = live(*_happened(happenings), days=91)
    keys, lot = sorted(_keys(plain)), Random(seed)
    asked = {day * DAY: [command(CommandKind.RESEND, touch=lot.choice(keys))] for day in days if keys}
    decisions = live(*_happened(happenings), days=120, commands=asked)
    times = Counter(asset for _, asset in sent(decisions))
    wanted = Counter(said[0].touch for said in asked.values())
    assert max(Counter(_keys(decisions, direct=False)).values(), default=0) <= 1
    for asset, number in times.items():
        steps_of = {t.step for d in decisions for t in d.send if t.asset == asset}
        asked_again = [key for key in wanted.elements() if TouchKey.parse(key).step in steps_of]
        assert number <= 1 + len(asked_again)
    epochs = [d.state.epoch for d in decisions]
    assert epochs == sorted(epochs)


# --- rewind ------------------------------------------------------------------------------------------------------


def test_a_rewind_reads_the_same_behaviour_again_by_todays_rules_and_repeats_nothing():
    lived = live(page("/pricing", 2 * DAY), days=10)
    decisions = live(
        page("/pricing", 2 * DAY),
        days=10,
        commands={6 * DAY: [command(CommandKind.REWIND, to=1, reason="wrong track")]},
    )
    back = next(d for d in decisions if d.rewound_to is not None)
    assert (back.rewound_to, back.state.number) == (1, decisions.index(back) + 1)
    assert "on-pricing" in {reason.rule for reason in back.reasons}, "the visit is read again"
    assert sorted(_keys(decisions)) == sorted(_keys(lived))
    assert back.state.cursor == lived[-1].state.cursor


def test_an_open_handoff_is_withdrawn_and_the_same_one_given_again_stands():
    meeting = event("track", "Meeting Booked", DAY)
    again = live(meeting, days=1.5, commands={1.2 * DAY: [command(CommandKind.REWIND, to=1)]})[-1]
    assert again.open_handoff.id == "ld_test-1-1"
    assert (again.resolve_handoff, again.state.handoffs) == (None, 1)
    by_hand = {DAY: [command(CommandKind.HAND_OFF)], 1.2 * DAY: [command(CommandKind.REWIND, to=1)]}
    withdrawn = live(days=1.5, commands=by_hand)[-1]
    assert (withdrawn.resolve_handoff.id, withdrawn.resolve_handoff.outcome) == ("ld_test-1-1", "withdrawn")
    assert (withdrawn.state.phase, withdrawn.state.handoff) == (Phase.NURTURE, None)
    told = {reason.text: reason.evidence for reason in withdrawn.reasons if reason.rule == "rewind"}
    assert told == {
        "goes on from decision 1": {"superseded": "2"},
        "takes back the handoff that was opened since": {"handoff": "ld_test-1-1"},
    }


def test_who_was_rejected_and_is_rewound_is_handed_over_anew():
    commands = {
        DAY: [command(CommandKind.HAND_OFF)],
        2 * DAY: [command(CommandKind.SALES_REJECT, reason="timing")],
        3 * DAY: [command(CommandKind.REWIND, to=1), command(CommandKind.HAND_OFF)],
    }
    assert live(days=3.1, commands=commands)[-1].open_handoff.id == "ld_test-1-2"


def test_a_rewind_to_an_open_handoff_asks_sales_anew_with_all_of_its_time():
    commands = {
        DAY: [command(CommandKind.HAND_OFF)],
        2 * DAY: [command(CommandKind.SALES_REJECT, reason="timing")],
        60 * DAY: [command(CommandKind.REWIND, to=2)],
    }
    back = live(days=60.5, commands=commands)[-1].state
    assert (back.phase, back.handoff.id, back.handoff.opened) == (Phase.HANDOFF, "ld_test-1-1", MONDAY + 60 * DAY)


def test_a_rewind_leads_nowhere_that_is_not_recorded():
    decisions = live(days=5, commands={3 * DAY: [command(CommandKind.REWIND, to=77)]})
    assert rejections(decisions, "unknown_decision") == [("rewind", "decision 77 of this journey is not recorded")]
    assert all(d.rewound_to is None for d in decisions)


def test_a_rewind_across_a_migration_leads_to_a_place_that_the_version_in_force_has():
    document = minimal_compiled().document.model_dump(mode="json")
    stages = [stage for stage in document["stages"] if stage["id"] != BuyerStage.COMPARISON]
    for stage in stages:
        stage["transitions"] = [move for move in stage["transitions"] if move["to"] != BuyerStage.COMPARISON]
    tracks = [one for one in document["tracks"] if one["stage"] != BuyerStage.COMPARISON]
    fewer = compiled(document | {"stages": stages, "tracks": tracks})
    then = live(days=3)[-1].state.model_copy(update={"stage": BuyerStage.COMPARISON})
    state = then.model_copy(update={"number": then.number + 3, "playbook": fewer.hash, "stage": stages[0]["id"]})
    known = facts().model_copy(update={"past": {then.number: then}})
    back = decide(fewer, state, known, MONDAY + 9 * DAY, [command(CommandKind.REWIND, to=then.number)])
    assert back.rewound_to == then.number
    assert back.state.stage in fewer.stages
    assert "placed" in {reason.rule for reason in back.reasons}


@examples(40)
@given(HAPPENINGS, st.lists(st.tuples(st.integers(1, 90), st.integers(0, 12)), max_size=4))
def test_however_often_a_journey_is_rewound_nothing_goes_out_twice(happenings, rewinds):
    asked = {
        day * DAY + timedelta(minutes=number): [command(CommandKind.REWIND, to=to)]
        for number, (day, to) in enumerate(rewinds)
    }
    decisions = live(*_happened(happenings), days=200, commands=asked)
    assert max(Counter(_keys(decisions)).values(), default=0) <= 1
    assert max(Counter(asset for _, asset in sent(decisions)).values(), default=0) <= 1
    assert [d.state.number for d in decisions] == list(range(1, len(decisions) + 1))
    for decision in decisions:
        assert decision.state.ended == (decision.next_wake is None), "a journey without a next wake"


# --- migrate -----------------------------------------------------------------------------------------------------


def test_a_migration_holds_even_where_the_playbook_pins_and_is_told():
    old = live(days=3)[-1].state.model_copy(update={"stage": BuyerStage.COMPARISON, "joined": ("gone",)})
    moved = decide(TWO, old, facts(), MONDAY + 4 * DAY, [command(CommandKind.MIGRATE, playbook=TWO.hash)])
    assert moved.state.playbook == TWO.hash
    assert f"migrates to version {TWO.hash}" in {reason.text for reason in moved.reasons}
    (placed,) = [reason for reason in moved.reasons if reason.rule == "placed"]
    assert placed.evidence == {"audiences": 1}
    again = decide(TWO, moved.state, facts(), MONDAY + 5 * DAY, [command(CommandKind.MIGRATE, playbook="unheard-of")])
    assert "version" in {one.rule for one in again.rejected}


def _fewer(document, lot: Random):
    """The document after an edit that removes what people may stand at."""
    stages = lot.sample(document["stages"], lot.randint(1, len(document["stages"])))
    kept = {stage["id"] for stage in stages}
    for stage in stages:
        stage["transitions"] = [move for move in stage["transitions"] if move["to"] in kept]
    tracks = [one for one in document["tracks"] if one["stage"] in kept]
    for one in tracks:
        one["touches"] = lot.sample(one["touches"], lot.randint(1, len(one["touches"])))
    return document | {
        "stages": [stage for stage in document["stages"] if stage["id"] in kept],
        "segments": document["segments"][-lot.randint(1, len(document["segments"])) :],
        "tracks": tracks,
        "triggers": lot.sample(document["triggers"], lot.randint(0, len(document["triggers"]))),
        "audiences": document["audiences"][lot.randint(0, 2) :],
        "profile": lot.choice([None, document["profile"]]),
        "experiments": [],
    }


def _stands(playbook: CompiledPlaybook, state: JourneyState) -> None:
    assert state.stage in playbook.stages
    assert state.segment in playbook.segments
    assert set(state.joined) <= {audience.id for audience in playbook.document.audiences}
    assert {pending.trigger for pending in state.pending} <= set(playbook.triggers)
    assert {one.asset for one in state.pending if one.asset} <= set(playbook.document.assets)
    assert not state.profiling or playbook.document.profile is not None


@examples(40)
@given(documents(), documents(), HAPPENINGS, st.integers(0, 60), st.integers(0, 999))
def test_nobody_is_stranded_by_any_edit_of_a_playbook(before, after, happenings, day, seed):
    old, lot = compiled(before), Random(seed)
    new = compiled(_fewer(after if lot.random() < 0.5 else before, lot))
    happened = _happened(happenings)
    lived = list(steps(old, facts(), [], MONDAY, MONDAY + day * DAY))
    last = lived[-1]
    if last.decision.state.ended:
        return
    now = max(MONDAY + day * DAY, last.decision.at)
    moved = {now: [OperatorCommand(id="m", kind=CommandKind.MIGRATE, playbook=new.hash)]}
    behaviours = _behaviours(happened, last.decision.state.cursor)
    rest = onward(new, last.decision.state, last.facts, now, now + 200 * DAY, behaviours=behaviours, commands=moved)
    decisions = [one.decision for one in rest]
    keys = _keys([one.decision for one in lived]) + _keys(decisions)
    assert max(Counter(keys).values(), default=0) <= 1
    for decision in decisions:
        _stands(new, decision.state)
        assert decision.state.ended == (decision.next_wake is None)
        assert set(decision.audiences) <= {audience.id for audience in new.document.audiences}


def _behaviours(happened, cursor):
    return [
        Behaviour(position=cursor + number, kind=kind, name=name, properties=more, at=MONDAY + after)
        for number, (after, kind, name, more) in enumerate(sorted(happened, key=lambda one: one[0]), start=1)
    ]
