"""Leads: found by any of their names, merged without loss, enrolled once."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from domain.errors import NotFound
from domain.words import Channel
from storage import leads
from storage.database import Database
from storage.leads import ConsentInput, LeadInput, upsert, upsert_many
from storage.permission import suppress
from tests.storage.samples import NOW, applied, enrolled
from tests.storage.turns import someone_waits, transaction


async def _take(db: Database, enrol: bool = False, **profile) -> leads.Upserted:
    return await upsert(db, LeadInput(**profile), NOW, enrol=enrol)


async def test_a_lead_is_found_by_external_id_then_address_then_another_name(database: Database):
    made = await _take(database, external_id="u-1", email="Ann@Acme.example ", anonymous_ids=("anon-1",))
    assert made.created
    for profile in (
        {"external_id": "u-1"},
        {"email": "ann@acme.example"},
        {"email": "ann@acme.example", "external_id": "u-2"},
        {"external_id": "u-2"},
        {"anonymous_ids": ("anon-1",)},
    ):
        found = await _take(database, **profile)
        assert (found.lead_id, found.created) == (made.lead_id, False)
    lead = await leads.find(database, external_id="u-2")
    assert lead is not None
    assert (lead.id, lead.external_id, lead.email) == (made.lead_id, "u-1", "ann@acme.example")


async def test_people_who_share_a_computer_stay_two(database: Database):
    ann = await _take(database, email="ann@acme.example", anonymous_ids=("kitchen-pc",))
    bob = await _take(database, email="bob@acme.example", anonymous_ids=("kitchen-pc",))
    assert bob.created
    assert bob.lead_id != ann.lead_id


async def test_new_values_win_and_absent_ones_change_nothing(database: Database):
    await _take(database, email="ann@acme.example", fields={"role": "cto", "size": 5}, country="DE", owner="s-1")
    made = await _take(database, email="ann@acme.example", fields={"size": 9, "role": None}, country="AT")
    lead = await leads.get(database, made.lead_id)
    assert (lead.fields, lead.country, lead.owner) == ({"role": "cto", "size": 9}, "AT", "s-1")


async def test_an_address_that_is_another_leads_stays_there(database: Database):
    ann = await _take(database, external_id="u-1", email="ann@acme.example")
    bob = await _take(database, external_id="u-2", email="bob@acme.example")
    clash = await _take(database, external_id="u-2", email="ann@acme.example")
    assert clash.lead_id == bob.lead_id
    assert ann.lead_id in clash.note
    assert (await leads.get(database, bob.lead_id)).email == "bob@acme.example"


async def test_a_lead_may_change_its_address(database: Database):
    made = await _take(database, external_id="u-1", email="ann@acme.example")
    await _take(database, external_id="u-1", email="ann@new.example")
    assert (await leads.get(database, made.lead_id)).email == "ann@new.example"


async def test_colleagues_share_an_account_and_free_mail_makes_none(database: Database):
    ann = await leads.get(database, (await _take(database, email="ann@acme.example", company="Acme")).lead_id)
    bob = await leads.get(database, (await _take(database, email="bob@mail.example", domain="ACME.example")).lead_id)
    eve = await leads.get(database, (await _take(database, email="eve@gmail.com")).lead_id)
    assert ann.account_id == bob.account_id
    assert eve.account_id is None
    assert await database.pool.fetchval("select name from account") == "Acme"


async def test_the_newest_word_on_consent_is_kept(database: Database):
    for granted in (True, False):
        word = ConsentInput(channel=Channel.EMAIL, granted=granted, basis="consent")
        await _take(database, email="ann@acme.example", consent=(word,))
    assert [tuple(row) for row in await database.pool.fetch("select channel, granted from consent")] == [
        ("email", False)
    ]


async def test_enrolling_writes_a_journey_and_a_wake_once(database: Database):
    content_hash = await applied(database)
    first = await _take(database, email="ann@acme.example", enrol=True)
    again = await _take(database, email="ann@acme.example", enrol=True)
    assert (first.enrolled, first.cycle, again.enrolled, again.cycle) == (True, 1, False, 0)
    journey = await database.pool.fetchrow("select * from journey")
    assert (journey["cycle"], journey["playbook_name"], journey["playbook_hash"]) == (1, "plain", content_hash)
    assert await database.pool.fetchval("select types from pending_wake") == ["enrolled"]


async def test_an_ended_lead_is_enrolled_again_when_the_playbook_allows(database: Database):
    await applied(database)
    lead = await enrolled(database)
    await database.pool.execute("update journey set ended_at = $1, ending = 'sunset', cursor = 7", NOW)
    profile = LeadInput(email="ann@acme.example")
    early = await upsert(database, profile, NOW + timedelta(days=29))
    late = await upsert(database, profile, NOW + timedelta(days=31))
    assert (early.enrolled, late.enrolled, late.cycle) == (False, True, 2)
    row = await database.pool.fetchrow("select cursor from journey where lead_id = $1 and cycle = 2", lead)
    assert row["cursor"] == 7


async def test_a_suppressed_lead_does_not_begin_again(database: Database):
    await applied(database)
    await enrolled(database)
    await database.pool.execute("update journey set ended_at = $1, ending = 'opted_out'", NOW)
    await suppress(database, "ann@acme.example", "opted_out", "test", NOW)
    assert not (await upsert(database, LeadInput(email="ann@acme.example"), NOW + timedelta(days=99))).enrolled


async def test_a_changed_profile_wakes_the_journey_in_flight(database: Database):
    await applied(database)
    await enrolled(database)
    await database.pool.execute("delete from pending_wake")
    await _take(database, email="ann@acme.example")
    assert await database.pool.fetchval("select count(*) from pending_wake") == 0
    await _take(database, email="ann@acme.example", fields={"role": "ceo"})
    assert await database.pool.fetchval("select types from pending_wake") == ["lead_updated"]


async def test_an_unknown_playbook_is_refused_and_nothing_is_stored(database: Database):
    with pytest.raises(NotFound, match="nonsense"):
        await upsert(database, LeadInput(email="ann@acme.example"), NOW, "nonsense")
    with pytest.raises(NotFound, match="No playbook"):
        await upsert(database, LeadInput(email="ann@acme.example"), NOW)
    assert await database.pool.fetchval("select count(*) from lead") == 0


async def test_a_batch_gives_one_outcome_a_row_and_merges_repeated_people(database: Database):
    await applied(database)
    rows = [LeadInput(external_id=f"u-{n % 300}", email=f"p{n % 300}@acme.example") for n in range(400)]
    outcomes = await upsert_many(database, rows, NOW)
    assert sum(outcome.created for outcome in outcomes) == 300
    assert sum(outcome.enrolled for outcome in outcomes) == 300
    assert outcomes[0].lead_id == outcomes[300].lead_id
    again = await upsert_many(database, rows, NOW)
    assert not any(outcome.created or outcome.enrolled for outcome in again)


async def test_the_same_person_upserted_many_times_at_once_is_one_lead(database: Database):
    await applied(database)
    outcomes = await asyncio.gather(
        *(_take(database, enrol=True, external_id="u-1", email="ann@acme.example") for _ in range(20))
    )
    assert len({outcome.lead_id for outcome in outcomes}) == 1
    assert sum(outcome.created for outcome in outcomes) == 1
    assert sum(outcome.enrolled for outcome in outcomes) == 1


async def test_entries_of_the_suppression_list_are_taken_in_the_order_in_which_all_others_take_them(database: Database):
    first, last = "ann@acme.example", "zoe@acme.example"
    for address in (last, first):  # stored in another order than that of addresses
        await suppress(database, address, "opted_out", "a list", NOW)
    async with transaction(database) as other:
        await other.execute("select from suppression where email = $1 for update", first)
        taking = asyncio.create_task(
            upsert_many(database, [LeadInput(email=last), LeadInput(email=first)], NOW, enrol=False)
        )
        await someone_waits(database, "transactionid")
        await other.execute("select from suppression where email = $1 for update nowait", last)
    assert len({one.lead_id for one in await taking}) == 2


async def test_a_batch_that_lost_a_deadlock_is_taken_again(database: Database):
    fails = iter([asyncpg.DeadlockDetectedError("deadlock detected")])

    async def also(_connection) -> None:
        for failure in fails:
            raise failure

    taken = await upsert_many(database, [LeadInput(external_id="x")], NOW, enrol=False, also=also)
    assert [one.created for one in taken] == [True]


async def test_a_failing_companion_undoes_the_batch(database: Database):
    async def fail(_connection) -> None:
        raise RuntimeError("progress could not be written")

    with pytest.raises(RuntimeError):
        await upsert_many(database, [LeadInput(external_id="x")], NOW, enrol=False, also=fail)
    assert await database.pool.fetchval("select count(*) from lead") == 0


async def test_leads_are_listed_page_by_page(database: Database):
    rows = [LeadInput(external_id=f"u-{n}", email=f"p{n}@acme.example") for n in range(5)]
    await upsert_many(database, rows, NOW, enrol=False)
    first, cursor, total = await leads.list_leads(database, limit=3)
    rest, end, _ = await leads.list_leads(database, cursor=cursor, limit=3)
    assert (len(first), len(rest), end, total) == (3, 2, None, 5)
    found, _, matching = await leads.list_leads(database, search="P3@")
    assert ([lead.external_id for lead in found], matching) == (["u-3"], 1)


async def test_text_that_postgresql_cannot_hold_is_made_to_fit(database: Database):
    made = await _take(database, external_id="a\x00b", fields={"role": "c\x00o"})
    assert (await leads.get(database, made.lead_id)).external_id == "a\ufffdb"


async def test_an_unknown_lead_is_said_to_be(database: Database):
    with pytest.raises(NotFound, match="ld_nobody"):
        await leads.get(database, "ld_nobody")
    assert await leads.find(database, email="nobody@acme.example") is None
