"""Public holidays by country, and the lead's own moment after the opening."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.cadence import earliest, next_open, zone_of
from domain.core.days_off import countries, holiday_in
from domain.playbook.models import Cadence, Holidays
from domain.words import Channel
from tests.domain.core.life import DAY, HOUR, facts, lead, live, playbook_with, rejections, step, steps, track

#: Wednesday, 23 December, in the morning.
BEFORE_CHRISTMAS = datetime(2026, 12, 23, 8, tzinfo=UTC)
OFFICE = {"days": ["mon", "tue", "wed", "thu", "fri"], "opens": "09:00", "closes": "17:00", "least_gap": "0d"}


def cadence(**changes):
    return Cadence.model_validate(OFFICE | changes)


@pytest.mark.parametrize(
    ("rules", "country", "expected"),
    [
        (None, "DE", ()),
        ({}, "de", ("DE",)),
        ({}, "", ()),
        ({"unknown": "US"}, "", ("US",)),
        ({"unknown": "US"}, "DE", ("DE",)),
        ({"lead": False, "countries": ["FR"]}, "DE", ("FR",)),
        ({"countries": ["FR"], "unknown": "US"}, "", ("US", "FR")),
    ],
)
def test_whose_holidays_a_lead_keeps(rules, country, expected):
    assert countries(rules and Holidays.model_validate(rules) if rules != {} else Holidays(), country) == expected


def test_holidays_are_those_of_the_country():
    assert holiday_in(date(2026, 7, 4), ("DE", "US")) == "US"
    assert holiday_in(date(2026, 10, 3), ("DE", "US")) == "DE"
    assert holiday_in(date(2026, 10, 3), ("US",)) == ""
    assert holiday_in(date(2026, 10, 3), ("ZZ",)) == "", "a country nobody knows has none"


@pytest.mark.parametrize(
    ("country", "zone", "at", "opens"),
    [
        ("GB", "Europe/London", "2026-12-25T10:00", "2026-12-29T09:00"),  # Boxing Day is observed on Monday
        ("US", "America/New_York", "2026-11-26T16:00", "2026-11-27T14:00"),  # Thanksgiving
        ("AU", "Australia/Sydney", "2026-01-26T00:00", "2026-01-26T22:00"),  # Australia Day, on the lead's own Monday
        ("CL", "America/Santiago", "2026-09-18T15:00", "2026-09-21T12:00"),  # and summer time has begun
    ],
)
def test_no_window_opens_on_a_holiday(country, zone, at, opens):
    found = next_open(cadence(), ZoneInfo(zone), datetime.fromisoformat(at + "+00:00"), (country,))
    assert found == datetime.fromisoformat(opens + "+00:00")


def test_a_touch_says_which_holiday_holds_it():
    playbook = playbook_with(track(step("only", "guide", "2d")), cadence={**OFFICE, "holidays": {}})
    decisions = live(playbook=playbook, entry=facts(lead(country="DE")), start=BEFORE_CHRISTMAS)
    assert steps(decisions) == [(5, "only")], "on the Monday after"
    assert rejections(decisions, "holiday")[0] == ("guide", "a public holiday (DE)")
    elsewhere = live(playbook=playbook, entry=facts(lead(country="IL")), start=BEFORE_CHRISTMAS)
    assert steps(elsewhere) == [(2, "only")]


def test_even_someone_who_keeps_every_holiday_is_written_to_some_day():
    everywhere = ("US", "DE", "FR", "GB", "IN", "JP", "BR", "CN", "MX", "ES", "IT", "IR", "KH", "LK")
    mondays = cadence(days=["mon"])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    while at.year == 2026:
        at = next_open(mondays, ZoneInfo("UTC"), at + HOUR, everywhere)
        assert at.weekday() == 0


def spread_over(minutes, people, **changes):
    rules = cadence(spread=f"{minutes}m", **changes)
    friday_night = datetime(2026, 3, 6, 20, tzinfo=UTC)
    return [
        earliest(rules, facts(lead(timezone="UTC").model_copy(update={"id": name})), Channel.EMAIL, friday_night, "x")
        for name in people
    ]


def test_those_who_waited_for_the_window_leave_spread_over_its_first_minutes():
    opening = datetime(2026, 3, 9, 9, tzinfo=UTC)
    slots = spread_over(30, [f"ld_{number}" for number in range(300)])
    quarters = Counter(int((slot.at - opening) / timedelta(minutes=10)) for slot in slots)
    assert set(quarters) == {0, 1, 2}
    assert min(quarters.values()) > 60, "more or less evenly"
    assert slots == spread_over(30, [f"ld_{number}" for number in range(300)]), "each at a moment of its own"


def test_nobody_leaves_after_the_window_closes():
    closing = datetime(2026, 3, 9, 9, 20, tzinfo=UTC)
    assert all(slot.at < closing for slot in spread_over(300, [f"ld_{n}" for n in range(50)], closes="09:20"))


def test_what_becomes_due_inside_the_window_leaves_at_once():
    at = datetime(2026, 3, 9, 9, 0, 1, tzinfo=UTC)
    slot = earliest(cadence(spread="2h"), facts(lead(timezone="UTC")), Channel.EMAIL, at, "x")
    assert slot.at == at


def test_a_wake_before_its_own_moment_changes_nothing():
    playbook = playbook_with(track(step("only", "guide", "14h")), cadence={**OFFICE, "spread": "3h"})
    alone = steps(live(playbook=playbook))
    assert 0.95 < alone[0][0] < 1.1
    woken = steps(live((DAY, "page", "/blog", {}), playbook=playbook))
    assert woken == alone


ZONES = {
    "America/New_York": "US",
    "Europe/London": "GB",
    "Australia/Sydney": "AU",
    "America/Santiago": "CL",
    "Africa/Cairo": "EG",
}


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 timezones adds it
    st.integers(0, 3000).map(lambda minutes: timedelta(minutes=minutes)),
    st.sampled_from(sorted(ZONES)),
    st.sampled_from([("00:00", "01:00"), ("02:00", "03:00"), ("02:30", "03:30"), ("09:00", "17:00")]),
    st.sampled_from(["0d", "20m", "3h"]),
)
def test_whatever_is_due_leaves_inside_the_window_on_a_working_day(due, late, zone, window, spread):
    rules = cadence(opens=window[0], closes=window[1], spread=spread, holidays={}, least_gap="0d")
    known = facts(lead(timezone=zone, country=ZONES[zone]))
    slot = earliest(rules, known, Channel.EMAIL, due, "x", now=due + late)
    local = slot.at.astimezone(zone_of(zone, "UTC"))
    assert due + late <= slot.at <= due + late + 14 * DAY
    assert local.weekday() < 5
    assert not holiday_in(local.date(), (ZONES[zone],))
    assert rules.opens <= local.time() < rules.closes
    assert earliest(rules, known, Channel.EMAIL, due, "x", now=slot.at).at == slot.at, "and leaves when it said"
