"""A version is put in force whole or not at all, and journeys in flight go where its policy says."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from domain.core.decide import version_in_force
from domain.errors import NotFound, Refused
from domain.operating import Fate, OperationKind, OperationRequest, Outcome
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from domain.state import JourneyState
from domain.versions import Policy
from storage import enrolment, operations, playbook_changes, playbook_versions, playbooks, undoing
from storage.database import Database
from storage.gather import gather
from storage.in_flight import in_flight, some, standing
from storage.operation_rows import PgOperations
from storage.playbook_changes import Asked, Change, put_in_force
from tests.storage.recorded import record
from tests.storage.samples import NOW, applied, enrolled, playbook

ONE, TWO, THREE = (playbook(length_limit=f"{days}d") for days in (400, 300, 200))


async def change(db: Database, document: Playbook, policy: Policy | None, **given: Any) -> Change | None:
    return await put_in_force(db, document, Asked(by="ann", policy=policy, **given), NOW)


async def decides_with(db: Database, document: Playbook) -> str:
    """The version that a journey which runs this one decides with."""
    lead = await enrolled(db)
    state = JourneyState.begin(lead, 1, document.content_hash(), NOW)
    return version_in_force(CompiledPlaybook(document), await gather(db.pool, state, NOW))


async def test_what_the_document_says_holds_until_something_else_is_chosen(database: Database):
    await change(database, ONE, None)
    followed = await change(database, TWO, None)
    assert followed.policy is Policy.FOLLOW
    assert await decides_with(database, ONE) == TWO.content_hash()

    staying = THREE.model_copy(update={"follow": False})
    await change(database, staying, None)
    pinned = await change(database, ONE, None)

    assert pinned.policy is Policy.PIN
    assert await decides_with(database, staying) == staying.content_hash()


async def test_whoever_was_told_to_follow_follows_on_and_whoever_was_pinned_stays(database: Database):
    await change(database, ONE, Policy.FOLLOW)
    await change(database, TWO, Policy.FOLLOW)
    await change(database, THREE, Policy.FOLLOW)
    assert await decides_with(database, ONE) == THREE.content_hash()

    four = playbook(length_limit="100d")
    await change(database, four, Policy.PIN)
    five = playbook(length_limit="50d")
    await change(database, five, Policy.FOLLOW)

    assert await decides_with(database, four) == five.content_hash()
    assert await decides_with(database, ONE) == await decides_with(database, THREE) == THREE.content_hash()


async def test_a_migration_takes_everybody_pinned_or_not_at_its_rate(database: Database):
    await applied(database, length_limit="400d")
    lead = await enrolled(database)
    async with database.pool.acquire() as connection, connection.transaction():
        await enrolment.enrol(connection, [lead], None, NOW)
    await change(database, TWO, Policy.PIN)

    made = await change(database, THREE, Policy.MIGRATE, rate=5.0, reason="shorter")

    assert await decides_with(database, ONE) == await decides_with(database, TWO) == THREE.content_hash()
    operation = await operations.get(database, made.operation)
    assert (operation.total, operation.rate, operation.by, operation.reason) == (1, 5.0, "ann", "shorter")
    assert operation.request.playbook == THREE.content_hash()


async def test_a_rollback_stops_the_migration_to_what_it_takes_back(database: Database):
    first = await applied(database, length_limit="400d")
    async with database.pool.acquire() as connection, connection.transaction():
        await enrolment.enrol(connection, [await enrolled(database)], None, NOW)
    migrating = await change(database, TWO, Policy.MIGRATE)

    back = await change(database, ONE, Policy.FOLLOW, rollback=True)

    assert back.stopped == (migrating.operation,)
    assert (await operations.get(database, migrating.operation)).status == "cancelled"
    assert await decides_with(database, TWO) == first == await decides_with(database, ONE)
    assert await playbook_changes.before(database, "plain", first) is None


async def test_a_migration_is_taken_back_by_the_rollback_and_by_nothing_else(database: Database):
    first = await applied(database, length_limit="400d")
    lead = await enrolled(database)
    async with database.pool.acquire() as connection, connection.transaction():
        await enrolment.enrol(connection, [lead], None, NOW)
    state = await record(database, JourneyState.begin(lead, 1, first, NOW))
    id_ = (await change(database, TWO, Policy.MIGRATE)).operation
    state = await record(database, state, changes={"playbook": TWO.content_hash()})
    done = Fate(lead=lead, outcome=Outcome.DONE, cycle=1, before=1, after=2)
    await PgOperations(database).settle(id_, [done], NOW, NOW)
    await PgOperations(database).finish(id_, NOW)
    migration = await operations.get(database, id_)

    assert "playbook rollback plain --policy migrate" in await undoing.why_not(database, migration)
    await change(database, ONE, Policy.PIN, rollback=True)
    assert (await undoing.undo_of(database, migration)).given == {lead: {"playbook": first}}
    await record(database, state, changes={"playbook": first})
    assert "is taken back" in await undoing.why_not(database, migration)


async def test_a_journey_goes_back_to_the_version_that_decided_last_and_not_to_one_that_a_reset_superseded(
    database: Database,
):
    first = await applied(database, length_limit="400d")
    lead = await enrolled(database)
    async with database.pool.acquire() as connection, connection.transaction():
        await enrolment.enrol(connection, [lead], None, NOW)
    begun = JourneyState.begin(lead, 1, first, NOW)
    await record(database, begun)
    for document in (TWO, THREE):
        await change(database, document, Policy.PIN)
    state = await record(database, begun, changes={"playbook": TWO.content_hash()})  # as after a reset
    async with database.pool.acquire() as connection, connection.transaction():
        request = OperationRequest(playbook=THREE.content_hash())
        id_ = await operations.create(
            connection, kind=OperationKind.MIGRATE, by="ann", now=NOW, request=request, leads=[lead]
        )
    await record(database, state, changes={"playbook": THREE.content_hash()})
    done = Fate(lead=lead, outcome=Outcome.DONE, cycle=1, before=1, after=2)
    await PgOperations(database).settle(id_, [done], NOW, NOW)
    await PgOperations(database).finish(id_, NOW)

    back = await undoing.undo_of(database, await operations.get(database, id_))

    assert back.given == {lead: {"playbook": TWO.content_hash()}}


async def test_nobody_goes_on_to_a_version_that_was_taken_back(database: Database):
    for document in (ONE, TWO, THREE):
        await change(database, document, Policy.FOLLOW)

    await change(database, TWO, Policy.PIN, rollback=True)

    assert await decides_with(database, ONE) == ONE.content_hash()
    assert await decides_with(database, TWO) == TWO.content_hash()


async def test_changes_are_kept_with_who_when_and_why(database: Database):
    await change(database, ONE, None)
    await change(database, TWO, Policy.PIN, reason="longer")
    again = await change(database, TWO, Policy.FOLLOW)

    newest, first = await playbook_changes.history(database, "plain")
    listed = await playbook_versions.versions(database, "plain")

    assert again is None
    assert (newest["from_hash"], newest["to_hash"], newest["policy"]) == (ONE.content_hash(), TWO.content_hash(), "pin")
    assert (newest["by"], newest["reason"], newest["at"], first["from_hash"]) == ("ann", "longer", NOW, None)
    assert [(row["hash"], row["in_force"]) for row in listed] == [
        (TWO.content_hash(), True),
        (ONE.content_hash(), False),
    ]
    logged = await database.pool.fetch("select action, subject, detail from operator_action order by id")
    assert [row["action"] for row in logged] == ["playbook_applied", "playbook_applied"]
    assert logged[1]["detail"]["reason"] == "longer"


async def test_of_two_that_prepared_a_change_at_once_one_wins_whole(database: Database):
    await change(database, ONE, None)
    asked = Asked(by="ann", replacing=ONE.content_hash(), policy=Policy.FOLLOW)

    done = await asyncio.gather(
        put_in_force(database, TWO, asked, NOW), put_in_force(database, THREE, asked, NOW), return_exceptions=True
    )

    (lost,) = [one for one in done if isinstance(one, Refused)]
    (won,) = [one for one in done if isinstance(one, Change)]
    assert "was put in force meanwhile" in str(lost)
    assert await playbooks.active(database) == ("plain", won.to_hash)
    assert await database.pool.fetchval("select count(*) from playbook_version") == 2
    assert await decides_with(database, ONE) == won.to_hash


@pytest.mark.parametrize("where", ["playbook_change", "operation", "operator_action"])
async def test_whatever_breaks_in_the_middle_nothing_is_half_in_force(database: Database, where: str):
    await applied(database, length_limit="400d")
    async with database.pool.acquire() as connection, connection.transaction():
        await enrolment.enrol(connection, [await enrolled(database)], None, NOW)
    await database.pool.execute(
        "create function break() returns trigger as $$ begin "
        "perform pg_terminate_backend(pg_backend_pid()); return new; end $$ language plpgsql"
    )
    await database.pool.execute(f"create trigger break before insert on {where} for each row execute function break()")

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
        await change(database, TWO, Policy.MIGRATE)

    assert await playbooks.active(database) == ("plain", ONE.content_hash())
    assert await decides_with(database, ONE) == ONE.content_hash()
    assert (
        await database.pool.fetchval("select (select count(*) from operation) + (select count(*) from operation_lead)")
        == 0
    )
    assert await database.pool.fetchval("select count(*) from playbook_version") == 1


async def test_a_version_is_found_by_the_beginning_of_its_hash(database: Database):
    await change(database, ONE, None)
    await change(database, TWO, None)

    assert await playbook_versions.by_prefix(database, TWO.content_hash()[:8]) == TWO.content_hash()
    with pytest.raises(NotFound, match="There is no version of plain zzzz"):
        await playbook_versions.by_prefix(database, "zzzz", "plain")
    with pytest.raises(NotFound, match="Several versions begin with"):
        await playbook_versions.by_prefix(database, "")


async def test_journeys_stand_where_their_last_decision_left_them(database: Database):
    first = await applied(database)
    leads = [await enrolled(database, f"lead{number}@acme.example") for number in range(5)]
    async with database.pool.acquire() as connection, connection.transaction():
        await enrolment.enrol(connection, leads, None, NOW)

    drawn = await some(database, "plain", 3, seed=1)
    stand = [one async for one in standing(database, drawn, NOW + timedelta(hours=1))]

    assert (await in_flight(database, "plain")).versions == {first: 5}
    assert len(stand) == 3
    assert drawn == await some(database, "plain", 3, seed=1)
    assert {one.wakes for one in stand} == {NOW + timedelta(hours=1)}
    assert {one.state.playbook for one in stand} == {first}
