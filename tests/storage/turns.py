"""Holding the turns that a claim and whoever forbids contact share, and seeing who waits for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from storage.database import Connection, Database
from storage.ledger_sql import LOCK


@asynccontextmanager
async def transaction(database: Database) -> AsyncIterator[Connection]:
    async with database.pool.acquire() as connection, connection.transaction():
        yield connection


@asynccontextmanager
async def claiming(database: Database, key: str) -> AsyncIterator[None]:
    """A claim that has taken its turns and not ended."""
    async with transaction(database) as connection:
        await connection.fetchrow(LOCK, key)
        yield


async def someone_waits(database: Database, turn: str = "advisory") -> None:
    """Until a transaction of this database waits for a turn, or, with ``transactionid``, for a row."""
    waiting = (
        "select count(*) from pg_locks join pg_stat_activity using (pid)"
        " where locktype = $1 and not granted and datname = current_database()"
    )
    async with asyncio.timeout(20):
        while not await database.pool.fetchval(waiting, turn):  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.01)
