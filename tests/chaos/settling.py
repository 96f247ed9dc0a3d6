"""After the storm: everything is mended, and it is waited until nothing is left to catch up with."""

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic

from tests.chaos.scene import Scene

#: So late a journey's own time may be (real seconds) before it counts as outstanding: a busy machine is a little late.
LATE = 20.0
_OUTSTANDING = """
select
    (select count(*) from pending_wake) as wakes,
    (select count(*) from journey where ended_at is null and decision_number = 0) as "not begun",
    (select count(*) from journey j join lead l on l.id = j.lead_id
        where j.ended_at is null and j.cursor < l.inbox_position) as "behind their inbox",
    (select count(*) from journey where ended_at is null and paused_since is null and next_wake_at < $1) as overdue,
    (select count(*) from touch where status = 'claimed') as claimed,
    (select count(*) from touch t join journey j using (lead_id, cycle)
        where t.status = 'planned' and j.ended_at is null and j.paused_since is null) as planned,
    (select count(*) from operation where status = 'running') as operations,
    (select count(*) from crm_record where pushed_version < version and refused_version < version)
        as "behind in the CRM",
    (select count(*) from network_member where pushed_version < version and refused_version < version)
        as "behind in an audience"
"""


async def outstanding(scene: Scene, *, planned: bool) -> dict[str, int]:
    """What is not done yet, by name; empty when all is. ``planned``: also touches that wait to be sent."""
    late = scene.clock.from_real(datetime.now(UTC) - timedelta(seconds=LATE))
    row = await scene.database.pool.fetchrow(_OUTSTANDING, late)
    return {name: number for name, number in row.items() if number and (planned or name != "planned")}


async def caught_up(scene: Scene, within: float, *, planned: bool) -> dict[str, int]:
    """Wait until nothing is outstanding, for so many seconds at most; what is left then."""
    deadline, left = monotonic() + within, dict[str, int]()
    while monotonic() < deadline:
        left = await outstanding(scene, planned=planned)
        if not left:
            return {}
        await asyncio.sleep(0.25)
    return left


async def settle(scene: Scene, within: float) -> dict[str, int]:
    """Mend everything, let it catch up at full speed, then slow the clock down so that nothing new falls due, and let
    it catch up with that. What was outstanding at the end; empty when all came to rest.
    """
    scene.heal()
    await scene.healthy()
    await scene.sandbox.delete("/_faults")
    left = await caught_up(scene, within, planned=False)
    await scene.slow_down()
    return left or await caught_up(scene, within, planned=True)
