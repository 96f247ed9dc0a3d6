"""What every process of a deployment shares: its clock."""

from datetime import datetime
from typing import Any

from domain.clock import ScaledClock
from storage.database import Connection, Database


async def clock(db: Database) -> ScaledClock:
    """The deployment's clock; real time until someone sets it."""
    return _read(await db.pool.fetchrow("select * from deployment where id = 1"))


async def set_clock(db: Database, scale: float, real: datetime) -> ScaledClock:
    """From the real instant ``real`` on, let time pass ``scale`` times as fast. Deployment time never jumps."""
    async with db.pool.acquire() as connection, connection.transaction():
        await connection.execute("insert into deployment (id) values (1) on conflict do nothing")
        return await _rescale(connection, scale, real)


async def anchor_clock(db: Database, clock: ScaledClock) -> None:
    """Put ``clock`` in force as it is. For a start that goes on from where deployment time stopped; time may jump."""
    await db.pool.execute(
        "insert into deployment (id, clock_scale, clock_real_anchor, clock_virtual_anchor) values (1, $1, $2, $3)"
        " on conflict (id) do update set clock_scale = $1, clock_real_anchor = $2, clock_virtual_anchor = $3",
        clock.scale,
        clock.real_anchor,
        clock.virtual_anchor,
    )


async def _rescale(connection: Connection, scale: float, real: datetime) -> ScaledClock:
    before = _read(await connection.fetchrow("select * from deployment where id = 1 for update"))
    if before.scale == scale:
        return before
    after = ScaledClock(scale=scale, real_anchor=real, virtual_anchor=before.from_real(real))
    await connection.execute(
        "update deployment set clock_scale = $1, clock_real_anchor = $2, clock_virtual_anchor = $3 where id = 1",
        after.scale,
        after.real_anchor,
        after.virtual_anchor,
    )
    return after


def _read(row: Any) -> ScaledClock:
    if row is None or row["clock_real_anchor"] is None:
        return ScaledClock()
    return ScaledClock(row["clock_scale"], row["clock_real_anchor"], row["clock_virtual_anchor"])
