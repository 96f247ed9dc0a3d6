"""Leads given to sales, as they stand."""

from typing import Any

from domain.errors import NotFound
from storage.briefs import BRIEF
from storage.database import Database
from storage.tables import Handoff

_HANDOFF = f"select h.*, {BRIEF} as told from handoff h"  # noqa: S608 - a constant of ours


async def get(db: Database, handoff_id: str) -> Handoff:
    """The handoff of that id. Raises ``NotFound``."""
    row = await db.pool.fetchrow(f"{_HANDOFF} where id = $1", handoff_id)
    if row is None:
        raise NotFound(f"There is no handoff {handoff_id}.", "The lead's journey shows its handoffs.")
    return _handoff(row)


async def list_handoffs(db: Database, *, status: str | None = None, limit: int = 50) -> tuple[list[Handoff], int]:
    """The newest handoffs, of one status or all, and how many there are."""
    total: int = await db.pool.fetchval("select count(*) from handoff where $1::text is null or status = $1", status)
    rows = await db.pool.fetch(
        f"{_HANDOFF} where $1::text is null or status = $1 order by opened_at desc, id limit $2",
        status,
        limit,
    )
    return [_handoff(row) for row in rows], total


def _handoff(row: Any) -> Handoff:
    columns = dict(row)
    return Handoff(**columns | {"brief": columns.pop("told")})
