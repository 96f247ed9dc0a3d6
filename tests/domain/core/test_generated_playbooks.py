"""Whatever a playbook says, every life in it ends or keeps a future wake, never spins, and never doubles anything."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.core.cadence import zone_of_lead
from domain.core.days_off import countries, holiday_in
from domain.core.simulate import simulate
from domain.core.steps import at_any_hour
from domain.facts import Behaviour, OperatorCommand
from domain.words import DIRECT_CHANNELS, CommandKind
from tests.domain.core.generated import compiled, documents, playbooks
from tests.domain.core.life import DAY, facts, lead
from tests.fixtures.examples import examples

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
#: Where clocks change in spring and in autumn, in both hemispheres, and where nobody knows.
PEOPLE = st.sampled_from(
    [
        ("Europe/Berlin", "DE"),
        ("America/New_York", "US"),
        ("Europe/London", "GB"),
        ("Australia/Sydney", "AU"),
        ("America/Santiago", "CL"),
        ("", ""),
    ]
).map(lambda place: lead(timezone=place[0], country=place[1]))

HAPPENINGS = st.lists(
    st.tuples(
        st.integers(0, 150 * 24 * 60),
        st.sampled_from([("page", "/pricing"), ("page", "/blog"), ("delivery", "opened"), ("crm", "sales_rejected")]),
        st.integers(0, 40),
    ),
    max_size=12,
)
COMMANDS = st.lists(st.tuples(st.integers(0, 150), st.sampled_from(list(CommandKind))), max_size=4)


def _live(playbook, happenings, commands, person=None):
    return list(_living(playbook, happenings, commands, person))


def _living(playbook, happenings, commands, person=None):
    behaviours = [
        Behaviour(
            position=number,
            kind=kind,
            name=name,
            at=START + timedelta(minutes=minute),
            properties={"handoff": f"ld_test-1-{number % 3 + 1}", "reason": "timing"},
        )
        for number, (minute, (kind, name), _) in enumerate(sorted(happenings), start=1)
    ]
    asked = {
        START + day * DAY + timedelta(minutes=number): [
            OperatorCommand(id=str(number), kind=kind, stage="evaluation", reason="timing")
        ]
        for number, (day, kind) in enumerate(commands)
    }
    return simulate(playbook, facts(person or lead()), behaviours, START, START + 500 * DAY, asked)


@examples(60)
@given(playbooks, HAPPENINGS, COMMANDS, PEOPLE)
def test_every_life_in_any_playbook_keeps_the_promises(playbook, happenings, commands, person):
    decisions = _live(playbook, happenings, commands, person)
    last = decisions[-1]
    assert last.state.ended or last.state.handoff, "neither ended nor with sales when time is up"
    for decision in decisions:
        assert decision.state.ended == (decision.next_wake is None)
        assert decision.next_wake is None or decision.next_wake.at > decision.at

    moments = [decision.at for decision in decisions]
    for number, moment in enumerate(moments):
        in_a_day = sum(moment <= other < moment + DAY for other in moments[number : number + 200])
        assert in_a_day <= 30 + 2 * len(happenings) + 2 * len(commands), "decisions follow each other without end"

    keys = Counter(touch.key for decision in decisions for touch in decision.send)
    assert all(times == 1 for times in keys.values()), "a key was used twice"
    direct = [(d.at, touch) for d in decisions for touch in d.send if touch.channel in DIRECT_CHANNELS]
    assert max(Counter(touch.asset for _, touch in direct).values(), default=0) <= 1, "an asset went out twice"
    _assert_caps_hold(playbook.document.cadence, direct)
    _assert_inside_the_window(playbook.document, facts(person), direct)
    _assert_nobody_changes_arms(decisions)
    opened = {d.open_handoff.id for d in decisions if d.open_handoff}
    resolved = [d.resolve_handoff.id for d in decisions if d.resolve_handoff]
    assert sorted(opened - {last.state.handoff.id if last.state.handoff else ""}) == sorted(resolved)


@examples(10)
@given(playbooks, HAPPENINGS, COMMANDS)
def test_a_decision_changes_nothing_that_was_decided_before(playbook, happenings, commands):
    decided = [(decision, decision.model_dump()) for decision in _living(playbook, happenings, commands)]
    assert all(decision.model_dump() == as_made for decision, as_made in decided)


def _assert_caps_hold(cadence, direct):
    for number, (at, touch) in enumerate(direct):
        assert number == 0 or at - direct[number - 1][0] >= cadence.least_gap, "two touches too close"
        for cap in cadence.caps:
            if cap.channel in ("any", touch.channel):
                counted = [c for when, c in direct[: number + 1] if when > at - cap.within or when == at]
                counted = [c for c in counted if cap.channel in ("any", c.channel)]
                assert not cap.within or len(counted) <= cap.most, "a cap was exceeded"


def _assert_inside_the_window(document, known, direct):
    rules, freely = document.cadence, at_any_hour(document)
    days_off, zone = countries(rules.holidays, known.lead.country), zone_of_lead(rules, known)
    for at, touch in direct:
        if touch.step not in freely:
            local = at.astimezone(zone)
            assert f"{local:%a}".lower() in rules.days
            assert rules.opens <= local.time() < rules.closes, "outside the send window"
            assert not holiday_in(local.date(), days_off), "on a holiday"


def _assert_nobody_changes_arms(decisions):
    arms: Mapping[str, str] = {}
    for decision in decisions:
        assert arms.items() <= decision.state.variants.items(), "an arm was changed"
        arms = decision.state.variants
        for touch in decision.send:
            name, _, variant = touch.variant.partition(":")
            assert not touch.variant or arms[name] == variant


@examples(25)
@given(documents(), HAPPENINGS, PEOPLE, st.integers(0, 10**6))
def test_the_same_playbook_in_any_order_of_keys_decides_the_same(document, happenings, person, seed):
    playbook, other = compiled(document), compiled(_shuffled(document, Random(seed)))
    assert other.hash == playbook.hash
    first, second = (_live(one, happenings, [], person) for one in (playbook, other))
    assert first == second


def _shuffled(part, random):
    if isinstance(part, list):
        return [_shuffled(item, random) for item in part]
    if not isinstance(part, dict):
        return part
    names = list(part)
    random.shuffle(names)
    return {name: _shuffled(part[name], random) for name in names}


@examples(60)
@given(playbooks, HAPPENINGS)
def test_without_operators_every_life_ends_by_the_length_limit_and_one_handoff(playbook, happenings):
    last = _live(playbook, happenings, [])[-1]
    assert last.state.ended
    assert last.at <= START + playbook.document.length_limit + playbook.document.handoff.expires + DAY
