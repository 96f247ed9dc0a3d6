"""Bringing a database to this version's schema. Alembic is configured here, in code: there is no ini file."""

import asyncio
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from domain.errors import Refused
from storage.database import plain_url

#: Processes that start together take turns: the lock's number means nothing but "migrating Tendril".
_TURN = 7_346_201


class DatabaseTooNew(Refused):
    """The database was migrated by a newer Tendril, or is not Tendril's."""


def configuration() -> Config:
    """Alembic's configuration: where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def upgrade(url: str) -> None:
    """Apply every migration that the database lacks, in one transaction. May be called with or without a running loop.

    Raises ``DatabaseTooNew``; ``OSError`` or the driver's errors when there is no database.
    """
    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_upgrade(url))
        except BaseException as error:  # noqa: BLE001 - carried to the calling thread and raised there
            failures.append(error)

    thread = threading.Thread(target=run, name="migrate")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


async def _upgrade(url: str) -> None:
    engine = create_async_engine(
        plain_url(url).replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"select pg_advisory_xact_lock({_TURN})"))
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


def _migrate(connection: Connection) -> None:
    config = configuration()
    _refuse_unknown(connection, ScriptDirectory.from_config(config))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_unknown(connection: Connection, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    unknown = [head for head in MigrationContext.configure(connection).get_current_heads() if head not in known]
    if unknown:
        raise DatabaseTooNew(
            f"The database's schema is at {unknown[0]}, which this version of Tendril does not know.",
            "Start the newer Tendril that made it, or point TENDRIL_DATABASE_URL at another database.",
        )
