"""Turns of the relay's sources, and the bound on journeys that were told and have not decided."""

from datetime import UTC, datetime

from runtime.turns import Places, Turns, Undecided
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
    undecided.settle(["a"])
    assert undecided.room(now=0) == 1


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
    undecided.settle([f"a{n}" for n in range(16)])
    undecided.told([wake("b", "site"), *(wake(f"a{n}", "flood") for n in range(2))], now=1)
    assert undecided.places(now=1) == Places(2, {"site": 1, "flood": 2})
    assert undecided.full(now=1), "the flood waits, though there is room for others"
    assert undecided.places(now=4).share == 16, "they have had nothing more to say"


def test_nobody_waits_while_there_is_room_for_all():
    undecided = Undecided(16)
    undecided.told([wake("a", "app"), wake("b", "site")], now=0)
    assert not undecided.full(now=0)
