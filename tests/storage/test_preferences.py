"""What a lead wants holds in every claim: a pause until its end, a pace of its own, a channel that was declined."""

import asyncio
from datetime import timedelta

import pytest

from domain.ports import ClaimResult, Receipt
from domain.words import Channel
from storage import leads, permission, preferences
from storage.database import Database
from storage.leads import ConsentInput, LeadInput
from storage.ledger import PgLedger
from storage.preferences import PAUSE, Wanted
from tests.storage.planned import plan
from tests.storage.samples import NOW, applied, enrolled

DAY = timedelta(days=1)
AS_PLANNED = Wanted(pause=False, least_days=0, channels={})
PAUSED = Wanted(pause=True, least_days=0, channels={})


def lead_of(key: str) -> str:
    return key.partition("/")[0]


async def test_nothing_is_sent_while_a_pause_runs_and_again_when_it_is_over(
    database: Database, ledger: PgLedger, playbook: str
):
    lead = await enrolled(database)
    now, then = await plan(database, lead, playbook, "now", "then")
    await preferences.save(database, lead, PAUSED, NOW)

    refused = await ledger.claim(now, "a", NOW + PAUSE - DAY, 30, NOW)

    assert (refused.result, refused.reason) == (
        ClaimResult.REFUSED,
        "the lead wants nothing until 2026-05-31 10:00 UTC",
    )
    assert (await ledger.claim(then, "a", NOW + PAUSE + DAY, 30, NOW)).result is ClaimResult.CLAIMED


async def test_sellers_are_told_of_somebody_who_pauses(database: Database, ledger: PgLedger, playbook: str):
    lead = await enrolled(database)
    keys = await plan(database, lead, playbook, "brief", channel=Channel.SDR_TASK)
    await preferences.save(database, lead, PAUSED, NOW)
    assert (await ledger.claim(keys[0], "a", NOW, 30)).result is ClaimResult.CLAIMED


async def test_a_leads_own_pace_holds_whatever_the_playbook_allows(database: Database, ledger: PgLedger, playbook: str):
    lead = await enrolled(database)
    first, soon, later = await plan(database, lead, playbook, "first", "soon", "later")
    await preferences.save(database, lead, Wanted(pause=False, least_days=14, channels={}), NOW)
    await ledger.claim(first, "a", NOW, 30)
    await ledger.mark_sent(first, "a", Receipt(vendor="post"), NOW)

    refused = await ledger.claim(soon, "a", NOW + 13 * DAY, 30, NOW)

    assert refused.reason == "the lead wants at most one touch in 14 days"
    assert (await ledger.claim(later, "a", NOW + 15 * DAY, 30, NOW)).result is ClaimResult.CLAIMED


async def test_a_colleagues_pace_is_their_own(database: Database, ledger: PgLedger, playbook: str):
    ann, bob = await enrolled(database), await enrolled(database, "bob@acme.example")
    theirs, own = [(await plan(database, lead, playbook, "hello"))[0] for lead in (ann, bob)]
    await preferences.save(database, bob, Wanted(pause=False, least_days=30, channels={}), NOW)
    assert (await ledger.claim(theirs, "a", NOW, 30)).result is ClaimResult.CLAIMED
    assert (await ledger.claim(own, "a", NOW, 30)).result is ClaimResult.CLAIMED


async def test_choosing_the_pause_again_does_not_lengthen_it_and_another_pace_ends_it(database: Database, key: str):
    lead = lead_of(key)
    await preferences.save(database, lead, PAUSED, NOW)
    await preferences.save(database, lead, PAUSED, NOW + DAY)
    held = await preferences.read(database, lead, NOW + DAY)
    assert held is not None
    assert held.paused_until == NOW + PAUSE

    await preferences.save(database, lead, AS_PLANNED, NOW + DAY)
    held = await preferences.read(database, lead, NOW + DAY)
    assert held is not None
    assert held.paused_until is None


async def test_a_pause_that_is_over_is_forgotten_and_can_begin_anew(database: Database, key: str):
    await preferences.save(database, lead_of(key), PAUSED, NOW)
    after = NOW + PAUSE + DAY
    held = await preferences.read(database, lead_of(key), after)
    assert held is not None
    assert held.paused_until is None
    await preferences.save(database, lead_of(key), PAUSED, after)
    held = await preferences.read(database, lead_of(key), after)
    assert held is not None
    assert held.paused_until == after + PAUSE


async def test_a_declined_channel_is_closed_and_allowing_it_again_is_consent(
    database: Database, ledger: PgLedger, key: str
):
    lead = lead_of(key)
    await preferences.save(database, lead, Wanted(pause=False, least_days=0, channels={Channel.EMAIL: False}), NOW)
    assert (await ledger.claim(key, "a", NOW, 30)).reason == "the lead declined email"

    await preferences.save(database, lead, Wanted(pause=False, least_days=0, channels={Channel.EMAIL: True}), NOW)
    word = dict(await database.pool.fetchrow("select * from consent"))
    assert (word["granted"], word["basis"], word["source"]) == (True, "consent", "preference centre")


async def test_a_box_that_was_ticked_already_replaces_no_ground(database: Database, playbook: str):
    word = ConsentInput(channel=Channel.EMAIL, granted=True, basis="contract", source="order 7")
    lead = (await leads.upsert(database, LeadInput(email="ann@acme.example", consent=(word,)), NOW)).lead_id
    wanted = Wanted(pause=False, least_days=0, channels={Channel.EMAIL: True, Channel.DIRECT_MAIL: True})
    await preferences.save(database, lead, wanted, NOW + DAY)
    rows = await database.pool.fetch("select channel, basis, source from consent")
    assert [tuple(row) for row in rows] == [("email", "contract", "order 7")]


async def test_the_journey_hears_of_a_choice(database: Database, key: str):
    await database.pool.execute("delete from pending_wake")
    await preferences.save(database, lead_of(key), PAUSED, NOW)
    assert await database.pool.fetchval("select types from pending_wake") == ["preferences_changed"]


async def test_channels_are_offered_that_the_playbook_uses_or_that_were_declined(database: Database):
    letter = {"id": "letter", "channel": "direct_mail", "asset": "hello", "gap": "0d"}
    await applied(database, tracks=[{"stage": "research", "touches": [letter]}])
    ann = await preferences.read(database, await enrolled(database), NOW)
    await applied(database)
    bob = await preferences.read(database, await enrolled(database, "bob@acme.example"), NOW)
    assert ann is not None
    assert bob is not None
    assert (ann.offered, bob.offered) == ((Channel.EMAIL, Channel.DIRECT_MAIL), (Channel.EMAIL,))
    assert (bob.sender, bob.declined, bob.forbidden) == ("Tess", frozenset(), "")


async def test_of_many_claims_none_is_granted_after_the_choice_is_answered(
    database: Database, ledger: PgLedger, playbook: str
):
    keys = [
        (await plan(database, await enrolled(database, f"lead@company{number}.example"), playbook, "hello"))[0]
        for number in range(50)
    ]

    async def race(key: str) -> None:
        await asyncio.gather(ledger.claim(key, "a", NOW, 30), preferences.save(database, lead_of(key), PAUSED, NOW))
        await ledger.release(key, "a")
        assert (await ledger.claim(key, "b", NOW, 30)).result is ClaimResult.REFUSED

    await asyncio.gather(*map(race, keys))


@pytest.mark.parametrize("domain", [False, True])
async def test_who_must_not_be_written_to_is_said_to_be(database: Database, key: str, domain: bool):
    await permission.suppress(database, "*@acme.example" if domain else "ann@acme.example", "complained", "test", NOW)
    held = await preferences.read(database, lead_of(key), NOW)
    assert held is not None
    assert held.forbidden == "complained"


async def test_nobody_has_no_preferences(database: Database):
    assert await preferences.read(database, "ld_none", NOW) is None
    assert not await preferences.save(database, "ld_none", PAUSED, NOW)


async def test_what_is_about_an_unwanted_topic_is_not_sent(database: Database, ledger: PgLedger):
    assets = {"hello": {"id": "hello", "subject": "Hello", "body": "Hello.", "topic": "guides"}}
    playbook = await applied(database, topics={"guides": "Guides", "events": "Events"}, assets=assets)
    lead = await enrolled(database)
    first, second = await plan(database, lead, playbook, "first", "second")
    await database.pool.execute("update touch set asset = 'hello'")
    for key, topic, result in ((first, "guides", ClaimResult.REFUSED), (second, "events", ClaimResult.CLAIMED)):
        wanted = Wanted(pause=False, least_days=0, channels={}, declined_topics=(topic,))
        await preferences.save(database, lead, wanted, NOW)
        assert (await ledger.claim(key, "a", NOW, 30)).result is result
