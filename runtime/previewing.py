"""What an operation would do, before it is asked for: whom it is about, who would refuse, and what would be sent when.

The operation is made as it will be, in a transaction that is rolled back: so a preview is what happens, as of its
moment. What would be sent is decided by the core itself on a sample, with the command obeyed and fourteen days passing,
and told as what it is: counts of a sample.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.facts import OperatorCommand
from domain.operating import NEVER_ENROLLED, OperationKind, OperationRequest, Outcome, command_of, ended
from domain.ports import Clock
from domain.state import HandoffState, JourneyState
from domain.words import BuyerStage, Phase
from runtime.foretelling import Foretold, Turns, foretell
from storage import operation_standing, operations, where
from storage.database import Connection, Database
from storage.enrolment import may_return
from storage.operation_rows import why_not_again
from workflows.messages import CommandRequest
from workflows.objections import objection

#: Leads shown.
_SHOWN = 10


class Refusal(BaseModel):
    """Why so many would be refused."""

    why: str
    number: int


class Preview(BaseModel):
    """``total`` leads are meant, ``able`` of them would be commanded. ``seconds`` is how long that takes at ``rate``
    (leads a second); None where only the machine limits it.
    """

    model_config = ConfigDict(frozen=True)

    kind: OperationKind
    request: OperationRequest
    where: str
    total: int
    able: int
    refused: list[Refusal]
    leads: list[dict[str, Any]]
    rate: float
    seconds: float | None
    foretold: Foretold | None


async def preview(
    db: Database,
    *,
    kind: OperationKind,
    now: datetime,
    request: OperationRequest,
    clock: Clock,
    leads: Sequence[str] = (),
    where_: str = "",
    rate: float = 0.0,
    given: Mapping[str, Mapping[str, Any]] | None = None,
    lifting: str = "",
    told: Callable[[int], None] = lambda _: None,
) -> Preview:
    """Raises as ``operations.create`` does, but for a reason that is missing. ``lifting`` is the scope of a hold that
    will be lifted first; ``told`` hears how many journeys were looked at.
    """
    async with db.pool.acquire() as connection:
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        try:
            id_ = await operations.create(
                connection,
                kind=kind,
                by="preview",
                now=now,
                request=request,
                leads=leads,
                where=where_,
                rate=rate,
                reason="preview",
                given=given,
                told=told,
            )
            total, able, refused = await _judged(connection, id_, kind, request, now)
            shown = await where.shown(connection, [lead for lead, _ in able[:_SHOWN]], now)
        finally:
            await transaction.rollback()
    return Preview(
        kind=kind,
        request=request,
        where=where_,
        total=total,
        able=len(able),
        refused=[Refusal(why=why, number=number) for why, number in refused.most_common()],
        leads=shown,
        rate=rate,
        seconds=len(able) / rate if rate else None,
        foretold=await foretell(db, id_, kind, request, able, Turns(now, clock, rate, lifting)),
    )


async def _judged(
    connection: Connection, operation: str, kind: OperationKind, request: OperationRequest, now: datetime
) -> tuple[int, list[tuple[str, dict[str, Any]]], Counter[str]]:
    """How many are meant, who would be commanded (with what is their own), and why the others would not."""
    able: list[tuple[str, dict[str, Any]]] = []
    refused: Counter[str] = Counter()
    total = 0
    again = kind is OperationKind.RE_ENROL
    rules = await operation_standing.re_entry_rules(connection) if again else {}
    known: dict[tuple[Any, ...], str] = {}
    async for rows in operation_standing.standing(connection, operation, suppressed=again):
        total += len(rows)
        for row in rows:
            why = row["detail"] if row["status"] == Outcome.REFUSED else ""
            if not why and again:
                why = _why_not_again(row, rules, now, anyway=request.anyway)
            elif not why:
                alike = _alike(row)
                if alike not in known:
                    known[alike] = _why_not(row, kind, command_of(operation, kind, request, row["given"]))
                why = known[alike]
            if why:
                refused[why] += 1
            else:
                able.append((row["lead"], row["given"]))
    return total, able, refused


def _why_not_again(row: Any, rules: Mapping[str, Any], now: datetime, *, anyway: bool) -> str:
    if row["cycle"] is None or row["ended_at"] is None or row["suppressed"]:
        return why_not_again(row)
    rule = rules.get(row["playbook_name"])
    return "" if anyway or (rule and may_return(row, rule, now)) else why_not_again(row)


def _alike(row: Any) -> tuple[Any, ...]:
    """What an answer may depend on: of a hundred thousand journeys, few differ in it."""
    given = (row["decision_number"], *sorted(row["given"].items())) if row["given"] else ()
    return (
        row["cycle"] is None,
        row["ending"],
        row["phase"],
        row["stage"],
        row["paused_since"],
        row["handed_off"],
        given,
    )


def _why_not(row: Any, kind: OperationKind, command: OperatorCommand) -> str:
    """What the journey's own validator would say, of what the read model knows of it."""
    if row["cycle"] is None:
        return NEVER_ENROLLED
    if row["ended_at"] is not None:
        return ended(row["ending"])
    began = row["started_at"]
    state = JourneyState.begin(row["lead"], row["cycle"], row["playbook_hash"], began).model_copy(
        update={
            "number": row["decision_number"],
            "phase": Phase(row["phase"]),
            "stage": BuyerStage(row["stage"]),
            "paused_since": row["paused_since"],
            "handoff": HandoffState(id="", opened=began, reason="") if row["handed_off"] else None,
        }
    )
    asked = CommandRequest.model_construct(**command.model_dump(exclude={"id", "kind"}))
    return objection(state, (), kind.command, asked)
