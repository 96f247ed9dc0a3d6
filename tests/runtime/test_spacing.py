"""Wakes in a flood are told ever more seldom; after a pause at once."""

from itertools import pairwise

from runtime.spacing import Spacing

LEAD = "ld_a"


def told_during(spacing: Spacing, begin: float, end: float) -> list[float]:
    """When the lead is told while something happens all the time."""
    times, now = [], begin
    while (now := now + spacing.wait(LEAD, now)) < end:
        spacing.told(LEAD, now)
        times.append(now)
    return times


def test_the_first_wake_is_told_at_once_and_the_next_a_tenth_of_a_second_later():
    first, second = told_during(Spacing(), 0.0, 0.25)
    assert first == 0.0
    assert second == 0.1


def test_a_flood_is_told_seldom_but_never_more_than_five_seconds_apart():
    times = told_during(Spacing(), 0.0, 60.0)
    assert len(times) < 20
    assert max(later - earlier for earlier, later in pairwise(times)) <= 5.0


def test_after_a_pause_everything_is_as_at_first():
    spacing = Spacing()
    told_during(spacing, 0.0, 60.0)
    assert told_during(spacing, 80.0, 80.15) == [80.0, 80.1]


def test_one_leads_flood_does_not_hold_another_back():
    spacing = Spacing()
    told_during(spacing, 0.0, 10.0)
    assert spacing.wait("ld_b", 10.0) == 0.0


def test_leads_that_have_paused_are_forgotten():
    spacing = Spacing()
    for number in range(30_000):
        spacing.told(f"ld_{number}", number / 100)
    assert len(spacing._told) < 11_000
