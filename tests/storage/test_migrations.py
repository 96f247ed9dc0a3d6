"""Migrations make exactly what the models say, once, and refuse what they do not know."""

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from storage import tables
from storage.database import Database
from storage.migrate import DatabaseTooNew, upgrade


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
    upgrade(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetchval("select count(*) from alembic_version") == 1
    await connection.close()


async def test_newer_database_is_refused_and_left_alone(database: Database):
    await database.pool.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(DatabaseTooNew, match="9999"):
        upgrade(database.url)
    assert await database.pool.fetchval("select version_num from alembic_version") == "9999"


async def test_json_crosses_whole(database: Database):
    value = {"text": "naïve \x00 NUL", "list": [1, 2.5, None, True], "nan": float("nan")}
    back = await database.pool.fetchval("select $1::jsonb", value)
    assert back == {"text": "naïve \ufffd NUL", "list": [1, 2.5, None, True], "nan": None}
