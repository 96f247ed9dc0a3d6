"""Earlier states of a journey, and the number of the decision that a rewind goes back to, from what people say."""

from datetime import UTC, datetime
from typing import Any

from domain.errors import NotFound, Refused
from domain.state import JourneyState
from domain.words import BuyerStage
from storage.database import Connection

_RECORDED = """
select state from decision where lead_id = $1 and cycle = $2 and number = $3 order by revision desc limit 1
"""
#: A cycle takes up the inbox where the one before left it.
_BEGINNING = """
select j.playbook_hash, j.started_at, coalesce((
    select before.cursor from journey before where before.lead_id = j.lead_id and before.cycle = j.cycle - 1
), 0) as cursor
from journey j where j.lead_id = $1 and j.cycle = $2
"""
_JOURNEY = "select ended_at, ending, started_at from journey where lead_id = $1 and cycle = $2"
#: No clock goes further, and PostgreSQL's dates hardly do.
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)
#: What a decision went on from: the one before it, unless it is a rewind.
_BASE = "coalesce((d.commands ->> 'rewound_to')::int, d.number - 1)"
#: A recorded state leaves out what is as at the beginning.
_IN_STAGE = f"coalesce(d.state ->> 'stage', '{BuyerStage.PROBLEM_AWARENESS}') = $3"
_IN_FORCE = "from decision d where d.lead_id = $1 and d.cycle = $2 and not d.superseded"
#: The decision that a rewind goes back to, of journey ``$2`` of lead ``$1``: for a step, a stage, a time ``$3``.
STEP = f"""
select {_BASE} as number {_IN_FORCE}
and d.commands @? ('$.send[*] ? (@.step == ' || to_json($3::text)::text || ')')::jsonpath order by d.number desc limit 1
"""
STAGE = f"""
select d.number as number {_IN_FORCE} and {_IN_STAGE} and not exists (
    select from decision b where b.lead_id = d.lead_id and b.cycle = d.cycle and not b.superseded
    and b.number = {_BASE} and {_IN_STAGE.replace("d.", "b.")}
) order by d.number desc limit 1
"""  # noqa: S608
AT = f"select d.number as number {_IN_FORCE} and d.at <= $3 order by d.number desc limit 1"


async def recorded(connection: Connection, lead: str, cycle: int, number: int) -> JourneyState | None:
    """The state after that decision, in its highest revision; before the first for 0; None for what is not recorded."""
    if number > 0:
        state = await connection.fetchval(_RECORDED, lead, cycle, number)
        return None if state is None else JourneyState.model_validate(state)
    row = await connection.fetchrow(_BEGINNING, lead, cycle)
    if row is None or number < 0:
        return None
    begun = JourneyState.begin(lead, cycle, row["playbook_hash"], row["started_at"])
    return begun.model_copy(update={"cursor": row["cursor"]})


async def decision_before(
    connection: Connection,
    lead: str,
    cycle: int,
    *,
    step: str | None = None,
    stage: str | None = None,
    at: datetime | None = None,
) -> int:
    """The decision in force that a rewind goes on from (0: the beginning), for one of ``step``, ``stage`` and ``at``.

    ``step``: the one before that step was last planned. ``stage``: the one by which the lead last came to that stage.
    ``at`` (deployment time): the last one until then. Raises ``NotFound`` without such a journey, ``Refused`` for one
    that has ended and for what never happened in it.
    """
    journey = await connection.fetchrow(_JOURNEY, lead, cycle)
    _check(lead, cycle, journey)
    if step is not None:
        return _found(
            await connection.fetchval(STEP, lead, cycle, step),
            f"Step {step!r} was never planned in this journey.",
            "GET /v1/leads/{id}/journey lists its touches with their steps.",
        )
    if stage is not None:
        return await _came_to(connection, lead, cycle, stage)
    if at is None:
        raise ValueError("say a step, a stage or a time")
    if at < journey["started_at"]:
        raise Refused(
            f"The journey began on {journey['started_at']:%Y-%m-%d %H:%M} UTC, after {at:%Y-%m-%d %H:%M}.",
            "Say a later time, or rewind to decision 0, the beginning.",
        )
    number: int | None = await connection.fetchval(AT, lead, cycle, min(at, _LATEST))
    return number or 0


async def _came_to(connection: Connection, lead: str, cycle: int, stage: str) -> int:
    if stage not in set(BuyerStage):
        raise Refused(f"There is no stage {stage!r}.", f"Stages are {', '.join(BuyerStage)}.")
    found = await connection.fetchval(STAGE, lead, cycle, stage)
    return _found(found, f"The lead was never in {stage} in this journey.", "`force-stage` moves it there.")


def _check(lead: str, cycle: int, journey: Any) -> None:
    if journey is None:
        raise NotFound(f"{lead} has no journey {cycle}.", "Enrol the lead first.")
    if journey["ended_at"] is not None:
        raise Refused(
            f"The journey of {lead} has ended ({journey['ending']}): there is nothing left to rewind.",
            "Reset it to before the decision that ended it, or enrol the lead again.",
        )


def _found(number: int | None, missing: str, remedy: str) -> int:
    if number is None:
        raise Refused(missing, remedy)
    return number
