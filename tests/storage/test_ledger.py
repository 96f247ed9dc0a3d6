"""The ledger: at most one message leaves under a key, whoever tries, and the last word on permission is asked here."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from domain.decision import OpenHandoff, Reason
from domain.errors import NotFound, Refused
from domain.operating import OperationKind
from domain.ports import ClaimResult, Receipt
from domain.state import JourneyState
from domain.words import Channel, TouchStatus
from storage import handoffs, operations, operators_log, parked, views
from storage.database import Database
from storage.leads import ConsentInput, LeadInput, upsert
from storage.ledger import PgLedger
from storage.permission import suppress
from tests.storage.planned import expire, plan, status
from tests.storage.recorded import record, send
from tests.storage.samples import NOW, enrolled

RECEIPT = Receipt(vendor="post", vendor_id="v-1")


async def test_a_claim_brings_what_the_adapter_needs(ledger: PgLedger, key: str, playbook: str):
    claim = await ledger.claim(key, "a", NOW, 30)
    assert claim.result is ClaimResult.CLAIMED
    assert claim.touch is not None
    assert (claim.touch.email, claim.touch.fields, claim.touch.owner) == (
        "ann@acme.example",
        {"role": "cto"},
        "seller-1",
    )
    assert (claim.touch.channel, claim.touch.step, claim.touch.playbook) == (Channel.EMAIL, "hello", playbook)


async def test_the_sellers_task_carries_the_brief_and_needs_no_permission(
    database: Database, ledger: PgLedger, playbook: str
):
    lead = await enrolled(database)
    keys = await plan(database, lead, playbook, "handoff", channel=Channel.SDR_TASK)
    await suppress(database, "ann@acme.example", "opted_out", "test", NOW)
    claim = await ledger.claim(keys[0], "a", NOW, 30)
    assert claim.touch is not None
    assert claim.touch.brief == {"why": "asked", "sla_at": "2026-03-02T10:00:00Z"}


@pytest.mark.parametrize("many", [True, False], ids=["an operation", "one command"])
async def test_the_brief_has_the_words_of_whoever_commanded_the_handoff(
    database: Database, ledger: PgLedger, begun: JourneyState, many: bool
):
    reason, command = "They rang us: a demo on Tuesday", "once"
    if many:
        kind, leads = OperationKind.HAND_OFF, [begun.lead, await enrolled(database, "bo@acme.example")]
        async with database.pool.acquire() as connection:
            id_ = await operations.create(connection, kind=kind, by="ann", now=NOW, leads=leads, reason=reason)
        command = f"operation-{id_}"
    else:
        await operators_log.note_command(database.pool, "ann", "hand_off", begun.lead, NOW, command, reason)
    task = send(begun, "handoff", Channel.SDR_TASK)
    opened = OpenHandoff(id=f"{begun.lead}-1-1", reason="ready", sla_at=NOW, brief={"why_now": "ready"})
    obeyed = Reason("operator_hand_off", "asked to hand off", {"command": command})
    await record(database, begun, send=(task,), open_handoff=opened, reasons=(obeyed,))

    claim = await ledger.claim(task.key, "a", NOW, 30)

    told = {"why_now": "ready", "operator_said": reason}
    assert claim.touch is not None
    assert claim.touch.brief == {**told, "sla_at": "2026-03-02T10:00:00Z"}
    assert [one.brief for one in (await handoffs.list_handoffs(database))[0]] == [told]
    assert [one["brief"] for one in (await views.journey_view(database, begun.lead))["handoffs"]] == [told]


async def test_of_a_hundred_claims_at_once_one_is_granted(ledger: PgLedger, key: str):
    claims = await asyncio.gather(*(ledger.claim(key, f"attempt-{n}", NOW, 30) for n in range(100)))
    assert Counter(claim.result for claim in claims) == {ClaimResult.CLAIMED: 1, ClaimResult.BUSY: 99}
    assert all(claim.retry_in > 0 for claim in claims if claim.result is ClaimResult.BUSY)


async def test_an_accounts_cap_holds_when_its_leads_are_claimed_at_once(
    database: Database, ledger: PgLedger, playbook: str
):
    keys = []
    for number in range(8):
        lead = await enrolled(database, f"lead{number}@acme.example")
        keys += await plan(database, lead, playbook, "hello")
    stranger = await plan(database, await enrolled(database, "eve@other.example"), playbook, "hello")
    claims = await asyncio.gather(*(ledger.claim(key, "a", NOW, 30) for key in keys + stranger))
    assert Counter(claim.result for claim in claims[:8]) == {ClaimResult.CLAIMED: 2, ClaimResult.REFUSED: 6}
    assert claims[8].result is ClaimResult.CLAIMED
    assert {claim.reason.partition(" since")[0] for claim in claims[:8] if claim.reason} == {
        "cap: at most 2 touches per account"
    }


async def test_what_was_sent_before_the_caps_window_no_longer_counts(
    database: Database, ledger: PgLedger, playbook: str
):
    lead = await enrolled(database)
    one, two, three = await plan(database, lead, playbook, "one", "two", "three")
    for key in (one, two):
        await ledger.claim(key, "a", NOW, 30)
        await ledger.mark_sent(key, "a", RECEIPT, NOW)
    later = NOW + timedelta(days=7, seconds=1)
    assert (await ledger.claim(three, "a", later, 30)).result is ClaimResult.CLAIMED


async def test_a_failed_touch_does_not_count_but_an_unknown_one_does(
    database: Database, ledger: PgLedger, playbook: str
):
    lead = await enrolled(database)
    one, two, three, four = await plan(database, lead, playbook, "one", "two", "three", "four")
    await ledger.claim(one, "a", NOW, 30)
    await ledger.mark_failed(one, "a", "invalid address", NOW)
    await ledger.claim(two, "a", NOW, 30)
    await ledger.park(two, "no answer")
    assert (await ledger.claim(three, "a", NOW, 30)).result is ClaimResult.CLAIMED
    assert (await ledger.claim(four, "a", NOW, 30)).result is ClaimResult.REFUSED


async def test_suppression_refuses_at_the_last_moment(database: Database, ledger: PgLedger, key: str):
    await suppress(database, " Ann@Acme.example ", "opted_out", "test", NOW)
    claim = await ledger.claim(key, "a", NOW, 30)
    assert (claim.result, claim.reason) == (ClaimResult.REFUSED, "suppressed: opted_out")
    assert await status(database, key) == "refused"


async def test_declined_consent_refuses(database: Database, ledger: PgLedger, key: str):
    no = ConsentInput(channel=Channel.EMAIL, granted=False)
    await upsert(database, LeadInput(email="ann@acme.example", consent=(no,)), NOW)
    claim = await ledger.claim(key, "a", NOW, 30)
    assert (claim.result, claim.reason) == (ClaimResult.REFUSED, "the lead declined email")


async def test_mail_without_an_address_is_refused(database: Database, ledger: PgLedger, playbook: str):
    lead = (await upsert(database, LeadInput(external_id="x"), NOW)).lead_id
    keys = await plan(database, lead, playbook, "hello")
    assert (await ledger.claim(keys[0], "a", NOW, 30)).reason == "no address is known"


async def test_what_was_sent_is_never_claimed_again(ledger: PgLedger, key: str):
    await ledger.claim(key, "a", NOW, 30)
    await ledger.mark_sent(key, "a", RECEIPT, NOW)
    assert (await ledger.claim(key, "b", NOW, 30)).result is ClaimResult.ALREADY_SENT
    await ledger.release(key, "a")
    assert (await ledger.claim(key, "b", NOW, 30)).result is ClaimResult.ALREADY_SENT


async def test_a_released_claim_can_be_taken_again_and_only_by_its_owner(ledger: PgLedger, key: str):
    await ledger.claim(key, "a", NOW, 30)
    await ledger.release(key, "somebody else")
    assert (await ledger.claim(key, "b", NOW, 30)).result is ClaimResult.BUSY
    await ledger.release(key, "a")
    assert (await ledger.claim(key, "b", NOW, 30)).result is ClaimResult.CLAIMED


async def test_an_expired_claim_is_unresolved_and_one_attempt_may_renew_it(
    database: Database, ledger: PgLedger, key: str
):
    await ledger.claim(key, "a", NOW, 30)
    await expire(database)
    claims = await asyncio.gather(*(ledger.claim(key, f"b{n}", NOW, 30) for n in range(5)))
    assert {claim.result for claim in claims} == {ClaimResult.UNRESOLVED}
    assert claims[0].touch is not None
    renewed = await asyncio.gather(*(ledger.renew(key, f"b{n}", NOW, 30) for n in range(5)))
    assert Counter(claim.result for claim in renewed) == {ClaimResult.CLAIMED: 1, ClaimResult.BUSY: 4}
    assert (await ledger.claim(key, "c", NOW, 30)).result is ClaimResult.BUSY


async def test_an_open_claim_remembers_which_address_it_is_about(database: Database, ledger: PgLedger, key: str):
    await ledger.claim(key, "a", NOW, 30)
    await database.pool.execute("update lead set email = 'ann@elsewhere.example'")
    await expire(database)
    asked = (await ledger.claim(key, "b", NOW, 30)).touch
    assert asked is not None
    assert (asked.attempted_to, asked.email) == ("ann@acme.example", "ann@elsewhere.example")
    renewed = (await ledger.renew(key, "b", NOW, 30)).touch
    assert renewed is not None
    assert renewed.attempted_to == renewed.email == "ann@elsewhere.example"


async def test_a_claim_that_is_settled_keeps_no_address(database: Database, ledger: PgLedger, key: str):
    async def settle(status: TouchStatus) -> None:
        await database.pool.execute("update touch set leased_until = now() - interval '1 hour'")
        [claim] = await ledger.open_claims(1)
        assert await ledger.settle(claim, status, NOW)

    ways = [
        lambda: ledger.mark_sent(key, "a", RECEIPT, NOW),
        lambda: ledger.release(key, "a"),
        lambda: ledger.mark_failed(key, "a", "no such user", NOW),
        lambda: ledger.park(key, "nobody can tell"),
        lambda: settle(TouchStatus.WITHDRAWN),
    ]
    for way in ways:
        await database.pool.execute("update touch set status = 'planned', claim_id = '', leased_until = null")
        assert (await ledger.claim(key, "a", NOW, 30)).result is ClaimResult.CLAIMED
        await way()
        held = await database.pool.fetchrow("select status, attempted_to from touch")
        assert (held["status"] != "claimed", held["attempted_to"]) == (True, "")


async def test_a_claim_found_at_the_vendor_is_marked_sent_by_whoever_found_it(
    database: Database, ledger: PgLedger, key: str
):
    await ledger.claim(key, "a", NOW, 30)
    await expire(database)
    await ledger.mark_sent(key, "b", RECEIPT, NOW)
    assert await status(database, key) == "sent"


async def test_a_parked_touch_waits_for_a_person(database: Database, ledger: PgLedger, key: str):
    await ledger.claim(key, "a", NOW, 30)
    await ledger.park(key, "the vendor can't tell")
    claim = await ledger.claim(key, "b", NOW, 30)
    assert (claim.result, claim.reason) == (ClaimResult.UNKNOWN, "the vendor can't tell")
    assert ([item["key"] for item in (await parked.list_parked(database))[0]]) == [key]
    await parked.resolve(database, key, "ann", NOW, sent=True)
    assert await status(database, key) == "sent"
    with pytest.raises(Refused, match="not unknown"):
        await parked.resolve(database, key, "ann", NOW, sent=False)


async def test_a_failed_touch_is_refused_with_its_reason(ledger: PgLedger, key: str):
    await ledger.claim(key, "a", NOW, 30)
    await ledger.mark_failed(key, "a", "invalid address", NOW)
    claim = await ledger.claim(key, "b", NOW, 30)
    assert (claim.result, claim.reason) == (ClaimResult.REFUSED, "invalid address")


async def test_a_withdrawn_touch_is_not_sent(database: Database, ledger: PgLedger, key: str):
    await database.pool.execute("update touch set status = 'withdrawn'")
    assert (await ledger.claim(key, "a", NOW, 30)).result is ClaimResult.WITHDRAWN


async def test_a_key_nobody_planned_is_an_error(ledger: PgLedger):
    with pytest.raises(NotFound, match="ld_x/1/0/hello"):
        await ledger.claim("ld_x/1/0/hello", "a", NOW, 30)
