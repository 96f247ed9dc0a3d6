"""What the audit reads of the database. Judging it is ``domain.auditing``'s; what it found, ``storage.audit_results``.

Nothing here waits for anybody: plain reads, each of one statement, at whatever moment they come.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from domain.auditing import Finding, Record
from domain.drift import Drift, Repair
from domain.ports import Clock
from storage.audit_sql import KNOWN, OTHERS, RECORDS_FROM, RECORDS_OF
from storage.database import Connection, Database
from storage.enrolment import wake_running

#: Leads in a page. At 100,000 leads a page takes some 30 ms.
PAGE = 5000
_TIMES = ("started_at", "decided_at", "ended_at", "next_wake_at", "unread_since")


async def count(db: Database) -> int:
    """How many leads have, or had, a journey."""
    number: int = await db.pool.fetchval("select count(*) from journey where cycle = 1")
    return number


async def records(db: Database, clock: Clock, page: int = PAGE) -> AsyncIterator[list[Record]]:
    """Every lead's latest journey, by lead, page by page."""
    after = ""
    while rows := await db.pool.fetch(RECORDS_FROM, after, page):
        after = rows[-1]["lead_id"]
        yield [_record(row, clock) for row in rows]


async def records_of(connection: Connection, clock: Clock, leads: Sequence[str]) -> dict[str, Record]:
    """The latest journeys of these leads; those without one are left out."""
    rows = await connection.fetch(RECORDS_OF, list(leads))
    return {row["lead_id"]: _record(row, clock) for row in rows}


async def known(connection: Connection, leads: Sequence[str]) -> set[str]:
    """Those of the ids that are leads."""
    return {row["id"] for row in await connection.fetch(KNOWN, list(leads))}


async def others(db: Database, clock: Clock, real_now: datetime) -> list[Finding]:
    """What is wrong with touches, handoffs, lists, imports, erasures, and what vendors and clients told."""
    found = []
    for drift, look in OTHERS.items():
        before = real_now - look.patience
        rows = await db.pool.fetch(look.sql, before if look.wall_clock else clock.from_real(before))
        found += [_finding(drift, row, clock, wall_clock=look.wall_clock) for row in rows]
    return found


async def wake(db: Database, leads: Sequence[str]) -> None:
    """Let the relay tell these journeys, or start or bring back what does not run."""
    for begin in range(0, len(leads), PAGE):
        async with db.pool.acquire() as connection:
            await wake_running(connection, leads[begin : begin + PAGE], Repair.WAKE)


def _record(row: Any, clock: Clock) -> Record:
    times = {name: clock.to_real(row[name]) for name in _TIMES if row[name] is not None}
    return Record(
        lead=row["lead_id"],
        cycle=row["cycle"],
        number=row["decision_number"],
        shown=(row["status"], row["stage"], row["segment"], row["phase"]),
        paused=row["paused"],
        wake_since=row["wake_since"],
        wake_attempts=row["wake_attempts"] or 0,
        open_cycles=row["open_cycles"],
        playbook=row["playbook_hash"],
        playbook_known=row["playbook_known"],
        **times,
    )


def _finding(drift: Drift, row: Any, clock: Clock, *, wall_clock: bool) -> Finding:
    since = row["since"] if wall_clock or row["since"] is None else clock.to_real(row["since"])
    return Finding(drift, row["subject"], row["lead"], since, row["detail"])
