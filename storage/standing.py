"""Writing back what a workflow's history remembers and this database has forgotten (``domain.standing``).

The lead's row is held meanwhile, so that no behaviour comes in between. Only what is missing is written, and only what
is open in the ledger is settled: where nothing was forgotten, nothing changes.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from domain.auditing import Finding
from domain.drift import Drift
from domain.errors import NotFound
from domain.facts import Standing
from domain.mail import name_of
from domain.ports import Clock
from domain.remembering import FORBIDDING, Carried, Decided, HandoffSeen, Memory, handoffs, readable
from domain.state import JourneyState
from domain.words import Channel, TouchStatus
from storage import audit_results
from storage import standing_sql as sql
from storage.database import Connection, Database

#: As long as any lease is: a claim of so long before asks its vendor from then on.
_LONGEST_LEASE = timedelta(seconds=25)
#: A touch that may have left, under a mail's name by which replies to it are known.
_LEFT = frozenset({TouchStatus.SENT, TouchStatus.CLAIMED, TouchStatus.UNKNOWN})


async def stand(db: Database, lead: str, cycle: int, number: int) -> tuple[Standing, JourneyState] | None:
    """Where the journey stands, seen from its decision ``number``, and its recorded state; None before there is one."""
    row = await db.pool.fetchrow(sql.STAND, lead, cycle, number + 1)
    if row is None or row["state"] is None:
        return None
    standing = Standing(number=row["number"], next_run=row["next_run"], commanded=row["commanded"])
    return standing, JourneyState.model_validate(row["state"])


async def recall(db: Database, lead: str, memory: Memory, clock: Clock) -> bool:
    """Write back what is missing. True when something was. Raises ``NotFound`` when there is no such lead."""
    async with db.pool.acquire() as connection, connection.transaction():
        owner = await connection.fetchrow(sql.HOLD, lead)
        if owner is None:
            raise NotFound(f"There is no lead {lead}.", "It came after the backup that was restored: send it again.")
        changed = False
        for cycle in memory.cycles:
            changed |= await _journey(connection, owner, memory.of(cycle), clock)
        return bool(await _touches(connection, owner, memory.touches)) or changed


async def _journey(connection: Connection, owner: Any, decisions: Sequence[Decided], clock: Clock) -> bool:
    lead, begun = owner["id"], decisions[0].state
    row = await connection.fetchrow(sql.JOURNEY, lead, begun.cycle)
    number, former = (row["decision_number"], row["cursor"]) if row else (0, 0)
    forgotten = [one for one in decisions if one.state.number > number]
    if not forgotten:
        return False
    if row is None:
        await connection.execute(sql.BEGIN, lead, begun.cycle, begun.playbook, begun.started)
    cursor = await _cursor(connection, owner, former, decisions)
    last = forgotten[-1]
    read = last.state.cursor
    forgotten[-1] = _with_cursor(last, cursor)
    before = JourneyState.model_validate(row["state"]) if row and row["state"] else None
    await _decisions(connection, lead, forgotten)
    await _handoffs(connection, lead, handoffs(before, forgotten), begun.cycle)
    await _ending(connection, owner, last)
    await audit_results.tell(connection, _told(lead, forgotten, cursor, read, clock))
    return True


async def _cursor(connection: Connection, owner: Any, after: int, decisions: Sequence[Decided]) -> int:
    rows = await connection.fetch(sql.BEHAVIOUR, owner["id"], after)
    behaviour = [(row["position"], row["received_at"]) for row in rows]
    return readable(decisions, behaviour, owner["inbox_position"])


def _with_cursor(one: Decided, cursor: int) -> Decided:
    state = one.state.model_copy(update={"cursor": cursor})
    return Decided(one.at, state, one.title, one.run, one.why, one.wake_at, one.cause)


async def _decisions(connection: Connection, lead: str, forgotten: Sequence[Decided]) -> None:
    for one in forgotten:
        reason = {"rule": "restored", "text": f"written back from the workflow's history: {one.why or one.title}"}
        about = (lead, one.state.cycle, one.state.number, one.at, one.title, one.state.model_dump(mode="json"))
        await connection.execute(sql.DECISION, *about, [reason], one.wake_at, one.cause, one.run)
    last, state = forgotten[-1], forgotten[-1].state
    await connection.execute(
        sql.STANDS,
        lead,
        state.cycle,
        state.number,
        state.status,
        state.phase,
        state.stage,
        state.segment,
        state.cursor,
        last.wake_at,
        last.cause,
        last.title,
        state.paused_since,
        last.at,
        state.ending or "",
        state.ending_reason,
        state.playbook,
    )


async def _handoffs(connection: Connection, lead: str, seen: Sequence[HandoffSeen], cycle: int) -> None:
    for one in seen:
        await connection.execute(
            sql.HANDOFF,
            one.id,
            lead,
            cycle,
            one.number,
            one.outcome or "open",
            one.reason,
            one.opened,
            one.sla_at,
            one.resolved_at,
            one.resolved,
        )


async def _ending(connection: Connection, owner: Any, last: Decided) -> None:
    """Whoever's journey has ended leaves every list, and who wanted no more mail is written to no more."""
    if not last.state.ended:
        return
    await connection.execute(sql.LEAVE, owner["id"], last.at, last.state.status)
    if last.state.ending in FORBIDDING and owner["email"]:
        await connection.execute(sql.SUPPRESS, owner["email"], last.state.ending, owner["id"], last.at)


async def _touches(connection: Connection, owner: Any, touches: Sequence[Carried]) -> int:
    written = 0
    for one in touches:
        touch = one.touch
        mail = touch.channel is Channel.EMAIL and one.status in _LEFT
        written += await connection.fetchval(
            sql.TOUCH,
            touch.key,
            owner["id"],
            owner["account_id"],
            one.cycle,
            one.number,
            touch.step,
            touch.channel,
            touch.asset,
            touch.note,
            touch.variant,
            one.playbook,
            one.status,
            one.at,
            one.real_at + _LONGEST_LEASE,
            name_of(touch.key) if mail else "",
        )
    return written


def _told(lead: str, forgotten: Sequence[Decided], cursor: int, read: int, clock: Clock) -> list[Finding]:
    first, last = forgotten[0], forgotten[-1]
    cycle, since = last.state.cycle, clock.to_real(first.at)
    numbers = _span(first.state.number, last.state.number)
    told = [Finding(Drift.RESTORED, f"{lead}/{cycle}:{numbers}", lead, since, f"cycle {cycle}, decision {numbers}")]
    if read > cursor:
        positions = _span(cursor + 1, read)
        detail = f"cycle {cycle}, inbox position {positions}, considered by decision {numbers}"
        told.append(Finding(Drift.BEHAVIOUR_LOST, f"{lead}/{cycle}:{positions}", lead, since, detail))
    return told


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"
