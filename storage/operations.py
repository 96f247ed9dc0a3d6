"""Operations as rows: made whole in one transaction, looked at, paused, resumed, cancelled and tried again.

Making one is all that has to be done: a worker sees it and carries it out (``runtime.operating``), at its rate, and
goes on after any kill. ``storage.operation_rows`` is what it works with.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.errors import NotFound, Refused
from domain.operating import OperationKind, OperationRequest, OperationStatus, Outcome, lacking
from storage import where as conditions
from storage.database import Connection, Database
from storage.ids import new_operation_id
from storage.operation_targets import find_targets, settled
from storage.operators_log import note

#: A worker listens on this.
CHANNEL = "tendril_operation"
_MAKE = """
insert into operation (id, kind, request, selection, rate, by, reason, undoes, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
#: Whoever was merged is commanded as the survivor.
_JOIN = """
insert into operation_lead (operation_id, lead_id, place, given)
select $1, id, min(place) + $3, (array_agg(given order by place))[1] from (
    select coalesce(l.merged_into, l.id) as id, asked.place, coalesce($4::jsonb -> asked.id, '{}') as given
    from unnest($2::text[]) with ordinality as asked (id, place) join lead l on l.id = asked.id
) as members group by id
"""
#: What is each lead's own says something of the journey that it has now.
_MEANT = """
update operation_lead o set cycle = (select max(cycle) from journey where lead_id = o.lead_id)
where operation_id = $1 and given <> '{}'
"""
_TOTAL = """
update operation set total = (select count(*) from operation_lead where operation_id = $1) where id = $1 returning total
"""
_UNKNOWN = """
select asked.id from unnest($1::text[]) as asked (id)
where not exists (select from lead where lead.id = asked.id) limit 1
"""
_COUNTS = """
select operation_id, status, count(*) as number from operation_lead where operation_id = any($1) group by 1, 2
"""
_REASONS = """
select status, detail, count(*) as number from operation_lead where operation_id = $1 and detail <> ''
group by status, detail order by number desc, detail limit 20
"""
_MEMBERS = """
select lead_id, status, detail, cycle, number_before, number_after, done_at from operation_lead
where operation_id = $1 and ($2 = '' or status = $2) order by place limit $3
"""


class NobodyMeant(Refused):
    """An operation about nobody."""


class OperationView(BaseModel):
    """An operation with its counts of leads by outcome. ``undone_by`` are operations that take it back."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: OperationKind
    request: OperationRequest
    selection: str
    rate: float
    by: str
    reason: str
    status: OperationStatus
    total: int
    undoes: str
    undone_by: tuple[str, ...] = ()
    created_at: datetime
    finished_at: datetime | None
    counts: Mapping[Outcome, int] = {}

    @property
    def settled(self) -> int:
        return self.total - self.counts.get(Outcome.WAITING, 0)


async def create(
    connection: Connection,
    *,
    kind: OperationKind,
    by: str,
    now: datetime,
    request: OperationRequest | None = None,
    leads: Sequence[str] = (),
    where: str = "",
    rate: float = 0.0,
    reason: str = "",
    undoes: str = "",
    given: Mapping[str, Mapping[str, Any]] | None = None,
    told: Callable[[int], None] = lambda _: None,
) -> str:
    """Ask for ``kind`` to be done to these leads, or to those whose journey the condition ``where`` holds for now.

    Within the caller's transaction; a worker begins when that commits. ``rate`` is leads a real second (0: as fast as
    it goes), ``by`` an opaque actor, ``given`` what of the command is a lead's own (fields of ``OperatorCommand``).
    Returns the operation's id. Raises ``Refused`` when something is missing, ``NobodyMeant``, or ``NotFound`` for an
    unknown lead.
    """
    asked = settled(kind, request or OperationRequest(), now)
    if missing := lacking(kind, asked, reason):
        raise Refused(f"{missing[:1].upper()}{missing[1:]}.", "`tendril journeys --help` shows each with examples.")
    operation = new_operation_id()
    await connection.execute(
        _MAKE, operation, kind, asked.model_dump(mode="json"), where, rate, by, reason, undoes, now
    )
    if where:
        await _join_matching(connection, operation, where, now, told)
    else:
        await _join_named(connection, operation, leads, given or {})
    await find_targets(connection, operation, kind, asked, now)
    await connection.execute(_MEANT, operation)
    total = await connection.fetchval(_TOTAL, operation)
    if not total:
        raise NobodyMeant("Nobody is meant by that.", "Name leads, or a condition that holds for some.")
    subject = leads[0] if len(leads) == 1 else operation
    await note(connection, by, kind, subject, now, {"leads": total} | ({"reason": reason} if reason else {}), operation)
    await announce(connection)
    return operation


async def announce(connection: Connection) -> None:
    """Tell workers that an operation runs, once the transaction commits."""
    await connection.execute("select pg_notify($1, '')", CHANNEL)


async def get(db: Database, operation: str) -> OperationView:
    """Raises ``NotFound``."""
    row = await db.pool.fetchrow("select * from operation where id = $1", operation)
    if row is None:
        raise NotFound(f"There is no operation {operation}.", "`tendril operations list` shows those there are.")
    return (await _viewed(db, [row]))[0]


async def newest(db: Database, limit: int = 50) -> tuple[list[OperationView], int]:
    """The newest first, and how many there are in all."""
    rows = await db.pool.fetch("select * from operation order by created_at desc, id limit $1", limit)
    return await _viewed(db, rows), await db.pool.fetchval("select count(*) from operation")


async def reasons(db: Database, operation: str) -> list[dict[str, Any]]:
    """Why leads were refused or failed, the commonest first: ``status``, ``detail``, ``number``."""
    return [dict(row) for row in await db.pool.fetch(_REASONS, operation)]


async def members(db: Database, operation: str, outcome: Outcome | None, limit: int) -> list[dict[str, Any]]:
    """Leads of an operation in their order, with what became of each."""
    return [dict(row) for row in await db.pool.fetch(_MEMBERS, operation, outcome or "", limit)]


async def running(db: Database) -> list[str]:
    """Ids of operations that a worker has to see to."""
    return [row["id"] for row in await db.pool.fetch("select id from operation where status = 'running' order by id")]


async def pause(db: Database, operation: str, by: str, now: datetime) -> None:
    """Command nobody further until it is resumed. Raises ``NotFound``, or ``Refused`` when it does not run."""
    await _turn(db, operation, {OperationStatus.RUNNING}, OperationStatus.PAUSED, by, "operation_paused", now)


async def resume(db: Database, operation: str, by: str, now: datetime) -> None:
    """Go on with one that was paused. Raises ``NotFound`` or ``Refused``."""
    await _turn(db, operation, {OperationStatus.PAUSED}, OperationStatus.RUNNING, by, "operation_resumed", now)


async def cancel(db: Database, operation: str, by: str, now: datetime) -> None:
    """Leave those who wait alone for good; what is done stays. Raises ``NotFound`` or ``Refused``."""
    async with db.pool.acquire() as connection, connection.transaction():
        await cancel_on(connection, operation, by, now)


async def cancel_on(connection: Connection, operation: str, by: str, now: datetime) -> None:
    """As ``cancel``, within the caller's transaction."""
    going = {OperationStatus.RUNNING, OperationStatus.PAUSED}
    await _turn_on(connection, operation, going, OperationStatus.CANCELLED, by, "operation_cancelled", now)


async def retry(db: Database, operation: str, by: str, now: datetime) -> int:
    """Try those again that failed, and go on with those whom a cancel left waiting; how many. Raises as above."""
    async with db.pool.acquire() as connection, connection.transaction():
        stopped = {OperationStatus.DONE, OperationStatus.CANCELLED}
        await _turn_on(connection, operation, stopped, OperationStatus.RUNNING, by, "operation_retried", now)
        await connection.execute(
            "update operation_lead set status = 'waiting', attempts = 1, retry_real_at = null, detail = ''"
            " where operation_id = $1 and status = 'failed'",
            operation,
        )
        waiting: int = await connection.fetchval(
            "select count(*) from operation_lead where operation_id = $1 and status = 'waiting'", operation
        )
        if not waiting:
            raise Refused(f"Nobody of {operation} failed.", "`tendril operations show ID` says what became of each.")
    return waiting


async def _turn(
    db: Database, operation: str, wanted: set[OperationStatus], to: OperationStatus, by: str, act: str, now: datetime
) -> None:
    async with db.pool.acquire() as connection, connection.transaction():
        await _turn_on(connection, operation, wanted, to, by, act, now)


async def _turn_on(
    connection: Connection,
    operation: str,
    wanted: set[OperationStatus],
    to: OperationStatus,
    by: str,
    act: str,
    now: datetime,
) -> None:
    status = await connection.fetchval("select status from operation where id = $1 for update", operation)
    if status is None:
        raise NotFound(f"There is no operation {operation}.", "`tendril operations list` shows those there are.")
    if status not in wanted:
        raise Refused(f"Operation {operation} is {status}.", "`tendril operations show ID` says how far it came.")
    ended = now if to is OperationStatus.CANCELLED else None
    await connection.execute("update operation set status = $2, finished_at = $3 where id = $1", operation, to, ended)
    await note(connection, by, act, operation, now, operation=operation)
    await announce(connection)


async def _join_named(
    connection: Connection, operation: str, leads: Sequence[str], given: Mapping[str, Mapping[str, Any]]
) -> None:
    unknown = await connection.fetchval(_UNKNOWN, list(leads))
    if unknown is not None:
        raise NotFound(f"There is no lead {unknown}.", "`tendril leads list --search TEXT` finds leads.")
    await connection.execute(_JOIN, operation, list(leads), 0, given)


async def _join_matching(
    connection: Connection, operation: str, where: str, now: datetime, told: Callable[[int], None]
) -> None:
    joined = 0
    async for page in conditions.matching(connection, conditions.parse(where), now, told):
        await connection.execute(_JOIN, operation, page, joined, {})
        joined += len(page)


async def _viewed(db: Database, rows: Sequence[Any]) -> list[OperationView]:
    ids = [row["id"] for row in rows]
    counts: dict[str, dict[Outcome, int]] = {id_: {} for id_ in ids}
    for row in await db.pool.fetch(_COUNTS, ids):
        counts[row["operation_id"]][Outcome(row["status"])] = row["number"]
    undone: dict[str, list[str]] = {}
    for row in await db.pool.fetch("select id, undoes from operation where undoes = any($1) order by id", ids):
        undone.setdefault(row["undoes"], []).append(row["id"])
    return [
        OperationView.model_validate(
            dict(row) | {"counts": counts[row["id"]], "undone_by": tuple(undone.get(row["id"], ()))}
        )
        for row in rows
    ]
