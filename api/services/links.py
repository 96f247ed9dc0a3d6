"""A link of a mail was followed, or its picture fetched: into the inbox, without keeping anyone waiting."""

import asyncio
from datetime import UTC, datetime

import structlog
from fastapi import Request

from api.about import note_touch
from api.context import ApiContext
from api.problems import DATABASE_AWAY
from domain.trust import PURPOSES, Visit
from storage.trust import Sight, record

_log = structlog.get_logger("tendril.links")
#: Seconds that somebody who follows a link waits at most for its being stored: the page they want matters more.
_PATIENCE = 2.0


async def note(context: ApiContext, request: Request, sight: Sight) -> None:
    """Store what was seen. With the database away it is lost, and the log says so: nobody else could send it again."""
    note_touch(sight.touch)
    try:
        async with asyncio.timeout(_PATIENCE):
            await record(context.database, sight, _visit(request), context.clock, context.settings.scanners)
    except DATABASE_AWAY as error:  # TimeoutError is an OSError
        _log.warning("not_stored", kind=sight.kind.value, error=type(error).__name__)


def _visit(request: Request) -> Visit:
    return Visit(
        at=datetime.now(UTC),
        agent=request.headers.get("user-agent", ""),
        address=request.client.host if request.client else "",
        purpose=" ".join(request.headers.get(name, "") for name in PURPOSES).strip(),
    )
