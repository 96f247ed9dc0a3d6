"""The connection pool, and how JSON crosses it.

Every query of this package is plain SQL on an asyncpg pool: the hot paths are counted in round trips.
"""

import asyncio
from typing import Annotated, Any, Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from pydantic import AfterValidator
from pydantic_core import from_json, to_json

#: A connection or the pool: what a single statement may run on.
Connection = Any

#: Text from outside: PostgreSQL's holds anything but U+0000, which becomes U+FFFD.
Text = Annotated[str, AfterValidator(lambda value: value.replace("\x00", "\ufffd"))]


class Database:
    """A pool of connections to one PostgreSQL database. ``jsonb`` is dict or list on the Python side, times are UTC."""

    def __init__(self, url: str, pool: Any) -> None:
        self.url = url
        self.pool = pool
        #: Held by whoever reads all that is kept raw (``storage.export``), before a connection: one at a time.
        self.searching = asyncio.Lock()

    @classmethod
    async def connect(cls, url: str, *, max_size: int = 10) -> Self:
        """Open a pool on ``postgresql://…`` (a unix socket directory goes into ``?host=``).

        Raises ``OSError`` or ``asyncpg.PostgresError`` when the server can't be reached or refuses.
        """
        pool = await asyncpg.create_pool(
            plain_url(url),
            min_size=1,
            max_size=max_size,
            init=_prepare,
            reset=_nothing_to_reset,
            server_settings={"timezone": "UTC", "application_name": "tendril", "jit": "off"},
        )
        return cls(url, pool)

    async def close(self) -> None:
        """Close the pool; connections still busy after ten seconds are cut."""
        try:
            await asyncio.wait_for(self.pool.close(), 10)
        except TimeoutError:
            self.pool.terminate()


def plain_url(url: str) -> str:
    """The URL without SQLAlchemy's driver suffix (``postgresql+asyncpg://`` → ``postgresql://``)."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme=parts.scheme.partition("+")[0]))


def json_text(value: Any) -> str:
    """JSON that ``jsonb`` takes: NaN and infinity become null, and U+0000, which it refuses, becomes U+FFFD."""
    text = to_json(value, inf_nan_mode="null").decode()
    return text.replace("\\u0000", "\\ufffd") if "\\u0000" in text else text


async def _nothing_to_reset(_: Any) -> None:
    """Nobody changes a session here (locks end with their transaction), so a release needs no round trip of its own."""


async def _prepare(connection: Any) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json_text, decoder=from_json)
