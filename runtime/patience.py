"""What a process needs and may not be there yet is waited for, however the parts of a deployment start."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import structlog
from temporalio.service import RPCError

_PATIENCE = 5.0  # most seconds between two attempts to reach something that is down
_T = TypeVar("_T")
_log = structlog.get_logger("tendril.start")


async def patiently(attempt: Callable[[], Awaitable[_T]], what: str) -> _T:
    """Try until it answers, saying what is waited for. What only a person can mend is raised at once."""
    wait = 0.2
    while True:
        try:
            return await attempt()
        except (
            OSError,
            RuntimeError,
            RPCError,
            asyncpg.CannotConnectNowError,
            asyncpg.TooManyConnectionsError,
            asyncpg.PostgresConnectionError,
            asyncpg.InternalClientError,
            asyncpg.InterfaceError,
        ) as error:
            _log.warning(
                f"waiting for {what}", error=str(error).splitlines()[0] if str(error) else type(error).__name__
            )
        await asyncio.sleep(wait)
        wait = min(wait * 2, _PATIENCE)
