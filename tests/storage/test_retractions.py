"""What is taken back counts no more, is kept and explained, and the journey hears of it once."""

from datetime import timedelta
from typing import Any

import pytest

from domain.errors import Refused
from domain.state import JourneyState
from storage import inbox
from storage.database import Database
from storage.gather import gather
from storage.retractions import Outcome, restore, retract, why_not_counted
from tests.storage.samples import NOW, event

LATER = NOW + timedelta(days=1)


async def one(database: Database, begun: JourneyState, **given: Any) -> None:
    """The lead looked at a page, and its journey has been told."""
    await inbox.accept(database, [event("m-1", lead_id=begun.lead, **given)], NOW)
    await database.pool.execute("delete from pending_wake")


async def test_it_is_kept_with_the_reason_and_counts_no_more(database: Database, begun: JourneyState):
    await one(database, begun, properties={"title": "Prices"})

    assert await retract(database, ["m-1"], "ann", "a test", LATER) == {"m-1": Outcome.RETRACTED}

    async with database.pool.acquire() as connection:
        visit, retraction = (await gather(connection, begun, LATER)).behaviours
    assert (visit.trusted, visit.properties["title"], why_not_counted(visit.properties)) == (False, "Prices", "a test")
    assert visit.properties["not_counted"]["retracted_at"].startswith("2026-03-03T10:00:00")
    assert (retraction.position, retraction.kind, retraction.at) == (2, "retraction", LATER)
    assert retraction.properties == {"message_id": "m-1", "event": "page /pricing", "reason": "a test"}


async def test_the_journey_wakes_and_is_told_why(database: Database, begun: JourneyState):
    await one(database, begun)

    await retract(database, ["m-1"], "ann", "a test", LATER)

    assert await database.pool.fetchval("select types from pending_wake") == ["behaviour retracted"]


async def test_twice_is_once(database: Database, begun: JourneyState):
    await one(database, begun)

    outcomes = [(await retract(database, ["m-1", "m-1"], "ann", "a test", LATER))["m-1"] for _ in range(2)]

    assert outcomes == [Outcome.RETRACTED, Outcome.NOT_COUNTED]
    assert await database.pool.fetchval("select count(*) from behaviour") == 2


async def test_what_nobody_knows_is_unknown_and_so_is_a_retraction(database: Database, begun: JourneyState):
    await one(database, begun)
    await retract(database, ["m-1"], "ann", "a test", LATER)

    outcomes = await retract(database, ["nobody", "retracted:m-1"], "ann", "a test", LATER)

    assert set(outcomes.values()) == {Outcome.UNKNOWN}
    assert await database.pool.fetchval("select trusted from behaviour where kind = 'retraction'")


async def test_what_an_unknown_visitor_did_counts_for_nobody_later(database: Database):
    await inbox.accept(database, [event("m-1", anonymous_id="v-1")], NOW)

    assert await retract(database, ["m-1"], "ann", "a test", LATER) == {"m-1": Outcome.RETRACTED}
    assert [row["trusted"] for row in await database.pool.fetch("select trusted from behaviour")] == [False]


async def test_an_id_that_several_senders_have_is_refused_until_one_is_named(database: Database, begun: JourneyState):
    await one(database, begun)
    for sender in ("shop", "web"):
        await inbox.accept(database, [event("m-1", lead_id=begun.lead)], NOW, sender=sender)

    with pytest.raises(Refused, match="m-1 is the message id of 3 events, of Tendril itself, “shop”, “web”"):
        await retract(database, ["m-1"], "ann", "a test", LATER)
    assert await retract(database, ["m-1"], "ann", "a test", LATER, "web") == {"m-1": Outcome.RETRACTED}
    assert await retract(database, ["m-1"], "ann", "a test", LATER, "nobody") == {"m-1": Outcome.UNKNOWN}

    counted = "select sender from behaviour where message_id = 'm-1' and trusted order by 1"
    assert [row["sender"] for row in await database.pool.fetch(counted)] == ["", "shop"]
    with pytest.raises(Refused):
        await restore(database, ["m-1"], "ann", "a customer", LATER)
    assert await restore(database, ["m-1"], "ann", "a customer", LATER, "web") == {"m-1": Outcome.RESTORED}
    assert len(await database.pool.fetch(counted)) == 3


async def test_what_is_restored_counts_again_and_the_journey_is_told_each_time(database: Database, begun: JourneyState):
    await one(database, begun, properties={"title": "Prices"})
    for _ in range(2):
        await retract(database, ["m-1"], "ann", "a test", LATER)
        assert await restore(database, ["m-1"], "ann", "a customer", LATER) == {"m-1": Outcome.RESTORED}
    assert await restore(database, ["m-1"], "ann", "a customer", LATER) == {"m-1": Outcome.COUNTED}

    async with database.pool.acquire() as connection:
        visit, *told = (await gather(connection, begun, LATER)).behaviours
    assert visit.trusted
    assert (visit.properties["title"], "not_counted" in visit.properties) == ("Prices", False)
    assert [each.name for each in told] == ["behaviour retracted", "behaviour restored"] * 2
    assert "behaviour restored" in await database.pool.fetchval("select types from pending_wake")


async def test_a_machines_visit_that_was_a_persons_can_be_restored(database: Database, begun: JourneyState):
    await one(database, begun, trusted=False, properties={"not_counted": {"reason": "a robot"}})
    assert await restore(database, ["m-1"], "ann", "a person", LATER) == {"m-1": Outcome.RESTORED}


async def test_a_complaint_that_counts_after_all_forbids_at_once(database: Database, begun: JourneyState):
    await one(database, begun, kind="delivery", name="complained", trusted=False)
    assert await database.pool.fetchval("select count(*) from suppression") == 0
    await restore(database, ["m-1"], "ann", "a person", LATER)
    assert await database.pool.fetchval("select reason from suppression") == "complained"


async def test_what_is_kept_no_longer_or_unknown_cannot_be_restored(database: Database, begun: JourneyState):
    await one(database, begun, trusted=False)
    await database.pool.execute("update behaviour set purged_at = $1", NOW)
    outcomes = await restore(database, ["m-1", "nobody"], "ann", "a person", LATER)
    assert outcomes == {"m-1": Outcome.PURGED, "nobody": Outcome.UNKNOWN}
