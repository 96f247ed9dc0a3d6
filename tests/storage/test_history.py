"""History of somebody whom nobody knew yet is history still, once it is known whose it is."""

from datetime import timedelta

from domain.state import JourneyState
from storage import history, inbox
from storage.database import Connection, Database
from storage.gather import gather
from storage.history import Past
from storage.leads import LeadInput, upsert
from tests.storage.samples import NOW, event

HOUR = timedelta(hours=1)


async def keep(database: Database, *messages: str) -> None:
    """Visits of the unknown visitor v-1 an hour ago, all in one second."""

    async def nothing(_: Connection) -> None: ...

    visits = [Past(event(each, anonymous_id="v-1", occurred_at=NOW - HOUR)) for each in messages]
    await history.keep(database, visits, NOW, nothing)


async def test_it_wakes_nobody_and_is_read_as_what_was_known_long_ago(database: Database, begun: JourneyState):
    await keep(database, "m-1", "m-2")
    await inbox.accept(database, [event("news", anonymous_id="v-1")], NOW)
    await database.pool.execute("delete from pending_wake")

    known = LeadInput(email="ann@acme.example", anonymous_ids=("v-1",))
    assert (await upsert(database, known, NOW, enrol=False)).lead_id == begun.lead
    await keep(database, "m-3")

    async with database.pool.acquire() as connection:
        read = (await gather(connection, begun, NOW)).behaviours
    assert [one.position > begun.cursor for one in read] == [False, False, False, True]
    assert len({one.position for one in read}) == 4
    assert await database.pool.fetchval("select inbox_position from lead") == 1


async def test_history_alone_leaves_the_inbox_where_it_was(database: Database, begun: JourneyState):
    await keep(database, "m-1")
    await database.pool.execute("delete from pending_wake")
    await upsert(database, LeadInput(email="ann@acme.example", anonymous_ids=("v-1",)), NOW, enrol=False)

    assert await database.pool.fetchval("select count(*) from pending_wake") == 0
    assert await database.pool.fetchval("select inbox_position from lead") == 0
    assert await database.pool.fetchval("select position < 0 and lead_id is not null from behaviour")


async def test_what_was_imported_as_history_is_taken_from_no_sender_again(database: Database, begun: JourneyState):
    """A client that was offline hands in what the export of its service had already; ids of our own are not its."""
    await keep(database, "m-1", "m-2")
    known = LeadInput(email="ann@acme.example", anonymous_ids=("v-1",))
    await upsert(database, known, NOW, enrol=False)
    await keep(database, "m-3")
    await inbox.accept(database, [event("ours-1", lead_id=begun.lead)], NOW)

    late = [event(each, anonymous_id="v-1") for each in ("m-1", "m-3", "ours-1", "m-4")]
    taken = await inbox.accept(database, late, NOW, sender="web")

    assert (taken.accepted, taken.duplicates) == (2, 2)
    assert await database.pool.fetch("select message_id, count(*) from behaviour group by 1 having count(*) > 1") == [
        ("ours-1", 2)
    ]
