"""One command's connection to the deployment: found, opened, and its failures in words."""

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import structlog

from cli.settings import read_settings
from domain.clock import ScaledClock, pace
from domain.errors import Refused
from runtime.embedded.where import located
from storage import deployment
from storage.database import Database
from storage.schema import require_fitting

T = TypeVar("T")
#: What the driver raises when the server goes away, stops or starts anew.
_LOST = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
)


@dataclass(frozen=True)
class Session:
    """The database and the deployment's clock."""

    database: Database
    clock: ScaledClock

    @property
    def now(self) -> datetime:
        """Deployment time."""
        return self.clock.from_real(datetime.now(UTC))

    @property
    def time_note(self) -> str:
        """What must be said beside times when the clock is not the real one; "" when it is."""
        if self.clock == ScaledClock():
            return ""
        return f"Times are the deployment's: now {self.now:%Y-%m-%d %H:%M} UTC, {pace(self.clock.scale)}."


@asynccontextmanager
async def session() -> AsyncIterator[Session]:
    """Connected to the database that the settings name, or to that of ``tendril up`` in the data directory.

    Raises ``Refused``: nothing to connect to, can't be reached, no tables yet, or lost on the way.
    """
    _log_aside()
    url = located(read_settings()).database_url
    try:
        database = await Database.connect(url, max_size=4)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Refused(
            f"The database {_named(url)} can't be reached: {str(error) or type(error).__name__}.",
            "See that it runs and that TENDRIL_DATABASE_URL is right.",
        ) from error
    try:
        await require_fitting(database.pool)
        yield Session(database, await deployment.clock(database))
    except asyncpg.UndefinedTableError as error:
        raise Refused(f"The database {_named(url)} has no tables of Tendril's.", "Run `tendril migrate`.") from error
    except _LOST as lost:
        raise Refused(
            f"The database {_named(url)} went away.", "When it is back, run the same command again."
        ) from lost
    finally:
        await database.close()


def run(command: Coroutine[Any, Any, T]) -> T:
    """Run a command to its end."""
    return asyncio.run(command)


def _named(url: str) -> str:
    """The database without user and password."""
    parts = urlsplit(url)
    host = parts.hostname or "on a local socket"
    return f"{parts.path.lstrip('/') or '(default)'} {'at ' if parts.hostname else ''}{host}"


def _log_aside() -> None:
    """What is logged on the way goes to standard error: standard output is the answer, which programs read (--json)."""
    if not structlog.is_configured():
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
