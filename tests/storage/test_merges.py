"""Two leads become one: nothing is lost, nothing is sent twice, the stricter word holds, and it can be undone."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.core.decide import decide
from domain.errors import NotFound, Refused
from domain.merging import Said
from domain.ports import ClaimResult
from domain.state import JourneyState
from domain.words import Channel, Ending
from storage import erasure, leads, merges, unmerges
from storage.database import Database
from storage.inbox import accept
from storage.journeys import PgJourneys
from storage.leads import ConsentInput, LeadInput
from storage.ledger import PgLedger
from storage.lists import PgLists
from storage.permission import suppress
from storage.playbooks import PgPlaybooks
from tests.storage.planned import plan
from tests.storage.samples import NOW, enrolled, event

LATER = NOW + timedelta(days=1)
AWAY = "update lead set away_until = $2 where id = $1"


async def known(db: Database, **profile: Any) -> str:
    return (await leads.upsert(db, LeadInput(**profile), NOW, enrol=False)).lead_id


async def merge(db: Database, one: str, other: str, **options: Any) -> merges.Merged:
    return await merges.merge(db, one, other, "test", "the same person", LATER, **options)


async def inbox(db: Database, lead: str) -> list[tuple[str, int]]:
    rows = await db.pool.fetch("select message_id, position from behaviour where lead_id = $1 order by position", lead)
    return [(row["message_id"], row["position"]) for row in rows]


async def snapshot(db: Database) -> dict[str, list[Any]]:
    """Everything that an undone merge must leave as it was."""
    queries = {
        "leads": "select id, external_id, email, mailbox, fields, country, owner, account_id, crm_id, merged_into,"
        " away_until from lead order by id",
        "identities": "select kind, value, lead_id from identity order by kind, value",
        "behaviour": "select message_id, lead_id, position from behaviour order by id",
        "consent": "select * from consent order by lead_id, channel",
        "preferences": "select * from preference order by lead_id",
    }
    return {name: [tuple(row.values()) for row in await db.pool.fetch(query)] for name, query in queries.items()}


@pytest.fixture
async def two(database: Database, playbook: str) -> tuple[str, str]:
    """Ann, whose journey runs, and another lead that she is, which was never enrolled."""
    ann = await enrolled(database, external_id="u-1", owner="seller-1")
    other = await known(database, email="ann@home.example", external_id="u-2", anonymous_ids=("v-2",), country="DE")
    return ann, other


async def test_what_the_other_did_is_news_to_the_survivor(database: Database, two: tuple[str, str]):
    ann, other = two
    await accept(database, [event("a1", lead_id=ann), event("b1", lead_id=other), event("b2", lead_id=other)], NOW)
    done = await merge(database, other, ann)
    assert (done.survivor, done.rule, done.behaviour, done.news) == (ann, "its journey runs", 2, 2)
    assert await inbox(database, ann) == [("a1", 1), ("b1", 2), ("b2", 3)]
    assert "/pricing" in await database.pool.fetchval("select types from pending_wake where lead_id = $1", ann)


async def test_what_a_journey_has_considered_is_history(database: Database, two: tuple[str, str]):
    ann, _ = two
    bob = await enrolled(database, "bob@acme.example")
    await accept(database, [event("b1", lead_id=bob), event("b2", lead_id=bob), event("a1", lead_id=ann)], NOW)
    await database.pool.execute("update journey set cursor = 1 where lead_id = $1", bob)
    await database.pool.execute("update lead set created_at = $2 where id = $1", bob, LATER)
    await merge(database, ann, bob)
    (old, before), *rest = await inbox(database, ann)
    assert (old, before < 0, rest) == ("b1", True, [("a1", 1), ("b2", 2)])


async def test_the_others_journey_ends_as_merged(database: Database, two: tuple[str, str], playbook: str):
    ann, _ = two
    bob = await enrolled(database, "bob@acme.example")
    await database.pool.execute("update journey set phase = 'nurture' where lead_id = $1", ann)
    await merge(database, ann, bob)
    journeys, begun = PgJourneys(database), JourneyState.begin(bob, 1, playbook, NOW)
    facts = await journeys.gather(begun, LATER)
    decision = decide(await PgPlaybooks(database).compiled(playbook), begun, facts, LATER)
    assert (decision.state.ending, decision.send, decision.next_wake) == (Ending.MERGED, (), None)
    await journeys.record(begun, decision, "merged", [])
    assert [change.lead for change in await PgLists(database).dirty_crm(10)] == []


async def test_nothing_can_be_claimed_for_the_merged_lead(
    database: Database, two: tuple[str, str], playbook: str, ledger: PgLedger
):
    ann, _ = two
    bob = await enrolled(database, "bob@acme.example")
    (key,) = await plan(database, bob, playbook, "hello")
    await database.pool.execute("update journey set phase = 'handoff' where lead_id = $1", ann)
    assert (await merge(database, ann, bob)).withdrawn == 1
    assert (await ledger.claim(key, "c", LATER, 30)).result is ClaimResult.WITHDRAWN
    (late,) = await plan(database, bob, playbook, "late")  # by a decision that was under way
    claim = await ledger.claim(late, "c", LATER, 30)
    assert (claim.result, claim.reason) == (ClaimResult.WITHDRAWN, "the lead was merged")


async def test_an_asset_reaches_the_person_once(
    database: Database, two: tuple[str, str], playbook: str, ledger: PgLedger
):
    ann, other = two
    await leads.upsert(database, LeadInput(external_id="u-2"), NOW)
    await database.pool.execute("update journey set phase = 'nurture' where lead_id = $1", ann)
    (sent,) = await plan(database, other, playbook, "hello")
    await database.pool.execute(
        "update touch set status = 'sent', sent_at = $2, asset = 'hello' where key = $1", sent, NOW
    )
    await merge(database, ann, other)
    (fact,) = (await PgJourneys(database).gather(JourneyState.begin(ann, 1, playbook, NOW), LATER)).touches
    assert (fact.key, fact.asset, fact.cycle, fact.status) == (sent, "hello", 0, "sent")
    (key,) = await plan(database, ann, playbook, "hello")
    await database.pool.execute("update touch set asset = 'hello' where key = $1", key)
    claim = await ledger.claim(key, "c", NOW + timedelta(days=30), 30)
    assert claim.result is ClaimResult.REFUSED
    assert "before their leads were merged" in claim.reason


async def test_a_refusal_of_either_holds(database: Database, two: tuple[str, str], playbook: str):
    ann, other = two
    for lead, email, granted in ((ann, "ann@acme.example", True), (other, "ann@home.example", False)):
        word = ConsentInput(channel=Channel.EMAIL, granted=granted, basis="consent")
        assert (await leads.upsert(database, LeadInput(email=email, consent=(word,)), NOW, enrol=False)).lead_id == lead
    await database.pool.execute("insert into preference (lead_id, least_days, at) values ($1, 30, $2)", other, NOW)
    await suppress(database, "ann@home.example", "opted_out", "test", NOW)
    await merge(database, ann, other)
    permission = (await PgJourneys(database).gather(JourneyState.begin(ann, 1, playbook, NOW), LATER)).permission
    assert (permission.suppressed, permission.declined, permission.least_days) == (
        "opted_out",
        frozenset({Channel.EMAIL}),
        30,
    )


async def test_who_is_away_under_either_name_is_away(
    database: Database, two: tuple[str, str], playbook: str, ledger: PgLedger
):
    ann, other = two
    (key,) = await plan(database, ann, playbook, "hello")
    for lead, days in ((ann, 1), (other, 9)):
        await database.pool.execute(AWAY, lead, LATER + timedelta(days=days))
    await merge(database, ann, other)
    permission = (await PgJourneys(database).gather(JourneyState.begin(ann, 1, playbook, NOW), LATER)).permission
    assert permission.paused_until == LATER + timedelta(days=9)
    claim = await ledger.claim(key, "c", LATER + timedelta(days=2), 30)
    assert (claim.result, claim.reason[:30]) == (ClaimResult.REFUSED, "the lead wants nothing until 2")


async def test_a_dead_address_says_nothing_of_the_persons_other_one(
    database: Database, two: tuple[str, str], playbook: str
):
    ann, other = two
    await merge(database, ann, other)
    bounce = event("b", kind="delivery", name="bounced_hard", lead_id=other, properties={"touch": f"{other}/1/0/hello"})
    await accept(database, [bounce], LATER)
    begun = JourneyState.begin(ann, 1, playbook, NOW)
    facts = await PgJourneys(database).gather(begun, LATER)
    assert facts.permission.suppressed == ""
    assert [behaviour.name for behaviour in facts.behaviours] == ["bounced_hard"]
    assert not decide(await PgPlaybooks(database).compiled(playbook), begun, facts, LATER).state.ended
    assert await database.pool.fetch("select email, reason from suppression") == [("ann@home.example", "hard_bounced")]


async def test_every_name_of_the_merged_lead_reaches_the_survivor(database: Database, two: tuple[str, str]):
    ann, other = two
    await database.pool.execute("update lead set crm_id = 'crm-' || external_id")
    await merge(database, ann, other)
    for profile in ({"email": "ann@home.example"}, {"external_id": "u-2"}, {"anonymous_ids": ("v-2",)}):
        assert await known(database, **profile) == ann
    senders: Any = (
        {"user_id": "u-2"},
        {"anonymous_id": "v-2"},
        {"lead_id": other},
        {"user_id": other, "lead_id": other},
    )
    await accept(database, [event(f"e{n}", **sender) for n, sender in enumerate(senders)], LATER)
    assert [name for name, _ in await inbox(database, ann)] == ["e0", "e1", "e2", "e3"]
    assert (await leads.get(database, other)).id == ann
    assert (
        await database.pool.fetchval("select lead_id from identity where kind = 'crm_id' and value = 'crm-u-2'") == ann
    )
    assert (await leads.get(database, ann)).email == "ann@acme.example"


async def test_the_survivor_takes_what_it_lacks(database: Database, two: tuple[str, str]):
    ann, other = two
    await merge(database, ann, other)
    lead = await leads.get(database, ann)
    assert (lead.country, lead.owner, lead.external_id) == ("DE", "seller-1", "u-1")
    nameless = await known(database, external_id="u-3")
    bob = await known(database, email="bob@home.example", fields={"role": "cto"})
    await database.pool.execute("update lead set created_at = $2 where id = $1", bob, LATER)
    done = await merge(database, nameless, bob)
    assert (done.survivor, set(done.took)) == (nameless, {"email", "account_id", "fields.role"})
    assert (await leads.find(database, email="bob@home.example")).id == nameless


async def test_a_merge_undone_leaves_everything_as_it_was(database: Database, two: tuple[str, str]):
    ann, other = two
    await accept(database, [event("a1", lead_id=ann), event("b1", user_id="u-2"), event("b2", anonymous_id="v-2")], NOW)
    word = ConsentInput(channel=Channel.EMAIL, granted=False, basis="consent", source="form")
    await leads.upsert(database, LeadInput(email="ann@home.example", consent=(word,)), NOW, enrol=False)
    await database.pool.execute("insert into preference (lead_id, least_days, at) values ($1, 30, $2)", other, NOW)
    nameless = await known(database, external_id="u-3", country="AT", fields={"role": "cto"})
    for days, lead in enumerate((ann, nameless, other)):
        await database.pool.execute(AWAY, lead, LATER + timedelta(days=days))
    before = await snapshot(database)

    await merge(database, nameless, other)
    await merge(database, ann, nameless)
    assert await snapshot(database) != before
    survivors = {merge_["survivor"] for merge_ in await database.pool.fetch("select survivor from lead_merge")}
    for lead in sorted({ann, other, nameless} - {ann}, key=lambda lead: lead not in survivors):
        await unmerges.unmerge(database, lead, "test", LATER)

    assert await snapshot(database) == before
    with pytest.raises(NotFound, match="part of no other"):
        await unmerges.unmerge(database, other, "test", LATER)


async def test_what_came_since_goes_with_its_names_and_refusals_stay_with_both(
    database: Database, two: tuple[str, str]
):
    ann, other = two
    await suppress(database, "ann@home.example", "hard_bounced", "test", NOW)
    await merge(database, ann, other)
    await accept(
        database, [event("a", user_id="u-1"), event("b", user_id="u-2"), event("c", anonymous_id="v-2")], LATER
    )
    assert await known(database, external_id="u-2") == ann
    await suppress(database, "ann@acme.example", "opted_out", "test", LATER)
    await known(database, external_id="u-1", email="ann@new.example")
    undone = await unmerges.unmerge(database, other, "test", LATER)
    assert undone.behaviour == 2
    assert await known(database, external_id="u-2") == other
    assert not await database.pool.fetchval("select count(*) from identity where lead_id = $1", ann)
    assert [name for name, _ in await inbox(database, ann)] == ["a"]
    assert [name for name, _ in await inbox(database, other)] == ["b", "c"]
    assert {tuple(row) for row in await database.pool.fetch("select email, reason from suppression")} == {
        ("ann@acme.example", "opted_out"),
        ("ann@home.example", "opted_out"),
    }


async def test_a_lead_that_is_its_own_again_may_be_enrolled_at_once(database: Database, two: tuple[str, str]):
    ann, _ = two
    await enrolled(database, "bob@acme.example")
    bob = await known(database, email="bob@acme.example")
    await database.pool.execute("update journey set phase = 'nurture' where lead_id = $1", ann)
    await merge(database, ann, bob)
    await database.pool.execute("update journey set ended_at = $2, ending = 'merged' where lead_id = $1", bob, LATER)
    undone = await unmerges.unmerge(database, bob, "test", LATER)
    assert undone.stays == (f"Journey 1 of {bob} has ended; it may be enrolled again.",)
    again = await leads.upsert(database, LeadInput(email="bob@acme.example"), LATER)
    assert (again.lead_id, again.cycle) == (bob, 2)


async def test_a_preview_changes_nothing(database: Database, two: tuple[str, str]):
    before = await snapshot(database)
    shown = await merge(database, *two, preview=True)
    assert await snapshot(database) == before
    assert await merge(database, *two) == shown


async def test_somebody_erased_is_never_merged_and_an_erasure_takes_all_of_a_person(
    database: Database, two: tuple[str, str]
):
    ann, other = two
    bob = await known(database, email="bob@acme.example")
    await merge(database, ann, other)
    await erasure.erase(database, other, "test", LATER)
    assert {row["lead_id"] for row in await database.pool.fetch("select lead_id from erasure")} == {ann, other}
    left = "select count(*) from lead where id = any($1) and (email is not null or external_id is not null)"
    assert await database.pool.fetchval(left, [ann, other]) == 0
    assert await database.pool.fetchval("select kept from lead_merge") == {}
    with pytest.raises(Refused, match="was erased"):
        await merge(database, ann, bob)
    with pytest.raises(Refused, match="was erased"):
        await unmerges.unmerge(database, other, "test", LATER)
    assert await merges.unite(database, ann, bob, Said.IDENTIFIED, LATER) == ""
    for profile in ({"email": "ann@home.example"}, {"external_id": "u-1"}):
        assert (await leads.upsert(database, LeadInput(**profile), LATER, enrol=False)).erased


async def test_one_lead_and_nobody_are_no_two(database: Database, two: tuple[str, str]):
    ann, other = two
    with pytest.raises(Refused, match="one lead already"):
        await merge(database, ann, ann)
    with pytest.raises(NotFound, match="ld_nobody"):
        await merge(database, ann, "ld_nobody")
    await merge(database, ann, other)
    with pytest.raises(Refused, match="one lead already"):
        await merge(database, other, ann)


async def test_what_arrives_while_two_are_merged_reaches_the_survivor(database: Database, two: tuple[str, str]):
    ann, other = two
    senders: Any = [{"lead_id": other}, {"user_id": "u-2"}, {"anonymous_id": "v-2"}, {"lead_id": ann}]
    arriving = [accept(database, [event(f"e{n}", **senders[n % len(senders)])], NOW) for n in range(40)]
    profiles = [known(database, email="ann@home.example", anonymous_ids=(f"late-{n}",)) for n in range(5)]
    await asyncio.gather(*arriving[:20], merge(database, ann, other), *profiles, *arriving[20:])
    positions = [position for _, position in await inbox(database, ann)]
    assert positions == list(range(1, 41))
    assert {row["lead_id"] for row in await database.pool.fetch("select lead_id from identity")} == {ann}
