"""Migrations make exactly what the models say, once, and refuse what they do not know."""

import asyncio

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from storage import migrate, tables
from storage.database import Database
from storage.migrate import upgrade
from storage.schema import DatabaseTooNew, DatabaseTooOld, configuration, require_fitting


def _differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata))


async def test_migrated_database_has_what_the_models_say(database_url: str):
    engine = create_async_engine(database_url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()
    assert tables.Lead.__tablename__ == "lead"


async def test_upgrading_twice_changes_nothing(empty_database_url: str):
    upgrade(empty_database_url)
    upgrade(empty_database_url + "&sslmode=prefer")  # as databases elsewhere are named
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetchval("select count(*) from alembic_version") == 1
    await connection.close()


async def test_processes_that_start_together_take_turns(empty_database_url: str):
    await asyncio.gather(*(asyncio.to_thread(upgrade, empty_database_url) for _ in range(3)))

    connection = await asyncpg.connect(empty_database_url)
    await require_fitting(connection)
    await connection.close()


async def test_a_database_one_migration_newer_is_worked_on_and_left_alone(database: Database):
    await database.pool.execute("update alembic_version set version_num = '9999'")

    upgrade(database.url)
    await require_fitting(database.pool)

    assert await database.pool.fetchval("select version_num from alembic_version") == "9999"


async def test_a_database_that_says_older_builds_no_longer_work_is_refused(database: Database):
    await database.pool.execute("update alembic_version set version_num = '9999'")
    await database.pool.execute("update schema_floor set revision = '9998'")

    with pytest.raises(DatabaseTooNew, match="at 9999 and works with builds from 9998 on"):
        upgrade(database.url)
    with pytest.raises(DatabaseTooNew, match="from 9998 on"):
        await require_fitting(database.pool)


async def test_a_database_of_somebody_elses_is_refused(database: Database):
    await database.pool.execute("update alembic_version set version_num = 'a1b2c3'")
    with pytest.raises(DatabaseTooNew, match="no build of Tendril's"):
        await require_fitting(database.pool)


async def test_a_database_that_lacks_migrations_says_what_to_run(database: Database, empty_database_url: str):
    await database.pool.execute("update alembic_version set version_num = '0016'")
    with pytest.raises(DatabaseTooOld, match=r"at 0016; this build needs 00") as refused:
        await require_fitting(database.pool)
    assert "tendril migrate" in refused.value.remedy

    connection = await asyncpg.connect(empty_database_url)
    with pytest.raises(DatabaseTooOld, match="no tables"):
        await require_fitting(connection)
    await connection.close()


async def test_a_migration_waits_for_a_table_without_holding_others_up(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(migrate, "_PAUSE_SECONDS", 0.05)
    await migrate_to(empty_database_url, "0022")
    busy, reader = await asyncpg.connect(empty_database_url), await asyncpg.connect(empty_database_url)
    await busy.execute("begin")
    await busy.execute("select * from api_key")

    migrating = asyncio.create_task(asyncio.to_thread(upgrade, empty_database_url))
    for _ in range(20):
        await reader.fetch("select * from api_key", timeout=30)
        await asyncio.sleep(0.01)
    assert not migrating.done()
    await busy.execute("rollback")
    await migrating

    assert await reader.fetchval("select version_num from alembic_version") >= "0023"
    await busy.close()
    await reader.close()


async def migrate_to(url: str, revision: str) -> None:
    """As an older build left it."""
    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: _run(sync, revision))
    await engine.dispose()


def _run(connection: Connection, revision: str) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def test_json_crosses_whole(database: Database):
    value = {"text": "naïve \x00 NUL", "list": [1, 2.5, None, True], "nan": float("nan")}
    back = await database.pool.fetchval("select $1::jsonb", value)
    assert back == {"text": "naïve \ufffd NUL", "list": [1, 2.5, None, True], "nan": None}
