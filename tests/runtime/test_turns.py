"""Turns of the relay's sources, and the bound on journeys that were told and have not decided."""

from datetime import UTC, datetime

import pytest

from runtime.turns import Places, Turns, Undecided, all_taken
from storage.wakes import JourneyInfo, LeasedWake

AT = datetime(2026, 3, 2, tzinfo=UTC)


def wake(lead: str, source: str = "site", turn: float = 0, next_turn: float | None = 1) -> LeasedWake:
    journey = JourneyInfo(cycle=1, playbook_name="p", playbook_hash="h", started_at=AT, cursor=0, decision_number=3)
    return LeasedWake(
        lead=lead, types=(), version=1, attempts=1, source=source, turn=turn, next_turn=next_turn, journey=journey
    )


def test_who_had_nothing_to_say_comes_in_the_turn_that_is_on():
    turns = Turns()
    turns.taken([wake("a", "site", 0, 1), wake("b", "site", 1, 2), wake("c", "app", 0, 1)])
    assert (turns.turn, turns.next) == (1, {"site": 2}), "app's next turn is the one that is on: nothing to remember"


def test_an_interrupt_takes_no_turn():
    turns = Turns()
    turns.taken([wake("a", turn=-1, next_turn=None)])
    assert (turns.turn, turns.next) == (0, {})


def test_there_is_room_again_when_a_journey_has_decided():
    undecided = Undecided(2)
    undecided.told([wake("a"), wake("b")], now=0)
    assert undecided.room(now=0) == 0
    assert undecided.waited_for() == [("a", 1, 3), ("b", 1, 3)]
    undecided.decided(["a"], now=1)
    assert undecided.room(now=1) == 1
    undecided.put_off("b")
    assert undecided.room(now=1) == 2


def test_a_journey_that_never_decides_keeps_others_waiting_once_and_for_a_while():
    undecided = Undecided(1)
    undecided.told([wake("stuck")], now=0)
    assert (undecided.room(now=1), undecided.room(now=3)) == (0, 1)
    undecided.told([wake("stuck")], now=4)
    assert undecided.room(now=4) == 1
    undecided.told([wake("stuck")], now=100)
    assert undecided.room(now=100) == 0


def test_in_company_a_source_leaves_places_to_others():
    undecided = Undecided(16)
    undecided.told([wake(f"a{n}", "flood") for n in range(16)], now=0)
    assert undecided.places(now=0) == Places(16, {"flood": 16}), "alone it may have all"
    undecided.decided([f"a{n}" for n in range(16)], now=0.02)
    undecided.told([wake("b", "site"), *(wake(f"a{n}", "flood") for n in range(2))], now=1)
    assert undecided.places(now=1) == Places(2, {"site": 1, "flood": 2})
    assert undecided.places(now=11).share == 16, "they have had nothing more to say"


def test_what_tendril_itself_has_to_say_is_nobodys_company():
    undecided = Undecided(16)
    undecided.told([wake("a", "site"), wake("b", ""), wake("c", "caught_up")], now=0)
    assert undecided.places(now=0).share == 16


@pytest.mark.parametrize(("fastest", "share"), [(0.02, 2), (0.05, 2), (0.1, 5), (1, 8)])
def test_where_journeys_take_long_to_decide_a_source_has_more_places(fastest: float, share: int):
    undecided = Undecided(16)
    undecided.told([wake("a", "site"), wake("b", "app"), wake("c", "app")], now=0)
    undecided.decided(["a"], now=fastest)
    undecided.decided(["b"], now=2)
    assert undecided.places(now=2).share == share


def test_what_load_makes_slow_is_not_taken_for_far():
    undecided = Undecided(16)
    for number in range(1000):
        undecided.told([wake("a", "site"), wake("b", "app")], now=number)
        undecided.decided(["a", "b"], now=number + (0.02 if number < 300 else 0.2))
    assert undecided.places(now=1000).share == 2


def test_more_may_wait_of_a_source_that_got_all_it_might_whether_or_not_its_journeys_decide():
    places = Places(2, {"app": 1})
    assert all_taken(places, 8, [wake("a", "app")])
    assert all_taken(places, 8, [wake("a", "site"), wake("b", "site")])
    assert all_taken(places, 1, [wake("a", "site")])
    assert all_taken(Places(2, {"app": 2}), 8, [])
    assert not all_taken(places, 8, [wake("a", "site")])
    assert not all_taken(places, 8, [wake("a", "site"), wake("b", "site", turn=-1)]), "interrupts take no place"
