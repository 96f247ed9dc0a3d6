"""Send windows and caps, where clocks are difficult."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.cadence import earliest, next_open, zone_of
from domain.facts import AccountFacts, Permission, TouchFact
from domain.playbook.models import Cadence, Cap
from domain.words import Channel, TouchStatus
from tests.domain.core.life import MONDAY, facts, lead

DAY = timedelta(days=1)


def cadence(**changes):
    return Cadence.model_validate({"opens": "09:00", "closes": "17:00", "least_gap": "1d", **changes})


@pytest.mark.parametrize(
    ("zone", "at", "opens"),
    [
        ("Europe/Berlin", "2026-03-02T08:00+00:00", "2026-03-02T08:00+00:00"),  # 09:00: the start is inside
        ("Europe/Berlin", "2026-03-02T16:00+00:00", "2026-03-03T08:00+00:00"),  # 17:00: the end is not
        ("Europe/Berlin", "2026-03-27T16:30+00:00", "2026-03-30T07:00+00:00"),  # over a weekend and into summer time
        ("America/New_York", "2026-10-30T21:30+00:00", "2026-11-02T14:00+00:00"),  # and back out of it
        ("Australia/Sydney", "2026-10-03T00:00+00:00", "2026-10-04T22:00+00:00"),  # southern spring begins on Sunday
        ("Pacific/Apia", "2026-05-01T03:00+00:00", "2026-05-01T03:00+00:00"),  # 16:00 on Friday, far ahead of UTC
    ],
)
def test_the_window_is_the_leads_own_day(zone, at, opens):
    found = next_open(cadence(), ZoneInfo(zone), datetime.fromisoformat(at))
    assert found == datetime.fromisoformat(opens)


def test_a_window_that_begins_in_the_missing_hour_opens_when_the_clock_has_jumped():
    night = cadence(opens="02:30", closes="04:00", days=["sun"])
    found = next_open(night, ZoneInfo("Europe/Berlin"), datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert found == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 03:30 in Berlin, where 02:30 does not exist


def test_an_unknown_zone_falls_back_to_the_playbooks():
    assert zone_of("Mars/Olympus", "Europe/Berlin").key == "Europe/Berlin"
    assert zone_of("../../etc/passwd", "nowhere").key == "UTC"


def touch(at, status=TouchStatus.SENT, channel=Channel.EMAIL):
    return TouchFact(key=f"k{at}", cycle=1, step="s", channel=channel, status=status, at=at)


def known(*touches, account=()):
    return facts(lead(timezone="UTC")).model_copy(
        update={"touches": touches, "account": AccountFacts(recent_touches=account)}
    )


def test_a_cap_lifts_when_its_oldest_counted_touch_leaves_the_window():
    capped = cadence(caps=[Cap(most=2, within="7d")], least_gap="0d")
    slot = earliest(capped, known(touch(MONDAY), touch(MONDAY + DAY)), Channel.EMAIL, MONDAY + 2 * DAY, "news")
    assert slot.at == MONDAY + 7 * DAY
    assert slot.held_by[0].rule == "cap_lead_any"


def test_an_account_cap_counts_colleagues():
    capped = cadence(caps=[Cap(per="account", channel="email", most=1, within="3d")], least_gap="0d")
    slot = earliest(capped, known(account=((Channel.EMAIL, MONDAY),)), Channel.EMAIL, MONDAY + DAY, "news")
    assert slot.at == MONDAY + 3 * DAY


def test_what_never_left_does_not_count():
    capped = cadence(caps=[Cap(most=1, within="7d")], least_gap="3d")
    never = [touch(MONDAY, status) for status in (TouchStatus.REFUSED, TouchStatus.WITHDRAWN, TouchStatus.FAILED)]
    assert earliest(capped, known(*never), Channel.EMAIL, MONDAY, "news").at == MONDAY


def test_a_touch_whose_fate_is_unknown_counts():
    assert earliest(cadence(), known(touch(MONDAY, TouchStatus.UNKNOWN)), Channel.EMAIL, MONDAY, "x").at > MONDAY


def test_tasks_for_sales_are_not_held_back():
    assert earliest(cadence(), known(touch(MONDAY)), Channel.SDR_TASK, MONDAY, "call").at == MONDAY


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 timezones adds it
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago"]),
    st.sampled_from([("00:00", "01:00"), ("02:00", "03:00"), ("09:00", "17:00"), ("23:00", "23:59")]),
)
def test_the_next_opening_is_open_never_earlier_and_stays_put(at, zone, window):
    rules, where = cadence(opens=window[0], closes=window[1]), ZoneInfo(zone)
    opens = next_open(rules, where, at)
    assert at <= opens <= at + 4 * DAY
    assert next_open(rules, where, opens) in (opens, next_open(rules, where, opens + timedelta(hours=1)))


def wishing(*touches, **wishes):
    return known(*touches).model_copy(update={"permission": Permission(**wishes)})


def test_a_lead_who_paused_us_hears_nothing_until_then():
    until = MONDAY + 90 * DAY
    slot = earliest(cadence(), wishing(paused_until=until), Channel.EMAIL, MONDAY, "guide")
    assert slot.at == next_open(cadence(), ZoneInfo("UTC"), until)
    assert (slot.held_by[0].rule, slot.held_by[0].until) == ("paused_by_lead", until)
    assert earliest(cadence(), wishing(paused_until=until), Channel.SDR_TASK, MONDAY, "call").at == MONDAY


def test_a_lead_may_want_more_time_between_touches_than_the_playbook_does():
    slot = earliest(cadence(), wishing(touch(MONDAY), least_days=14), Channel.EMAIL, MONDAY + DAY, "guide")
    assert (slot.at, slot.held_by[0].rule) == (MONDAY + 14 * DAY, "lead_pace")
    assert earliest(cadence(), wishing(least_days=14), Channel.EMAIL, MONDAY, "guide").at == MONDAY
