"""Bringing a database to this version's schema. Alembic is configured in code: there is no ini file.

Older builds work on the same database meanwhile (``storage.schema``). So each migration is a transaction of its own,
and none waits long for a lock: whatever came after it for the same table would wait behind it. A migration that does
not get its lock within seconds is put off and tried again, and the work of others goes on in between.
"""

import asyncio
import threading

import asyncpg
import structlog
from alembic import command
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from domain.errors import Refused
from storage.database import plain_url
from storage.schema import DatabaseTooNew, configuration, known, refuse_newer

__all__ = ["DatabaseTooNew", "configuration", "upgrade"]

#: Processes that start together take turns: the lock's number means nothing but "migrating Tendril".
_TURN = 7_346_201
#: How long a migration may hold others up while it waits for a table, and how often it tries.
LOCK_SECONDS, _ATTEMPTS, _PAUSE_SECONDS = 3, 20, 2.0
_LOOK_SECONDS = 0.2
_log = structlog.get_logger("tendril.migrate")


def upgrade(url: str) -> None:
    """Apply every migration that the database lacks. May be called with or without a running loop.

    A database that is newer and works with this build is left as it is. Raises ``DatabaseTooNew``; ``Refused`` when a
    table stays locked; ``OSError`` or the driver's errors when there is no database.
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
    # Through the driver itself: it reads what SQLAlchemy's own reading of a URL does not, such as sslmode.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(plain_url(url)), poolclass=NullPool
    )
    try:
        async with engine.connect() as connection:
            await _take_turn(connection)
            await connection.execute(text(f"set lock_timeout = '{LOCK_SECONDS}s'"))
            await connection.commit()
            await _patiently(connection)
    finally:
        await engine.dispose()


async def _take_turn(connection: AsyncConnection) -> None:
    """The lock that is held until the connection closes.

    Asked for again and again, with nothing open in between: an index that is built concurrently waits for every
    statement that is under way, and one that waited for this lock would wait for that index.
    """
    while not await connection.scalar(text(f"select pg_try_advisory_lock({_TURN})")):
        await connection.rollback()
        await asyncio.sleep(_LOOK_SECONDS)


async def _patiently(connection: AsyncConnection) -> None:
    for _ in range(_ATTEMPTS):
        try:
            await connection.run_sync(_migrate)
        except DBAPIError as error:
            if not isinstance(getattr(error.orig, "__cause__", None), asyncpg.LockNotAvailableError):
                raise
            await connection.rollback()
            _log.warning("a migration waits for a table that others hold; it is tried again")
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return
    raise Refused(
        "A migration did not get its lock on a table: something holds that table for minutes.",
        "Find it with `select pid, xact_start, query from pg_stat_activity order by xact_start`, then migrate again;"
        " what was applied stays.",
    )


def _migrate(connection: Connection) -> None:
    found = set(MigrationContext.configure(connection).get_current_heads())
    refuse_newer(found, _floor(connection))
    connection.rollback()  # a look leaves a transaction open, and Alembic would take it for all of its migrations
    if found <= known():
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _floor(connection: Connection) -> str | None:
    there = connection.scalar(text("select to_regclass('schema_floor')"))
    return connection.scalar(text("select revision from schema_floor")) if there else None
