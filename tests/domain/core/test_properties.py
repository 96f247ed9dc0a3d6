"""What holds for every lead, whatever happens to it and in whatever order."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.core.cadence import zone_of
from domain.core.decide import decide
from domain.core.simulate import simulate
from domain.facts import Behaviour, OperatorCommand
from domain.state import JourneyState
from domain.words import DIRECT_CHANNELS, CommandKind, LeadStatus
from tests.domain.core.life import DAY, facts, lead
from tests.fixtures.examples import examples
from tests.fixtures.playbooks import minimal_compiled

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Europe/London",
    "Australia/Sydney",
    "Pacific/Chatham",
    "America/Santiago",
    "",
    "Mars/Base",
)
NAMES = [
    ("page", "/pricing"),
    ("page", "/customers/one"),
    ("page", "/blog"),
    ("track", "Meeting Booked"),
    ("delivery", "opened"),
    ("delivery", "clicked"),
    ("delivery", "replied"),
    ("delivery", "unsubscribed"),
    ("crm", "sales_accepted"),
    ("crm", "sales_rejected"),
    ("track", "Something nobody named"),
]
STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 timezones adds it
LEADS = st.builds(
    lambda zone, role, employees, source: lead(timezone=zone, role=role, employees=employees, source=source),
    st.sampled_from(ZONES),
    st.sampled_from(["cfo", "analyst", "", "job_seeker"]),
    st.integers(0, 5000),
    st.sampled_from(["", "referral", "webinar"]),
)
HAPPENINGS = st.lists(
    st.tuples(
        st.integers(0, 300 * 24 * 60),
        st.sampled_from(NAMES),
        st.sampled_from(["timing", "bad_data", "nonsense"]),
        st.booleans(),
    ),
    max_size=25,
)
COMMANDS = st.lists(
    st.tuples(st.integers(1, 300), st.sampled_from(list(CommandKind)), st.sampled_from(["evaluation", "nowhere", ""])),
    max_size=4,
)


def run(person, happenings, commands, start):
    behaviours = [
        Behaviour(
            position=number,
            kind=kind,
            name=name,
            at=start + timedelta(minutes=minute),
            properties={"handoff": "ld_test-1-1", "reason": reason},
            trusted=trusted,
        )
        for number, (minute, (kind, name), reason, trusted) in enumerate(sorted(happenings), start=1)
    ]
    asked = {
        start + timedelta(days=day, seconds=number): [OperatorCommand(id=str(number), kind=kind, stage=stage)]
        for number, (day, kind, stage) in enumerate(commands)
    }
    until = start + timedelta(days=500)
    return list(simulate(minimal_compiled(), facts(person), behaviours, start, until, asked))


@examples(60)
@given(LEADS, HAPPENINGS, COMMANDS, STARTS)
def test_every_life_keeps_the_promises(person, happenings, commands, start):
    decisions = run(person, happenings, commands, start)
    cadence = minimal_compiled().document.cadence
    direct = [(d.at, touch) for d in decisions for touch in d.send if touch.channel in DIRECT_CHANNELS]

    assert all(count == 1 for count in Counter(touch.asset for _, touch in direct).values()), "an asset went out twice"
    keys = Counter(touch.key for decision in decisions for touch in decision.send)
    assert all(count == 1 for count in keys.values()), "a key was used twice"
    for number, (at, _) in enumerate(direct):
        within = [other for other, _ in direct[: number + 1] if other > at - 7 * DAY]
        assert len(within) <= 3, "the weekly cap was exceeded"
        assert number == 0 or at - direct[number - 1][0] >= cadence.least_gap, "two touches too close"
    assert [d.state.number for d in decisions] == list(range(1, len(decisions) + 1))
    for decision in decisions:
        assert decision.state.ended == (decision.next_wake is None), "a journey without a next wake"
        assert decision.next_wake is None or decision.next_wake.at >= decision.at
        assert decision.title
    ended = [d for d in decisions if d.state.ended]
    assert len(ended) <= 1, "something was decided after the end"
    if ended and ended[0].state.status is LeadStatus.DISQUALIFIED:
        assert not [touch for touch in ended[0].send if touch.channel in DIRECT_CHANNELS]


@examples(40)
@given(LEADS, HAPPENINGS, STARTS)
def test_touches_leave_only_inside_the_window_of_the_leads_own_zone(person, happenings, start):
    cadence = minimal_compiled().document.cadence
    zone = zone_of(person.timezone, cadence.timezone)
    for decision in run(person, happenings, [], start):
        if any(touch.channel in DIRECT_CHANNELS for touch in decision.send):
            local = decision.at.astimezone(zone)
            assert local.weekday() < 5
            assert cadence.opens <= local.time() < cadence.closes


@examples(40)
@given(LEADS, HAPPENINGS, COMMANDS, STARTS)
def test_the_same_inputs_give_the_same_decisions(person, happenings, commands, start):
    first, second = run(person, happenings, commands, start), run(person, happenings, commands, start)
    assert [d.model_dump_json() for d in first] == [d.model_dump_json() for d in second]


@examples(30)
@given(LEADS, HAPPENINGS, STARTS)
def test_every_life_ends(person, happenings, start):
    visits = [happening for happening in happenings if happening[0] < 60 * 24 * 60]
    assert run(person, visits, [], start)[-1].state.ended


@examples(40)
@given(LEADS, HAPPENINGS, STARTS)
def test_deciding_again_too_early_changes_nothing_but_the_number(person, happenings, start):
    """A timer that fires early, or a wake for nothing new, must be harmless."""
    behaviours = [
        Behaviour(position=number, kind=kind, name=name, at=start, trusted=trusted)
        for number, (_, (kind, name), _, trusted) in enumerate(happenings, start=1)
    ]
    known = facts(person).model_copy(update={"behaviours": tuple(behaviours)})
    playbook = minimal_compiled()
    first = decide(playbook, JourneyState.begin("ld_test", 1, playbook.hash, start), known, start)
    if first.state.ended or first.send:
        return
    second = decide(playbook, first.state, known, start)
    assert second.state.model_copy(update={"number": first.state.number}) == first.state
    assert (second.send, second.next_wake) == (first.send, first.next_wake)


@given(STARTS)
def test_state_survives_the_way_through_history(start):
    state = JourneyState.begin("ld_x", 2, "abc", start)
    changed = state.model_copy(update={"number": 7, "joined": ("a",), "paused_since": start})
    assert JourneyState.model_validate_json(changed.model_dump_json()) == changed
