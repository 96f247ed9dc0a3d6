"""The suppression list: whoever is on it, alone or with a whole domain, is not written to by anybody, from then on."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import permutations

import pytest

from domain.decision import Decision, Suppress
from domain.errors import Refused
from domain.ports import ClaimResult
from domain.state import JourneyState
from domain.suppressions import Suppressed
from domain.words import DeliveryKind
from storage import leads, merges, permission, standing_sql, suppression
from storage.database import Database
from storage.gather import gather
from storage.inbox import SUPPRESSING, PgInbox, accept
from storage.journeys import PgJourneys
from storage.leads import LeadInput
from storage.ledger import PgLedger
from storage.suppression import Entry, Reach
from storage.vendor_suppressions import PgVendorSuppressions
from storage.views import journey_view
from tests.storage.planned import plan, status
from tests.storage.samples import NOW, enrolled, event
from tests.storage.turns import claiming, someone_waits, transaction


def entry(email: str, reason: str = "manual") -> Entry:
    return Entry(email=suppression.key(email), reason=reason, source="a test", at=NOW)


async def suppressed_at_a_decision(database: Database, lead: str, playbook: str) -> str:
    async with database.pool.acquire() as connection:
        facts = await gather(connection, JourneyState.begin(lead, 1, playbook, NOW), NOW)
    return facts.permission.suppressed


async def test_a_domain_forbids_everybody_there_and_nobody_elsewhere(
    database: Database, ledger: PgLedger, playbook: str
):
    addresses = ("ann@acme.example", "bob@sub.acme.example", "eve@notacme.example")
    leads = [await enrolled(database, address) for address in addresses]
    keys = [(await plan(database, lead, playbook, "hello"))[0] for lead in leads]

    await suppression.add(database, [entry("*@ACME.example", "complained")])

    claims = [await ledger.claim(key, "a", NOW, 30) for key in keys]
    assert [claim.result for claim in claims] == [ClaimResult.REFUSED, ClaimResult.CLAIMED, ClaimResult.CLAIMED]
    assert claims[0].reason == "suppressed: complained"
    assert [await suppressed_at_a_decision(database, lead, playbook) for lead in leads] == ["complained", "", ""]
    assert (await journey_view(database, leads[0]))["suppressed"] == "complained"
    assert await permission.suppressed(database, addresses) == {"ann@acme.example": "complained"}


async def test_an_addresss_own_reason_goes_before_its_domains(database: Database, playbook: str):
    lead = await enrolled(database)
    await suppression.add(database, [entry("*@acme.example"), entry("ann@acme.example", "hard_bounced")])
    assert await suppressed_at_a_decision(database, lead, playbook) == "hard_bounced"


async def test_a_lead_of_a_suppressed_domain_does_not_begin_again(database: Database, playbook: str):
    await suppression.add(database, [entry("*@acme.example")])
    lead = await enrolled(database)
    await database.pool.execute("update journey set ended_at = started_at - interval '1 year'")
    await enrolled(database)
    assert await database.pool.fetchval("select count(*) from journey where lead_id = $1", lead) == 1


async def test_adding_wakes_the_journeys_that_end_and_counts_them(database: Database, playbook: str):
    ann, bob, eve = [await enrolled(database, f"{name}@acme.example") for name in ("ann", "bob", "eve")]
    await database.pool.execute("update journey set ended_at = now() where lead_id = $1", bob)
    await database.pool.execute("delete from pending_wake")
    entries = [entry("*@acme.example"), entry("ann@acme.example"), entry("ann@acme.example", "complained")]

    foreseen = await suppression.foresee(database, entries)
    reach = await suppression.add(database, entries)

    assert foreseen == reach == Reach(added=2, known=0, leads=3, journeys=2)
    woken = await database.pool.fetch("select lead_id, types from pending_wake order by lead_id")
    assert [(row["lead_id"], row["types"]) for row in woken] == [(lead, ["suppressed"]) for lead in sorted((ann, eve))]
    assert await suppression.add(database, entries) == Reach(added=0, known=2, leads=3, journeys=2)


async def test_what_was_on_the_list_before_the_lead_was_known_holds_whatever_its_address_becomes(
    database: Database, playbook: str
):
    await suppression.add(
        database, [entry("ann@old.example", "opted_out"), entry("ann@bounced.example", "hard_bounced")]
    )
    lead = await enrolled(database, "ann@old.example", external_id="ann")
    for address in ("ann@between.example", "ann@bounced.example", "ann@new.example"):
        await leads.upsert(database, LeadInput(external_id="ann", email=address), NOW, enrol=False)
    assert await suppressed_at_a_decision(database, lead, playbook) == "opted_out"


async def test_what_one_of_two_leads_said_of_a_former_address_holds_once_they_are_one(
    database: Database, playbook: str
):
    await suppression.add(database, [entry("ann@old.example", "opted_out")])
    ann = await enrolled(database, "ann@old.example", external_id="ann")
    await leads.upsert(database, LeadInput(external_id="ann", email="ann@new.example"), NOW, enrol=False)
    other = await enrolled(database, "ann@elsewhere.example")
    merged = await merges.merge(database, ann, other, "ops", "the same person", NOW)
    assert await suppressed_at_a_decision(database, merged.survivor, playbook) == "opted_out"


async def test_the_first_reason_stays(database: Database):
    await suppression.add(database, [entry("ann@acme.example", "complained")])
    await suppression.add(database, [entry("Ann@acme.example", "manual")])
    items, total = await suppression.list_entries(database, search="ACME")
    assert ([item.reason for item in items], total) == (["complained"], 1)


async def test_what_is_taken_off_the_list_may_be_written_to(database: Database, ledger: PgLedger, key: str):
    await suppression.add(database, [entry("*@acme.example")])
    with pytest.raises(Refused, match=r"ann@acme\.example is not on the suppression list"):
        await suppression.remove(database, "ann@acme.example", "ops", NOW)
    removed = await suppression.remove(database, "*@acme.example", "ops", NOW)
    assert removed == entry("*@acme.example")
    assert (await ledger.claim(key, "a", NOW, 30)).result is ClaimResult.CLAIMED


async def test_the_whole_list_is_read_by_address(database: Database):
    await suppression.add(database, [entry(f"lead{number:04}@acme.example") for number in range(1200)])
    found = [item.email async for item in suppression.every_entry(database)]
    assert (len(found), found) == (1200, sorted(found))


@pytest.mark.parametrize("text", ["", "ann", "ann@", "*", "*@*.example", "a*n@acme.example", "ann @acme.example"])
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(Refused, match=r"is no address|names no one domain"):
        suppression.key(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [("@Acme.example", "*@acme.example"), (" *@acme.example ", "*@acme.example"), ("A@b.example", "a@b.example")],
)
def test_a_domain_may_be_written_with_or_without_a_star(text: str, found: str):
    assert suppression.key(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("Unsubscribed", "opted_out"), ("hard_bounced", "hard_bounced"), ("Spam report", "complained"), ("moved", None)],
)
def test_other_systems_words_are_understood(text: str, found: str | None):
    assert suppression.reason(text) == found


# --- what a person said and what is said of an address ------------------------------------------------------------


async def by_address(database: Database, lead: str, email: str, reason: str) -> None:
    await permission.suppress(database, email, reason, "test", NOW)


async def by_an_operator(database: Database, lead: str, email: str, reason: str) -> None:
    async with transaction(database) as connection:
        await permission.suppress_leads(connection, {lead: reason}, "test", NOW)


async def by_a_list(database: Database, lead: str, email: str, reason: str) -> None:
    await suppression.add(database, [entry(email, reason), entry(email, "hard_bounced")])


async def by_a_vendors_list(database: Database, lead: str, email: str, reason: str) -> None:
    found = [Suppressed(email=email, reason=each, at=NOW) for each in ("hard_bounced", reason)]
    await PgVendorSuppressions(database, "carrier", timedelta(0)).take(found, NOW)


async def by_a_decision(database: Database, lead: str, email: str, reason: str) -> None:
    begun = JourneyState.begin(lead, 1, "", NOW)
    decided = begun.model_copy(update={"number": 1})
    decision = Decision(state=decided, at=NOW, title="Decided", suppress=Suppress(reason=reason))
    await PgJourneys(database).record(begun, decision, "timer", [])


async def by_a_journey_that_is_written_back(database: Database, lead: str, email: str, reason: str) -> None:
    await database.pool.execute(standing_sql.SUPPRESS, email, reason, lead, NOW)


async def by_what_mails_met(database: Database, lead: str, email: str, reason: str) -> None:
    names = [name for name, why in SUPPRESSING.items() if why in {reason, "hard_bounced"}]
    events = [event(f"{lead}{name}", kind="delivery", name=name, lead_id=lead) for name in (*names, *names[:1])]
    await accept(database, events, NOW)


@pytest.mark.parametrize(
    "said",
    [
        by_address,
        by_an_operator,
        by_a_list,
        by_a_vendors_list,
        by_a_decision,
        by_a_journey_that_is_written_back,
        by_what_mails_met,
    ],
    ids=lambda said: said.__name__,
)
async def test_what_a_person_said_outlives_the_address_whatever_was_said_first(
    database: Database, playbook: str, said: Callable[[Database, str, str, str], Awaitable[None]]
):
    for number, order in enumerate(permutations([("opted_out", said), ("hard_bounced", by_address)])):
        name, old = f"ann{number}", f"ann{number}@old.example"
        lead = await enrolled(database, old, external_id=name)
        for reason, say in order:
            await say(database, lead, old, reason)
        await leads.upsert(database, LeadInput(external_id=name, email=f"{name}@new.example"), NOW, enrol=False)
        assert await suppressed_at_a_decision(database, lead, playbook) == "opted_out"


async def test_an_opt_out_of_a_former_address_that_bounced_ends_the_journey_of_whose_it_was(
    database: Database, playbook: str
):
    lead = await enrolled(database, "ann@old.example", external_id="ann")
    await by_address(database, lead, "ann@old.example", "hard_bounced")
    await leads.upsert(database, LeadInput(external_id="ann", email="ann@new.example"), NOW, enrol=False)
    await database.pool.execute("delete from pending_wake")
    assert await suppression.add(database, [entry("ann@old.example")]) == Reach(known=1, leads=1, journeys=1)
    assert await database.pool.fetchval("select lead_id from pending_wake") == lead
    assert await suppressed_at_a_decision(database, lead, playbook) == "manual"


# --- a click on unsubscribe and a claim at the same moment ---------------------------------------------------------


async def test_a_claim_under_way_when_someone_unsubscribes_ends_first(database: Database, ledger: PgLedger, key: str):
    async with claiming(database, key):
        clicked = asyncio.create_task(PgInbox(database).deliver(key, DeliveryKind.UNSUBSCRIBED, NOW))
        await someone_waits(database)
        assert not clicked.done()
    await clicked
    assert (await ledger.claim(key, "a", NOW, 30)).result is ClaimResult.REFUSED


async def test_a_claim_that_comes_while_someone_unsubscribes_waits_and_is_refused(
    database: Database, ledger: PgLedger, key: str
):
    async with transaction(database) as unsubscribing:
        await permission.suppress_leads(unsubscribing, {key.partition("/")[0]: "opted_out"}, "a test", NOW)
        claiming = asyncio.create_task(ledger.claim(key, "a", NOW, 30))
        await someone_waits(database)
    assert (await claiming).reason == "suppressed: opted_out"
    assert await status(database, key) == "refused"


async def test_of_a_hundred_races_none_is_claimed_after_the_click_was_answered(
    database: Database, ledger: PgLedger, playbook: str
):
    keys = [
        (await plan(database, await enrolled(database, f"lead@company{number}.example"), playbook, "hello"))[0]
        for number in range(100)
    ]

    async def race(key: str) -> None:
        click = PgInbox(database).deliver(key, DeliveryKind.UNSUBSCRIBED, NOW)
        claim, _ = await asyncio.gather(ledger.claim(key, "a", NOW, 30), click)
        assert claim.result in {ClaimResult.CLAIMED, ClaimResult.REFUSED}
        await ledger.release(key, "a")
        assert (await ledger.claim(key, "b", NOW, 30)).result is ClaimResult.REFUSED

    await asyncio.gather(*map(race, keys))
    assert {row["status"] for row in await database.pool.fetch("select status from touch")} == {"refused"}
