"""Touches that leave later than planned: after a crash, or after a vendor's outage. All permission is asked anew."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from domain.decision import Decision
from domain.ports import ClaimResult, Receipt
from domain.state import JourneyState
from domain.words import Channel
from storage.database import Database
from storage.journeys import PgJourneys
from storage.leads import ConsentInput, LeadInput, upsert
from storage.ledger import PgLedger
from storage.permission import suppress
from storage.playbooks import PgPlaybooks
from tests.storage.planned import expire, plan, status
from tests.storage.samples import NOW, applied, enrolled

#: What happens to a lead between a crash and the next attempt.
Meanwhile = Callable[[Database, str], Awaitable[None]]
RECEIPT = Receipt(vendor="post", vendor_id="v-1")


async def _opts_out(db: Database, _lead: str) -> None:
    await suppress(db, "ann@acme.example", "opted_out", "test", NOW)


async def _declines(db: Database, _lead: str) -> None:
    no = ConsentInput(channel=Channel.EMAIL, granted=False)
    await upsert(db, LeadInput(email="ann@acme.example", consent=(no,)), NOW)


async def _fills_the_cap(db: Database, _lead: str) -> None:
    playbook = await db.pool.fetchval("select hash from playbook_active")
    lead = await enrolled(db, "bob@acme.example")
    await plan(db, lead, playbook, "one", "two")
    await db.pool.execute("update touch set status = 'sent', sent_at = $1 where lead_id = $2", NOW, lead)


async def _is_called_back(db: Database, lead: str) -> None:
    row = await db.pool.fetchrow("select state from decision where lead_id = $1", lead)
    before = JourneyState.model_validate(row["state"])
    state = before.model_copy(update={"number": 2})
    called_back = Decision(state=state, at=NOW, title="Handed to sales", withdraw=(f"{lead}/1/0/hello",))
    await PgJourneys(db).record(before, called_back, "behaviour", [])


async def _ends(db: Database, lead: str) -> None:
    await db.pool.execute("update journey set ended_at = $1 where lead_id = $2", NOW, lead)


@pytest.mark.parametrize(
    ("meanwhile", "result", "reason"),
    [
        (_opts_out, ClaimResult.REFUSED, "suppressed: opted_out"),
        (_declines, ClaimResult.REFUSED, "the lead declined email"),
        (_fills_the_cap, ClaimResult.REFUSED, "cap: at most 2 touches per account"),
        (_is_called_back, ClaimResult.WITHDRAWN, "Handed to sales"),
        (_ends, ClaimResult.WITHDRAWN, "the journey has ended"),
    ],
)
async def test_what_a_crash_left_unsent_is_asked_about_again_before_it_leaves(
    database: Database, ledger: PgLedger, key: str, meanwhile: Meanwhile, result: ClaimResult, reason: str
):
    await ledger.claim(key, "a", NOW, 30)
    await meanwhile(database, key.partition("/")[0])
    assert await status(database, key) == "claimed", "it may have left"
    await expire(database)
    assert (await ledger.claim(key, "b", NOW, 30)).result is ClaimResult.UNRESOLVED
    renewed = await ledger.renew(key, "b", NOW, 30)
    assert (renewed.result, renewed.reason.partition(" since")[0], renewed.touch) == (result, reason, None)
    assert await status(database, key) == result.value
    assert (await ledger.claim(key, "c", NOW, 30)).result is result


async def test_a_touch_called_back_while_it_was_claimed_is_not_given_back_to_be_sent(
    database: Database, ledger: PgLedger, key: str
):
    await ledger.claim(key, "a", NOW, 30)
    await _is_called_back(database, key.partition("/")[0])
    await ledger.release(key, "a")
    assert (await ledger.claim(key, "b", NOW, 30)).result is ClaimResult.WITHDRAWN


async def test_a_touch_called_back_too_late_was_sent(database: Database, ledger: PgLedger, key: str):
    await ledger.claim(key, "a", NOW, 30)
    await _is_called_back(database, key.partition("/")[0])
    await ledger.mark_sent(key, "a", RECEIPT, NOW)
    assert await status(database, key) == "sent"


async def test_sales_are_told_after_a_crash_although_the_journey_has_ended(
    database: Database, ledger: PgLedger, playbook: str
):
    lead = await enrolled(database)
    key = (await plan(database, lead, playbook, "look", channel=Channel.SDR_TASK))[0]
    await ledger.claim(key, "a", NOW, 30)
    await _ends(database, lead)
    await expire(database)
    assert (await ledger.renew(key, "b", NOW, 30)).result is ClaimResult.CLAIMED


async def test_the_window_closes_on_a_touch_that_is_late(database: Database, ledger: PgLedger, key: str):
    night = NOW + timedelta(hours=17)
    claim = await ledger.claim(key, "a", night, 30)
    assert (claim.result, claim.reason) == (ClaimResult.CLOSED, "outside the send window until 2026-03-03 09:00 UTC")
    assert await status(database, key) == "planned"
    assert (await ledger.claim(key, "b", NOW + timedelta(hours=23), 30)).result is ClaimResult.CLAIMED


async def test_the_window_does_not_close_on_a_touch_planned_a_moment_ago(
    database: Database, ledger: PgLedger, key: str
):
    await database.pool.execute("update touch set planned_at = $1", NOW + timedelta(hours=7, seconds=-1))
    closed = NOW + timedelta(hours=7, minutes=1)
    assert (await ledger.claim(key, "a", closed, 30)).result is ClaimResult.CLOSED
    late_since = closed - timedelta(minutes=15)
    assert (await ledger.claim(key, "a", closed, 30, late_since)).result is ClaimResult.CLAIMED


async def test_the_window_is_the_leads_own(database: Database, ledger: PgLedger, playbook: str):
    lead = await enrolled(database, timezone="America/New_York")
    key = (await plan(database, lead, playbook, "hello"))[0]
    claim = await ledger.claim(key, "a", NOW + timedelta(hours=1), 30)
    assert (claim.result, claim.reason[-20:]) == (ClaimResult.CLOSED, "2026-03-02 14:00 UTC")
    assert (await ledger.claim(key, "a", NOW + timedelta(hours=11), 30)).result is ClaimResult.CLAIMED


async def test_sales_are_told_at_any_hour(database: Database, ledger: PgLedger, playbook: str):
    key = (await plan(database, await enrolled(database), playbook, "look", channel=Channel.SDR_TASK))[0]
    assert (await ledger.claim(key, "a", NOW + timedelta(hours=17), 30)).result is ClaimResult.CLAIMED


async def test_what_a_crash_left_unsent_does_not_leave_at_night(database: Database, ledger: PgLedger, key: str):
    await ledger.claim(key, "a", NOW, 30)
    await expire(database)
    assert (await ledger.renew(key, "b", NOW + timedelta(hours=17), 30)).result is ClaimResult.CLOSED
    assert await status(database, key) == "planned"


async def test_a_holiday_closes_the_window_on_a_touch_that_is_late(database: Database, ledger: PgLedger):
    cadence = {"least_gap": "1d", "holidays": {"unknown": "US"}}
    playbook = await applied(database, cadence=cadence)
    german = await enrolled(database, country="DE", timezone="Europe/Berlin")
    stranger = await enrolled(database, "eve@other.example")
    friday = NOW.replace(month=12, day=25)  # Christmas in both countries; on Saturday and Sunday nothing leaves
    for lead, reason in ((german, "2026-12-28 08:00 UTC"), (stranger, "2026-12-28 09:00 UTC")):
        key = (await plan(database, lead, playbook, "hello"))[0]
        claim = await ledger.claim(key, "a", friday, 30)
        assert (claim.result, claim.reason[-20:]) == (ClaimResult.CLOSED, reason)
    independence = NOW.replace(month=7, day=3)  # observed in the United States only
    assert (await ledger.claim(f"{german}/1/0/hello", "b", independence, 30)).result is ClaimResult.CLAIMED
    assert (await ledger.claim(f"{stranger}/1/0/hello", "b", independence, 30)).result is ClaimResult.CLOSED


async def test_a_step_for_any_hour_leaves_late_at_night(database: Database, ledger: PgLedger):
    touch = {"id": "hello", "asset": "hello", "gap": "0d", "window": "any"}
    playbook = await applied(database, tracks=[{"stage": "research", "touches": [touch]}])
    key = (await plan(database, await enrolled(database), playbook, "hello"))[0]
    assert (await ledger.claim(key, "a", NOW + timedelta(hours=17), 30)).result is ClaimResult.CLAIMED


async def test_whoever_is_asked_about_an_open_claim_is_told_since_when(database: Database):
    playbook = await applied(database)
    lead = await enrolled(database)
    (key,) = await plan(database, lead, playbook, "hello")
    ledger = PgLedger(database, PgPlaybooks(database))
    before = await database.pool.fetchval("select now()")
    await ledger.claim(key, "a", NOW, 25)
    await expire(database)
    (open_claim,) = [(await ledger.claim(key, "b", NOW, 25)).touch]
    assert open_claim is not None
    assert open_claim.attempted_at is not None
    assert open_claim.attempted_at < before
