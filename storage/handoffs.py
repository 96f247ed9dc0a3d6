"""Leads given to sales, as they stand."""

from domain.errors import NotFound
from storage.database import Database
from storage.tables import Handoff


async def get(db: Database, handoff_id: str) -> Handoff:
    """The handoff of that id. Raises ``NotFound``."""
    row = await db.pool.fetchrow("select * from handoff where id = $1", handoff_id)
    if row is None:
        raise NotFound(f"There is no handoff {handoff_id}.", "The lead's journey shows its handoffs.")
    return Handoff(**dict(row))


async def list_handoffs(db: Database, *, status: str | None = None, limit: int = 50) -> tuple[list[Handoff], int]:
    """The newest handoffs, of one status or all, and how many there are."""
    total: int = await db.pool.fetchval("select count(*) from handoff where $1::text is null or status = $1", status)
    rows = await db.pool.fetch(
        "select * from handoff where $1::text is null or status = $1 order by opened_at desc, id limit $2",
        status,
        limit,
    )
    return [Handoff(**dict(row)) for row in rows], total
