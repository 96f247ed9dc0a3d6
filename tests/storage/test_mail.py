"""A sending domain sends no more than it may, and nothing once receivers have had enough."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import NotFound
from domain.playbook.models import WarmUp
from domain.ports import Claim, ClaimResult, OpenClaim, Receipt
from domain.words import DeliveryKind, TouchStatus
from storage import mail
from storage.database import Database
from storage.inbox import PgInbox
from storage.ledger import PgLedger
from storage.permission import ASK
from storage.playbooks import PgPlaybooks
from tests.storage.planned import expire, plan, status
from tests.storage.samples import NOW, applied, enrolled

DOMAIN = "sender.example"


async def mails(db: Database, count: int, **given: Any) -> list[str]:
    """Planned mails, each to somebody at a company of their own; their keys."""
    at = given.pop("at", "company{}.example")
    playbook = await applied(db, **given)
    leads = [await enrolled(db, f"someone{number}@{at.format(number)}") for number in range(count)]
    return [(await plan(db, lead, playbook, "hello"))[0] for lead in leads]


async def claimed(db: Database, keys: list[str], *, days: float = 0) -> list[Claim]:
    ledger = PgLedger(db, PgPlaybooks(db))
    now = NOW + timedelta(days=days)
    claims = [await ledger.claim(key, "c", now, 30, now - timedelta(days=9)) for key in keys]
    for key, claim in zip(keys, claims, strict=True):
        if claim.result is ClaimResult.CLAIMED:
            await ledger.mark_sent(key, "c", Receipt(vendor="smtp", vendor_id=key), now)
    return claims


async def today(db: Database) -> int:
    return int(await db.pool.fetchval("select claimed_today from mail_identity"))


def results(claims: list[Claim]) -> list[str]:
    return [claim.result.value for claim in claims]


async def test_a_new_domain_sends_more_each_day(database: Database):
    keys = await mails(database, 5, sending={"warm_up": {"first": 2, "growth": 1.5, "most": 10}})
    assert results(await claimed(database, keys[:3])) == ["claimed", "claimed", "busy"]
    assert results(await claimed(database, keys[2:], days=1)) == ["claimed", "claimed", "claimed"]


async def test_what_certainly_did_not_leave_uses_nothing_of_the_day_up(database: Database):
    keys = await mails(database, 6, sending={"warm_up": {"first": 2, "growth": 1, "most": 2}})
    ledger = PgLedger(database, PgPlaybooks(database))
    for _ in range(2):  # the host is down: of claims at once, given back at once, each is counted and none is lost
        claims = await asyncio.gather(*(ledger.claim(key, "c", NOW, 30) for key in keys))
        assert sorted(results(claims)) == ["busy"] * 4 + ["claimed"] * 2
        await asyncio.gather(*(ledger.release(key, name) for key in keys for name in ("c", "nobody", "c")))
        assert await today(database) == 0
    assert results(await claimed(database, keys[:3])) == ["claimed", "claimed", "busy"]
    await ledger.release(keys[0], "c")
    assert await today(database) == 2, "what was sent stays counted"


async def test_a_claim_taken_over_counts_once_and_one_of_yesterday_frees_nothing_of_today(database: Database):
    warm_up = {"first": 3, "growth": 1, "most": 3}
    keys = await mails(database, 4, sending={"warm_up": warm_up})
    ledger = PgLedger(database, PgPlaybooks(database))
    touches = [(await ledger.claim(key, "c", NOW, 30)).touch for key in keys[:3]]
    await expire(database)
    assert (await ledger.renew(keys[0], "d", NOW, 30)).result is ClaimResult.CLAIMED
    assert await today(database) == 3
    assert touches[1]
    crashed = OpenClaim(touch=touches[1], claim_id="c")
    assert await ledger.settle(crashed, TouchStatus.WITHDRAWN, NOW, reason="given up")
    assert await today(database) == 2
    assert results(await claimed(database, keys[3:], days=1)) == ["claimed"]
    await ledger.release(keys[2], "c")
    assert await today(database) == 1


async def test_a_mail_that_needs_no_warm_up_frees_no_room_of_those_that_do(database: Database):
    warms = await mails(database, 1, sending={"warm_up": {"first": 1, "growth": 1, "most": 1}})
    await claimed(database, warms)
    (free,) = await mails(database, 1, name="free", at="another{}.example")
    ledger = PgLedger(database, PgPlaybooks(database))
    assert (await ledger.claim(free, "c", NOW, 30)).result is ClaimResult.CLAIMED
    await ledger.release(free, "c")
    assert await today(database) == 1


async def test_a_mail_that_must_wait_is_planned_still_and_says_why(database: Database):
    keys = await mails(database, 2, sending={"warm_up": {"first": 1, "growth": 1, "most": 1}})
    _, waits = await claimed(database, keys)
    assert "warm-up" in waits.reason
    assert waits.retry_in > 0
    assert await status(database, keys[1]) == "planned"
    (known,) = await mail.identities(database, NOW)
    assert (known["domain"], known["claimed_today"]) == (DOMAIN, 1)


async def test_a_receiver_gets_so_many_a_minute_and_others_are_not_held_up(database: Database):
    throttle = [{"domain": "big.example", "most": 2}]
    keys = await mails(database, 3, at="big.example", sending={"throttle": throttle}, cadence={"least_gap": "1d"})
    claims = await claimed(database, keys)
    assert results(claims) == ["claimed", "claimed", "busy"]
    assert 0 < claims[2].retry_in <= 60
    lead = await enrolled(database, "someone@small.example")
    playbook = await applied(database, sending={"throttle": throttle}, cadence={"least_gap": "1d"})
    assert results(await claimed(database, await plan(database, lead, playbook, "hello"))) == ["claimed"]


async def test_the_next_minute_has_room_again(database: Database):
    sending = {"throttle": [{"domain": "*", "most": 1}]}
    keys = await mails(database, 2, at="big.example", sending=sending, cadence={"least_gap": "1d"})
    assert results(await claimed(database, keys)) == ["claimed", "busy"]
    await database.pool.execute("update mail_minute set minute_real_at = minute_real_at - interval '1 minute'")
    assert results(await claimed(database, keys[1:])) == ["claimed"]


async def test_too_many_bounces_stop_the_domain_until_a_person_lets_it_go_on(database: Database):
    sending = {"breaker": {"bounces": 40, "complaints": 50, "within": "1d", "least": 5}}
    keys = await mails(database, 7, sending=sending)
    await claimed(database, keys[:5])
    inbox = PgInbox(database)
    await inbox.deliver(keys[0], DeliveryKind.BOUNCED_HARD, NOW)
    assert not await mail.paused(database)
    await inbox.deliver(keys[0], DeliveryKind.BOUNCED_HARD, NOW)  # the same one again says nothing new
    assert not await mail.paused(database)

    await inbox.deliver(keys[1], DeliveryKind.BOUNCED_HARD, NOW)

    assert await mail.paused(database) == [DOMAIN]
    (stopped,) = await claimed(database, keys[5:6])
    assert (stopped.result, "2 of its last 5 mails bounced" in stopped.reason) == (ClaimResult.BUSY, True)
    assert await status(database, keys[5]) == "planned"
    await mail.resume(database, DOMAIN, "ann", NOW + timedelta(minutes=1))
    assert results(await claimed(database, keys[5:], days=0.5)) == ["claimed", "claimed"]


async def test_what_bounced_before_it_went_on_does_not_stop_it_again(database: Database):
    sending = {"breaker": {"bounces": 40, "complaints": 50, "within": "1d", "least": 2}}
    keys = await mails(database, 4, sending=sending)
    await claimed(database, keys[:2])
    inbox = PgInbox(database)
    await inbox.deliver(keys[0], DeliveryKind.BOUNCED_HARD, NOW)
    await mail.resume(database, DOMAIN, "ann", NOW + timedelta(minutes=1))
    await claimed(database, keys[2:], days=0.1)
    await inbox.deliver(keys[1], DeliveryKind.BOUNCED_HARD, NOW + timedelta(days=0.1))
    assert not await mail.paused(database)


async def test_complaints_have_a_limit_of_their_own(database: Database):
    sending = {"breaker": {"bounces": 100, "complaints": 0.1, "within": "1d", "least": 3}}
    keys = await mails(database, 3, sending=sending)
    await claimed(database, keys)
    await PgInbox(database).deliver(keys[2], DeliveryKind.COMPLAINED, NOW)
    (known,) = await mail.identities(database, NOW)
    assert (known["mails"], known["complained"], known["paused_why"]) == (
        3,
        1,
        "1 of its last 3 mails were complained of (33 %, limit 0.1 %)",
    )


async def test_a_domain_that_is_being_paused_and_a_claim_under_way_do_not_wait_for_each_other(database: Database):
    warm_up = {"first": 9, "growth": 1, "most": 9}
    breaker = {"bounces": 1, "complaints": 50, "within": "1d", "least": 1}
    keys = await mails(database, 1, sending={"warm_up": warm_up, "breaker": breaker})
    await claimed(database, keys)
    async with database.pool.acquire() as claim:
        async with claim.transaction():
            await claim.fetchval(f"select {ASK}")  # as a claim does, before it takes one of the day's mails
            pausing = asyncio.create_task(PgInbox(database).deliver(keys[0], DeliveryKind.BOUNCED_HARD, NOW))
            waits = """select count(*) from pg_locks join pg_database d on d.oid = database
                where d.datname = current_database() and locktype = 'advisory' and not granted"""
            while not await database.pool.fetchval(waits):  # noqa: ASYNC110 - PostgreSQL has no event for it
                await asyncio.sleep(0.01)
            await claim.execute("select from mail_identity where domain = $1 for update nowait", DOMAIN)
        await pausing
    assert await mail.paused(database) == [DOMAIN]


async def test_a_domain_is_paused_and_resumed_by_hand(database: Database):
    keys = await mails(database, 2)
    assert results(await claimed(database, keys[1:])) == ["claimed"]
    assert not await mail.resume(database, DOMAIN, "ann", NOW), "it has sent, and was never paused"
    assert await mail.pause(database, DOMAIN.upper(), "ann", "moving to another vendor", NOW)
    assert not await mail.pause(database, DOMAIN, "ann", "again", NOW)
    (stopped,) = await claimed(database, keys[:1])
    assert stopped.reason == f"{DOMAIN} is paused: moving to another vendor"
    assert await mail.resume(database, DOMAIN, "ann", NOW)
    assert results(await claimed(database, keys[:1])) == ["claimed"]
    with pytest.raises(NotFound, match=r"nowhere\.example"):
        await mail.resume(database, "nowhere.example", "ann", NOW)


async def test_a_segments_own_sender_writes_and_stays_through_all_attempts(database: Database):
    other = {"name": "Team", "email": "team@other.example", "postal_address": "1 Example Street, Exampleton"}
    segments = [{"id": "everyone", "label": "Everyone", "sender": "team"}]
    (key,) = await mails(database, 1, senders={"team": other}, segments=segments)
    await database.pool.execute("update journey set segment = 'everyone'")
    ledger = PgLedger(database, PgPlaybooks(database))
    first = await ledger.claim(key, "a", NOW, 30)
    await ledger.release(key, "a")
    await database.pool.execute("update journey set segment = 'another'")
    again = await ledger.claim(key, "b", NOW, 30)
    assert first.touch
    assert again.touch
    assert (first.touch.sender, again.touch.sender) == ("team", "team")
    assert await database.pool.fetchval("select sending_domain from touch") == "other.example"


@pytest.mark.parametrize(("day", "mails_"), [(0, 50), (1, 75), (2, 112), (10, 2883), (11, 3000), (9999, 3000)])
def test_warm_up_grows_from_day_to_day_up_to_its_most(day: int, mails_: int):
    assert WarmUp(first=50, growth=1.5, most=3000).allowed(day) == mails_
