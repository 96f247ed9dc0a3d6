"""Every word of consent is kept, in order and with its ground; the newest is what holds."""

import asyncio
from datetime import timedelta

from domain.ports import ClaimResult
from domain.words import Channel
from storage import leads, preferences
from storage.database import Database
from storage.leads import ConsentInput, LeadInput
from storage.ledger import PgLedger
from storage.preferences import Wanted
from tests.storage.samples import NOW
from tests.storage.turns import claiming, someone_waits

DAY = timedelta(days=1)
_WORDS = "select granted, basis, source, wording, at from consent_word order by id"


async def say(database: Database, *words: ConsentInput, after: timedelta = timedelta()) -> str:
    profile = LeadInput(email="ann@acme.example", consent=words)
    return (await leads.upsert(database, profile, NOW + after, enrol=False)).lead_id


def yes(**given: str) -> ConsentInput:
    return ConsentInput(channel=Channel.EMAIL, granted=True, **given)


async def test_words_add_up_and_the_newest_holds(database: Database):
    lead = await say(database, yes(basis="consent", source="form guide", wording="Yes, write to me."))
    no = Wanted(pause=False, least_days=0, channels={Channel.EMAIL: False}, wordings={Channel.EMAIL: "E-mail"})
    await preferences.save(database, lead, no, NOW + DAY)
    await say(database, yes(basis="contract", source="crm"), after=2 * DAY)

    assert [tuple(row) for row in await database.pool.fetch(_WORDS)] == [
        (True, "consent", "form guide", "Yes, write to me.", NOW),
        (False, "consent", "preference centre", "E-mail", NOW + DAY),
        (True, "contract", "crm", "", NOW + 2 * DAY),
    ]
    assert await database.pool.fetchval("select basis from consent") == "contract"


async def test_what_only_repeats_is_no_new_word(database: Database):
    crm = yes(basis="contract", source="crm")
    for number in range(3):
        await say(database, crm, crm, after=number * DAY)
    assert [tuple(row)[-1] for row in await database.pool.fetch(_WORDS)] == [NOW]


async def test_words_of_one_batch_are_kept_in_their_order(database: Database):
    await say(database, yes(), ConsentInput(channel=Channel.EMAIL, granted=False), yes())
    assert [row["granted"] for row in await database.pool.fetch(_WORDS)] == [True, False, True]
    assert await database.pool.fetchval("select granted from consent")


NO = ConsentInput(channel=Channel.EMAIL, granted=False)


async def test_a_claim_under_way_when_a_no_comes_ends_first(database: Database, ledger: PgLedger, key: str):
    async with claiming(database, key):
        said = asyncio.create_task(say(database, NO))
        await someone_waits(database)
        assert not said.done()
    await said
    claim = await ledger.claim(key, "a", NOW, 30)
    assert (claim.result, claim.reason) == (ClaimResult.REFUSED, "the lead declined email")


async def test_a_yes_and_a_no_that_stands_wait_for_no_claim(database: Database, key: str):
    await say(database, NO)
    async with asyncio.timeout(20), claiming(database, key):
        await say(database, NO, after=DAY)
        await say(database, yes(), after=DAY)
    assert await database.pool.fetchval("select granted from consent")


async def test_what_is_only_claimed_takes_no_refusal_back(database: Database):
    claimed = LeadInput(email="ann@acme.example", consent=(yes(source="form"),), claimed=True)
    await leads.upsert(database, claimed, NOW, enrol=False)
    assert await database.pool.fetchval("select granted from consent")

    await say(database, NO, after=DAY)
    await leads.upsert(database, claimed, NOW + 2 * DAY, enrol=False)
    assert not await database.pool.fetchval("select granted from consent")

    await say(database, yes(source="crm"), after=3 * DAY)
    assert await database.pool.fetchval("select granted from consent")
    assert [row["source"] for row in await database.pool.fetch(_WORDS)] == ["form", "", "crm"]
