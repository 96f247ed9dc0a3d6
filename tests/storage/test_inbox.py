"""The inbox: nothing lost, nothing twice, positions dense in the order of commit."""

import asyncio

import asyncpg

from domain.ports import SalesFeedback
from domain.words import DeliveryKind
from storage import erasure, leads, wakes
from storage.database import Database
from storage.inbox import IMPORT, PgInbox, accept, accept_each
from storage.leads import LeadInput, upsert
from storage.permission import suppressed
from tests.storage.samples import NOW, applied, enrolled, event


async def _positions(db: Database, lead: str) -> list[int]:
    rows = await db.pool.fetch("select position from behaviour where lead_id = $1 order by position", lead)
    return [row["position"] for row in rows]


async def _lead(db: Database, **given) -> str:
    return (await upsert(db, LeadInput(**given), NOW, enrol=False)).lead_id


async def test_positions_are_dense_under_concurrency_and_a_cursor_misses_nothing(database: Database):
    leads = [await _lead(database, external_id=f"x{number}") for number in range(3)]
    batches = [[event(f"{batch}-{n}", lead_id=leads[(batch * 7 + n) % 3]) for n in range(5)] for batch in range(40)]
    done = asyncio.Event()
    seen: list[int] = []

    async def read_by_cursor() -> None:
        cursor, last_round = 0, False
        while True:
            last_round = done.is_set()
            rows = await database.pool.fetch(
                "select position from behaviour where lead_id = $1 and position > $2 order by position",
                leads[0],
                cursor,
            )
            seen.extend(row["position"] for row in rows)
            cursor = seen[-1] if seen else 0
            if last_round:
                return

    reader = asyncio.create_task(read_by_cursor())
    await asyncio.gather(*(accept(database, batch, NOW) for batch in batches))
    done.set()
    await reader

    for lead in leads:
        positions = await _positions(database, lead)
        assert positions == list(range(1, len(positions) + 1))
        assert await database.pool.fetchval("select inbox_position from lead where id = $1", lead) == len(positions)
    assert await database.pool.fetchval("select count(*) from behaviour") == 200
    assert seen == await _positions(database, leads[0])


async def test_a_message_id_is_taken_once_for_ever(database: Database):
    lead = await _lead(database, external_id="x")
    first = await accept(database, [event("a", lead_id=lead), event("a", lead_id=lead), event("b", lead_id=lead)], NOW)
    again = await accept(database, [event("b", lead_id=lead), event("c", lead_id=lead)], NOW)
    assert (first.accepted, first.duplicates) == (2, 1)
    assert (again.accepted, again.duplicates) == (1, 1)
    assert await _positions(database, lead) == [1, 2, 3]


async def test_a_message_that_another_transaction_is_storing_leaves_no_gap(database: Database):
    lead = await _lead(database, external_id="x")
    blocked = "select exists (select from pg_locks where not granted)"
    async with database.pool.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute(
            "insert into behaviour (message_id, kind, name, occurred_at, received_at)"
            " values ('same', 'page', '/', $1, $1)",
            NOW,
        )
        late = asyncio.create_task(accept(database, [event("same", lead_id=lead), event("own", lead_id=lead)], NOW))
        async with asyncio.timeout(60):
            while not await database.pool.fetchval(blocked):  # noqa: ASYNC110 - PostgreSQL's lock has no event to await
                await asyncio.sleep(0.005)
        await transaction.commit()
    outcome = await late
    assert (outcome.accepted, outcome.duplicates) == (1, 1)
    assert await _positions(database, lead) == [1]


async def test_events_find_their_lead_by_any_name_and_strangers_wait(database: Database):
    lead = await _lead(database, external_id="u-1", anonymous_ids=("anon-1",))
    await accept(
        database,
        [event("1", user_id="u-1"), event("2", anonymous_id="anon-1"), event("3", anonymous_id="anon-2")],
        NOW,
    )
    assert await _positions(database, lead) == [1, 2]
    assert await database.pool.fetchval("select position from behaviour where message_id = '3'") is None


async def test_a_strangers_behaviour_is_attached_in_order_when_we_learn_who_it_was(database: Database):
    await applied(database)
    await accept(database, [event("1", anonymous_id="anon"), event("2", user_id="u-9")], NOW)
    await accept(database, [event("3", anonymous_id="anon", name="/docs")], NOW)
    lead = await enrolled(database, external_id="u-9", anonymous_ids=("anon",))
    rows = await database.pool.fetch("select message_id from behaviour where lead_id = $1 order by position", lead)
    assert [row["message_id"] for row in rows] == ["1", "2", "3"]
    wake = await database.pool.fetchrow("select types from pending_wake where lead_id = $1", lead)
    assert set(wake["types"]) == {"/pricing", "/docs", "enrolled"}


async def test_an_upsert_and_an_event_of_the_same_stranger_never_pass_each_other(database: Database):
    for round_ in range(30):
        name = f"anon-{round_}"
        outcome, _ = await asyncio.gather(
            upsert(database, LeadInput(external_id=f"u-{round_}", anonymous_ids=(name,)), NOW, enrol=False),
            accept(database, [event(f"m-{round_}", anonymous_id=name)], NOW),
        )
        assert await _positions(database, outcome.lead_id) == [1]


async def test_relays_are_told_and_wakes_coalesce(database: Database):
    lead = await _lead(database, external_id="x")
    heard = asyncio.Event()
    listener = await asyncpg.connect(database.url)
    await listener.add_listener("tendril_wake", lambda *_: heard.set())
    await accept(database, [event("1", lead_id=lead), event("2", lead_id=lead, name="/docs")], NOW)
    await asyncio.wait_for(heard.wait(), 5)
    await listener.close()
    await accept(database, [event("3", lead_id=lead)], NOW)
    await accept(database, [event("4", lead_id=lead, name="/demo")], NOW)
    wake = await database.pool.fetchrow("select * from pending_wake where lead_id = $1", lead)
    assert (sorted(wake["types"]), wake["version"]) == (["/demo", "/docs", "/pricing"], 2)


async def test_a_wake_that_is_being_told_is_told_again_of_what_comes_meanwhile(database: Database):
    lead = await enrolled_wake(database)
    (leased,) = await wakes.lease(database, 10, 30.0)
    await accept(database, [event("2", lead_id=lead)], NOW)
    await wakes.done(database, lead, leased.version)
    (again,) = await wakes.lease(database, 10, 30.0)
    assert again.version == leased.version + 1


async def enrolled_wake(database: Database) -> str:
    """A lead whose journey is to hear of one event."""
    lead = await _lead(database, external_id="x")
    await accept(database, [event("1", lead_id=lead)], NOW)
    return lead


async def test_complaints_bounces_and_unsubscribes_suppress_at_once(database: Database):
    for kind, reason in (
        (DeliveryKind.COMPLAINED, "complained"),
        (DeliveryKind.BOUNCED_HARD, "hard_bounced"),
        (DeliveryKind.UNSUBSCRIBED, "opted_out"),
    ):
        email = f"{kind}@acme.example"
        lead = await _lead(database, email=email)
        inbox = PgInbox(database)
        await inbox.deliver(f"{lead}/1/0/hello", kind, NOW)
        await inbox.deliver(f"{lead}/1/0/hello", kind, NOW)
        assert await suppressed(database, [email]) == {email: reason}
        assert await _positions(database, lead) == [1]


async def test_a_sellers_answer_becomes_behaviour_of_the_lead(database: Database):
    lead = await _lead(database, email="ann@acme.example")
    await database.pool.execute(
        "insert into handoff (id, lead_id, cycle, decision_number, reason, opened_at, sla_at)"
        " values ($1, $2, 1, 1, 'ready', $3, $3)",
        f"{lead}-1-1",
        lead,
        NOW,
    )
    await PgInbox(database).sales_answer(SalesFeedback(handoff=f"{lead}-1-1", outcome="rejected", reason="timing"), NOW)
    row = await database.pool.fetchrow("select kind, name, properties from behaviour where lead_id = $1", lead)
    assert dict(row) == {
        "kind": "crm",
        "name": "sales_rejected",
        "properties": {"handoff": f"{lead}-1-1", "reason": "timing"},
    }


async def test_a_thousand_events_are_one_batch(database: Database):
    lead = await _lead(database, external_id="x")
    events = [event(str(number), lead_id=lead, properties={"n": number}) for number in range(1000)]
    assert (await accept(database, events, NOW)).accepted == 1000
    assert await _positions(database, lead) == list(range(1, 1001))


async def test_what_comes_under_the_user_id_of_somebody_erased_is_not_kept(database: Database):
    lead = (
        await leads.upsert(database, LeadInput(external_id="u-1", email="ann@acme.example"), NOW, enrol=False)
    ).lead_id
    await erasure.erase(database, lead, "test", NOW)
    batches = [
        [event("a", user_id="u-1"), event("b", user_id="u-2")],
        [event("c", user_id="u-1", anonymous_id="v"), event("d", anonymous_id="v"), event("b", user_id="u-2")],
    ]
    first, second = await accept_each(database, batches, NOW)
    assert (first.accepted, first.duplicates, first.erased) == (1, 0, 1)
    assert (second.accepted, second.duplicates, second.erased) == (1, 1, 1)
    assert [row["message_id"] for row in await database.pool.fetch("select message_id from behaviour order by id")] == [
        "b",
        "d",
    ]


async def test_a_message_id_is_its_senders_alone(database: Database):
    assert (await accept(database, [event("1", user_id="u1")], NOW, sender="site")).accepted == 1
    assert (await accept(database, [event("1", user_id="u1")], NOW, sender="server")).accepted == 1
    assert (await accept(database, [event("1", user_id="u1")], NOW, sender="site")).duplicates == 1


async def test_what_any_sender_sent_is_not_imported_again(database: Database):
    await accept(database, [event("1", user_id="u1")], NOW, sender="site")
    assert (await accept(database, [event("1", user_id="u1")], NOW, sender=IMPORT)).duplicates == 1


async def test_what_was_imported_is_taken_from_no_sender_again(database: Database):
    await accept(database, [event("1", user_id="u1"), event("signed:2", user_id="u1")], NOW, sender=IMPORT)
    assert (await accept(database, [event("1", user_id="u1")], NOW, sender="site")).duplicates == 1
    assert (await accept(database, [event("signed:2", user_id="u1")], NOW)).accepted == 1, "what is ours is no sender's"


async def test_events_of_several_leads_strangers_and_duplicates_in_one_batch_go_each_to_its_place(database: Database):
    one, two = await _lead(database, external_id="u1"), await _lead(database, external_id="u2")
    await accept(database, [event("old", lead_id=one)], NOW)
    batch = [
        event("a", user_id="u2"),
        event("old", lead_id=one),
        event("b", user_id="u1"),
        event("c", anonymous_id="nobody's"),
        event("d", user_id="u2"),
        event("b", user_id="u1"),
    ]

    done = await accept(database, batch, NOW)

    assert (done.accepted, done.duplicates) == (4, 2)
    rows = await database.pool.fetch("select message_id, lead_id, position from behaviour order by id")
    told = [tuple(row) for row in rows]
    assert told == [("old", one, 1), ("a", two, 1), ("b", one, 2), ("c", None, None), ("d", two, 2)]


async def test_what_postgresql_takes_as_no_text_is_marked_in_an_event(database: Database):
    lead = await _lead(database, external_id="u1")
    await accept(database, [event("a\x00b", user_id="u\x001", name="/c\x00d"), event("e", user_id="u1")], NOW)
    rows = await database.pool.fetch("select message_id, lead_id, user_id, name from behaviour order by id")
    assert [tuple(row) for row in rows] == [
        ("a\ufffdb", None, "u\ufffd1", "/c\ufffdd"),
        ("e", lead, "u1", "/pricing"),
    ]
