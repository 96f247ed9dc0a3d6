"""Whoever is erased is gone from every table, is removed at the vendors, and does not come back."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import SQLModel

from domain.core.decide import decide
from domain.errors import NotFound
from domain.ports import ClaimResult
from domain.state import JourneyState
from domain.words import Ending
from storage import dead_letters, erasure, leads, permission, tombstones
from storage.audiences import PgAudiences
from storage.database import Database
from storage.inbox import accept
from storage.journeys import PgJourneys
from storage.leads import LeadInput
from storage.ledger import PgLedger
from storage.lists import PgLists
from storage.playbooks import PgPlaybooks
from tests.storage.everything_held import EMAIL, NEEDLE, mark, somebody
from tests.storage.samples import NOW, enrolled, event
from tests.storage.turns import someone_waits, transaction

LATER = NOW + timedelta(days=1)


async def left(db: Database) -> dict[str, list[str]]:
    """Rows of any table in which something personal stands."""
    found = {}
    for table in SQLModel.metadata.tables:
        row = "encode(x.body, 'escape')" if table == "webhook_request" else "x::text"
        rows = await db.pool.fetch(f'select {row} as row from "{table}" x where {row} ilike $1', f"%{NEEDLE}%")  # noqa: S608 our own tables
        if rows:
            found[table] = [row["row"] for row in rows]
    return found


async def decide_again(db: Database, lead: str) -> JourneyState:
    """The journey's next decision, as its workflow makes it: from the state that Temporal keeps."""
    query = "select state from decision where lead_id = $1 order by number desc limit 1"
    state = JourneyState.model_validate(await db.pool.fetchval(query, lead))
    journeys, playbook = PgJourneys(db), await PgPlaybooks(db).compiled(state.playbook)
    decision = decide(playbook, state, await journeys.gather(state, LATER), LATER)
    await journeys.record(state, decision, "erased", [])
    return decision.state


async def reconcile(db: Database) -> tuple[list[Any], list[Any]]:
    """What the vendors are told, and that they took it."""
    lists, members = PgLists(db), PgAudiences(db, ["linkedin"])
    await members.due()
    audiences, crm = await members.page("linkedin", "retarget", 10, leaving=True), await lists.dirty_crm(10)
    await members.left(audiences, LATER)
    await lists.crm_pushed(crm, {change.lead: change.crm_id for change in crm}, LATER)
    return audiences, crm


async def test_nothing_personal_is_left_once_all_is_done(database: Database, playbook: str):
    lead = await somebody(database, playbook)
    erased = await erasure.erase(database, lead, "test", NOW)
    assert erased.waiting == ("audience retarget at linkedin", "crm", "journey")
    assert set(await left(database)) == {"erasure", "lead"}, "the address and the contact, for the vendors alone"

    assert (await decide_again(database, lead)).ending is Ending.OPTED_OUT
    await erasure.finish(database, lead, LATER)
    audiences, crm = await reconcile(database)
    done = await erasure.finish(database, lead, LATER)

    assert [(change.known_as, change.member) for change in audiences] == [("a-hash", False)]
    assert [(change.crm_id, change.email) for change in crm] == [(mark("crm-id"), "")]
    assert set(crm[0].fields.values()) == {""}
    assert done is not None
    assert done.finished_at == LATER
    assert await left(database) == {}
    assert await erasure.unfinished(database, 10) == []


async def test_nobody_else_loses_anything(database: Database, playbook: str):
    other = await enrolled(database, "ann@needles.example")
    await accept(database, [event("m", lead_id=other, properties={"text": "hers"})], NOW)
    tables = ("lead", "behaviour", "journey", "account", "pending_wake")
    before = {table: await _rows_of(database, table, other) for table in tables}

    await erasure.erase(database, await somebody(database, playbook), "test", NOW)

    assert {table: await _rows_of(database, table, other) for table in tables} == before


async def test_what_a_decision_under_way_still_wrote_goes_as_well(database: Database, playbook: str):
    lead = await somebody(database, playbook)
    await erasure.erase(database, lead, "test", NOW)
    await decide_again(database, lead)
    reason = [{"rule": "role", "text": mark("late"), "evidence": {}}]
    await database.pool.execute("update decision set reasons = $1, title = 'late' where number = 2", reason)
    await erasure.finish(database, lead, LATER)
    await reconcile(database)
    await erasure.finish(database, lead, LATER)
    assert await left(database) == {}


async def test_what_vendors_still_told_of_them_goes_before_their_address_is_forgotten(
    database: Database, playbook: str
):
    lead = await somebody(database, playbook)
    await erasure.erase(database, lead, "test", NOW)
    await dead_letters.add(database, "webhook esp", "is odd", {"to": EMAIL}, LATER)
    await decide_again(database, lead)
    for _ in range(2):
        await erasure.finish(database, lead, LATER)
        await reconcile(database)
    await erasure.finish(database, lead, LATER)
    assert await left(database) == {}


async def test_nobody_waits_while_what_is_kept_raw_is_searched(database: Database, playbook: str):
    lead = await somebody(database, playbook)
    async with transaction(database) as searching:
        await searching.execute("select from dead_letter for update")
        erasing = asyncio.create_task(erasure.erase(database, lead, "test", NOW))
        await someone_waits(database, "transactionid")
        async with asyncio.timeout(20):
            await permission.suppress(database, EMAIL, "complained", "test", NOW)
    assert (await erasing).lead == lead
    assert set(await left(database)) == {"erasure", "lead"}


async def test_erasing_waits_for_the_vendors_and_the_journey(database: Database, playbook: str):
    lead = await somebody(database, playbook)
    await erasure.erase(database, lead, "test", NOW)
    still = await erasure.finish(database, lead, LATER)
    assert still is not None
    assert still.finished_at is None
    assert await database.pool.fetchval("select email from erasure") == EMAIL
    assert await erasure.unfinished(database, 10) == [lead]


async def test_a_contact_that_was_never_made_is_not_made_to_be_emptied(database: Database, playbook: str):
    lead = await somebody(database, playbook)
    await database.pool.execute("update lead set crm_id = ''")
    await database.pool.execute("update crm_record set pushed_version = 0")
    assert "crm" not in (await erasure.erase(database, lead, "test", NOW)).waiting
    assert await PgLists(database).dirty_crm(10) == []


async def test_erasing_twice_is_erasing_once(database: Database, playbook: str):
    lead = await somebody(database, playbook)
    first = await erasure.erase(database, lead, "test", NOW)
    assert (await erasure.erase(database, lead, "somebody else", LATER)).waiting == first.waiting
    assert await database.pool.fetchval("select by from erasure") == "test"
    await decide_again(database, lead)
    await erasure.finish(database, lead, LATER)
    await reconcile(database)
    finished = await erasure.finish(database, lead, LATER)
    assert await erasure.erase(database, lead, "test", LATER) == finished
    assert await erasure.finish(database, lead, LATER + timedelta(days=1)) == finished


async def test_nothing_is_sent_to_somebody_erased(database: Database, ledger: PgLedger, playbook: str):
    lead = await somebody(database, playbook)
    await database.pool.execute("delete from suppression")
    await erasure.erase(database, lead, "test", NOW)
    assert (await ledger.claim(f"{lead}/1/0/hello", "a", NOW, 30)).result is ClaimResult.WITHDRAWN


@pytest.mark.parametrize(
    "profile",
    [LeadInput(email=f" {EMAIL.upper()} "), LeadInput(external_id=mark("user-id"), email="new@address.example")],
    ids=["address", "external id"],
)
async def test_whoever_was_erased_is_not_taken_in_again(database: Database, playbook: str, profile: LeadInput):
    await erasure.erase(database, await somebody(database, playbook), "test", NOW)
    taken = await leads.upsert_many(database, [LeadInput(email="eve@other.example"), profile], NOW)
    assert [(one.created, one.erased) for one in taken] == [(True, False), (False, True)]
    assert await database.pool.fetchval("select count(*) from lead") == 2


async def test_of_their_former_addresses_each_stays_refused_whosever_it_is_now(database: Database, playbook: str):
    former = ("ann@oldest.example", "ann@older.example")
    for address in former:
        await permission.suppress(database, address, "opted_out", "a list", NOW)
    for address in (*former, "ann@now.example"):
        lead = await enrolled(database, address, external_id="ann")
    eve = await enrolled(database, "ann@older.example", external_id="eve")

    await erasure.erase(database, lead, "test", NOW)

    taken = await leads.upsert_many(database, [LeadInput(email=address) for address in former], NOW, enrol=False)
    assert [one.lead_id for one in taken] == ["", eve]
    assert [tuple(row) for row in await database.pool.fetch("select email, lead_id from suppression")] == [
        ("ann@older.example", eve)
    ]


async def test_whoever_asks_for_it_is_taken_in_as_somebody_new(database: Database, playbook: str):
    former = await somebody(database, playbook)
    await erasure.erase(database, former, "test", NOW)
    assert await tombstones.remove(database, EMAIL.upper(), "ann", NOW)
    assert not await tombstones.remove(database, EMAIL, "ann", NOW)
    taken = await leads.upsert(database, LeadInput(email=EMAIL), NOW)
    assert taken.enrolled
    assert taken.lead_id != former


async def test_tombstones_of_two_deployments_have_nothing_in_common(database: Database, playbook: str):
    lead = await somebody(database, playbook)
    digests = []
    for _ in range(2):
        await database.pool.execute("update deployment set erasure_key = null")
        await erasure.erase(database, lead, "test", NOW)
        await database.pool.execute("update lead set email = $1", EMAIL)
        digests.append({row["digest"] for row in await database.pool.fetch("delete from tombstone returning digest")})
    assert digests[0]
    assert digests[0].isdisjoint(digests[1])


async def test_a_profile_that_comes_while_its_person_is_erased_is_taken_before_or_not_at_all(
    database: Database, playbook: str
):
    lead = await somebody(database, playbook)
    profile = LeadInput(email=EMAIL, fields={"role": mark("again")})
    await asyncio.gather(
        erasure.erase(database, lead, "test", NOW), *(leads.upsert(database, profile, NOW) for _ in range(10))
    )
    assert await database.pool.fetchval("select count(*) from lead") == 1
    assert set(await left(database)) == {"erasure", "lead"}
    assert await database.pool.fetchval("select fields from lead") == {}


async def test_a_retry_of_what_they_did_is_known_and_an_id_that_names_them_is_gone(database: Database, playbook: str):
    lead = await somebody(database, playbook)
    await accept(database, [event(f"from {EMAIL}", lead_id=lead)], NOW)
    await erasure.erase(database, lead, "test", NOW)
    assert (await accept(database, [event("plain-message", user_id="x")], NOW)).duplicates == 1
    ids = {row["message_id"].partition(":")[0] for row in await database.pool.fetch("select * from behaviour")}
    assert "erased" in ids
    assert EMAIL not in ids


async def test_an_unknown_lead_cannot_be_erased(database: Database):
    with pytest.raises(NotFound, match="There is no lead ld_none"):
        await erasure.erase(database, "ld_none", "test", NOW)
    assert await erasure.progress(database, "ld_none") is None
    assert await erasure.finish(database, "ld_none", NOW) is None


async def _rows_of(db: Database, table: str, lead: str) -> list[str]:
    where = {"lead": "id = $1", "account": "id = (select account_id from lead where id = $1)"}.get(
        table, "lead_id = $1"
    )
    return [row["row"] for row in await db.pool.fetch(f"select x::text as row from {table} x where {where}", lead)]  # noqa: S608 our own
