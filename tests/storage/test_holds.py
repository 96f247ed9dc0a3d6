"""Holds: placed, listed and lifted."""

import asyncio
from datetime import timedelta

import pytest

from domain.decision import Rejected
from domain.errors import NotFound, Refused
from domain.ports import ClaimResult
from domain.state import JourneyState
from domain.words import Channel, ResumePolicy
from storage import holds, playbooks
from storage.database import Database
from storage.gather import gather
from storage.ledger import PgLedger
from storage.ledger_sql import LOCK
from tests.fixtures.playbooks import minimal_playbook
from tests.storage.planned import plan, status
from tests.storage.recorded import record
from tests.storage.samples import NOW, enrolled

DAY = timedelta(days=1)


async def test_a_hold_is_in_force_until_it_is_lifted(database: Database):
    placed = await holds.place(database, "channel:email", "ops", "the sender's name is wrong", NOW)
    with pytest.raises(Refused, match="held already"):
        await holds.place(database, "channel:email", "ops", "", NOW)
    assert await holds.listed(database) == [placed]

    lifted = await holds.lift(database, "channel:email", "ops", NOW + timedelta(days=1))

    assert (lifted.id, lifted.since, lifted.lifted_at) == (placed.id, NOW, NOW + timedelta(days=1))
    assert await holds.listed(database) == []
    assert await holds.listed(database, lifted=True) == [lifted]
    with pytest.raises(NotFound, match="no hold on channel:email"):
        await holds.lift(database, "channel:email", "ops", NOW)


async def test_a_lifted_hold_concerns_whom_it_stopped_until_they_have_gone_on(database: Database, playbook: str):
    begun = JourneyState.begin(await enrolled(database), 1, playbook, NOW)
    stopped, lifted_at, until = begun.model_copy(update={"held_since": NOW}), NOW + DAY, NOW + 3 * DAY
    await holds.place(database, "everything", "ops", "", NOW)
    await holds.lift_on(database.pool, "everything", "ops", lifted_at, ResumePolicy.SKIP, until)
    (hold,) = (await gather(database.pool, stopped, lifted_at)).holds
    assert (hold.lifting, hold.until) == (ResumePolicy.SKIP, until)
    assert (hold.stops(lifted_at, stopped=True), hold.stops(until, stopped=True)) == (True, False)
    assert (await gather(database.pool, begun, lifted_at)).holds == ()
    assert (await gather(database.pool, stopped, until + 60 * DAY)).holds == ()


async def test_a_lifted_hold_on_a_channel_concerns_those_whose_touches_it_held_back(database: Database, playbook: str):
    begun = JourneyState.begin(await enrolled(database), 1, playbook, NOW)
    free = JourneyState.begin(await enrolled(database, "eve@other.example"), 1, playbook, NOW)
    held = await record(database, begun, rejected=(Rejected("hello", "held with channel:email", "hold"),))
    free = await record(database, free)
    await holds.place(database, "channel:email", "ops", "", NOW)
    await holds.lift_on(database.pool, "channel:email", "ops", NOW + DAY, ResumePolicy.SKIP, NOW + 3 * DAY)
    known = [(await gather(database.pool, one, NOW + 2 * DAY)).holds for one in (held, free)]
    assert [len(one) for one in known] == [1, 0]
    assert known[0][0].waits(NOW + 2 * DAY)
    assert (await gather(database.pool, held, NOW + 3 * DAY)).holds == ()


async def test_nothing_of_its_scope_is_claimed_under_a_hold_and_all_of_it_afterwards(
    database: Database, ledger: PgLedger, playbook: str
):
    (mail,) = await plan(database, await enrolled(database), playbook, "hello")
    other = await enrolled(database, "eve@other.example")
    (task,) = await plan(database, other, playbook, "brief", channel=Channel.SDR_TASK)
    name = await database.pool.fetchval("select name from playbook_active")
    held = {"channel:email": {mail}, "channel:sdr_task": {task}, f"playbook:{name}": {mail, task}}
    for scope, stopped in {"everything": {mail, task}, **held}.items():
        await holds.place(database, scope, "ops", "", NOW)
        claims = {key: await ledger.claim(key, "a", NOW, 30) for key in (mail, task)}
        assert {key for key, claim in claims.items() if claim.result is ClaimResult.HELD} == stopped, scope
        assert all(scope in claims[key].reason for key in stopped)
        for key in {mail, task} - stopped:
            await ledger.release(key, "a")
        await holds.lift(database, scope, "ops", NOW)
    assert await status(database, mail) == "planned"
    assert (await ledger.claim(mail, "a", NOW, 30)).result is ClaimResult.CLAIMED


async def test_a_hold_waits_for_claims_that_began_before_it_and_stops_those_after(
    database: Database, ledger: PgLedger, key: str
):
    async with database.pool.acquire() as claiming, claiming.transaction():
        await claiming.fetchrow(LOCK, key)
        placing = asyncio.create_task(holds.place(database, "everything", "ops", "", NOW))
        waiting = "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
        while not await database.pool.fetchval(waiting):
            assert not placing.done(), "the hold did not wait"
    await placing
    assert (await ledger.claim(key, "a", NOW, 30)).result is ClaimResult.HELD


async def test_only_what_there_is_can_be_held(database: Database):
    await playbooks.store(database, minimal_playbook(), NOW)
    for scope in ("everything", f"playbook:{minimal_playbook().name}", "channel:sdr_task"):
        assert (await holds.place(database, scope, "ops", "", NOW)).scope == scope
    for scope in ("", "playbook:", "playbook", "channel:fax", "lead:ld_a", "playbook:unheard-of"):
        with pytest.raises(Refused):
            await holds.place(database, scope, "ops", "", NOW)
