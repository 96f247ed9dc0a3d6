"""Desired state of lists: given out until the vendor has acknowledged the newest version."""

import asyncio
from datetime import timedelta

from domain.crm_ports import CrmChange, CrmContact
from storage.crm import PgCrmNews
from storage.database import Database
from storage.leads import LeadInput, upsert
from storage.lists import PgLists
from tests.storage.samples import NOW


async def _lead(db: Database, **profile) -> str:
    return (await upsert(db, LeadInput(**profile), NOW, enrol=False)).lead_id


async def _want_crm(db: Database, lead: str, fields: dict[str, str]) -> None:
    await db.pool.execute(
        "insert into crm_record (lead_id, desired, changed_at) values ($1, $2, $3)"
        " on conflict (lead_id) do update set desired = $2, version = crm_record.version + 1",
        lead,
        fields,
        NOW,
    )


async def test_crm_fields_are_given_out_until_taken(database: Database):
    ann, bob = await _lead(database, email="ann@acme.example"), await _lead(database, email="bob@acme.example")
    await _want_crm(database, await _lead(database, external_id="no-address"), {"status": "new"})
    for lead in (ann, bob):
        await _want_crm(database, lead, {"status": "new"})
    lists = PgLists(database)
    changes = await lists.dirty_crm(10)
    assert {change.lead for change in changes} == {ann, bob}
    await lists.crm_pushed(changes, {ann: "crm-1"}, NOW)
    assert [change.lead for change in await lists.dirty_crm(10)] == [bob]
    assert await database.pool.fetchval("select crm_id from lead where id = $1", ann) == "crm-1"


async def test_a_change_during_the_push_is_pushed_as_well(database: Database):
    lead = await _lead(database, email="ann@acme.example")
    lists = PgLists(database)
    await _want_crm(database, lead, {"status": "new"})
    changes = await lists.dirty_crm(10)
    await _want_crm(database, lead, {"status": "nurture"})
    await lists.crm_pushed(changes, {lead: "crm-1"}, NOW)
    assert await lists.dirty_crm(10) == [
        CrmChange(lead=lead, email="ann@acme.example", crm_id="crm-1", fields={"status": "nurture"}, version=2)
    ]


async def test_a_status_that_the_crm_has_is_told_again_only_to_another_contact(database: Database):
    """The one it was told to may be gone: then the vendor makes another, and answers with that one's id."""
    lead, lists = await _lead(database, email="ann@acme.example"), PgLists(database)
    status = {"lead_status": "nurture"}

    async def told(contact: str) -> list[dict[str, str]]:
        """The fields of each push until nothing is left to be told."""
        fields = []
        while changes := await lists.dirty_crm(10):
            fields += [change.fields for change in changes]
            await lists.crm_pushed(changes, {lead: contact}, NOW)
        return fields

    for offer, contact, pushes in (
        ("1", "crm-1", [status | {"offer": "1"}]),
        ("2", "crm-1", [{"offer": "2"}]),
        ("3", "crm-2", [{"offer": "3"}, status | {"offer": "3"}]),
        ("4", "crm-2", [{"offer": "4"}]),
    ):
        await _want_crm(database, lead, status | {"offer": offer})
        assert await told(contact) == pushes
    news = PgCrmNews(database, "hubspot", timedelta(hours=1))
    await news.take_contacts([CrmContact(crm_id="crm-2", deleted=True)], NOW)
    await _want_crm(database, lead, status | {"offer": "5"})
    assert await told("crm-3") == [status | {"offer": "5"}]


async def test_open_handoffs_are_known_by_their_vendors_task(database: Database):
    lead = await _lead(database, email="ann@acme.example")
    key = f"{lead}/1/0/brief"
    await database.pool.execute(
        "insert into touch (key, lead_id, cycle, decision_number, step, channel, playbook_hash, planned_at, status,"
        " vendor_id) values ($1, $2, 1, 1, 'brief', 'sdr_task', 'h', $3, 'sent', 'task-9')",
        key,
        lead,
        NOW,
    )
    await database.pool.execute(
        "insert into handoff (id, lead_id, cycle, decision_number, reason, opened_at, sla_at, touch_key)"
        " values ($1, $2, 1, 1, 'ready', $4, $4, $3)",
        f"{lead}-1-1",
        lead,
        key,
        NOW,
    )
    assert await PgLists(database).open_handoff_tasks(10) == {f"{lead}-1-1": "task-9"}
    await database.pool.execute("update handoff set status = 'accepted'")
    assert await PgLists(database).open_handoff_tasks(10) == {}


async def test_who_reads_the_crm_holds_up_no_decision_about_the_same_lead(database: Database):
    lead = await _lead(database, email="ann@acme.example")
    await _want_crm(database, lead, {"status": "new"})
    contact = CrmContact(crm_id="crm-1", email="ann@acme.example", fields={"country": "DE"}, owner="7")
    news = PgCrmNews(database, "hubspot", timedelta(hours=1))
    async with database.pool.acquire() as deciding, deciding.transaction():
        await deciding.execute("select from crm_record where lead_id = $1 for update", lead)
        reading = asyncio.create_task(news.take_contacts([contact], NOW))
        await _waits_for_a_lock(database)
        # a row of the lead's own, such as a decision plans: its reference must not wait for whoever holds the lead
        await deciding.execute("insert into pending_wake (lead_id) values ($1)", lead)
    await asyncio.wait_for(reading, 10)
    assert await database.pool.fetchval("select crm_id from lead where id = $1", lead) == "crm-1"


async def _waits_for_a_lock(db: Database) -> None:
    query = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.timeout(60):
        while not await db.pool.fetch(query):  # noqa: ASYNC110 PostgreSQL tells nobody
            await asyncio.sleep(0.01)
