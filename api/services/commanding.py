"""From what a request says to the command that a journey takes: fields checked, names and times resolved."""

from datetime import datetime
from typing import Any

from api.context import ApiContext
from api.problems import Problem, invalid
from api.schemas.commands import CommandBody
from domain.errors import NotFound, Refused
from domain.keys import TouchKey
from domain.words import CommandKind, DisqualifyReason, RejectReason
from storage import holds, playbooks, wakes
from storage.database import Connection
from storage.merges import current
from storage.rewinding import decision_before
from workflows.messages import CommandRequest

_REASONS: dict[CommandKind, type[DisqualifyReason] | type[RejectReason]] = {
    CommandKind.DISQUALIFY: DisqualifyReason,
    CommandKind.SALES_REJECT: RejectReason,
}
_TO = ("to_decision", "to_step", "to_stage", "to_time")
#: Fields that only these commands take: elsewhere they would be passed over in silence.
_OWN = {
    CommandKind.RESUME: ("policy", "hold"),
    CommandKind.REWIND: _TO,
    CommandKind.RESEND: ("touch",),
    CommandKind.MIGRATE: ("playbook",),
}


def check(kind: CommandKind, body: CommandBody) -> None:
    """Raise a 422 naming the fields that the command needs, or does not take."""
    if kind is CommandKind.FORCE_STAGE and body.stage is None:
        raise _bad("stage", "force_stage needs the stage to move to")
    words = _REASONS.get(kind)
    if words and body.reason not in set(words):
        raise _bad("reason", f"{kind} needs one of {', '.join(words)}")
    for other, names in _OWN.items():
        for name in names:
            if other is not kind and name in body.model_fields_set:
                raise _bad(name, f"{kind} takes no {name}: it goes with {other}")
    _check_new(kind, body)


def _check_new(kind: CommandKind, body: CommandBody) -> None:
    if kind is CommandKind.REWIND and sum(getattr(body, name) is not None for name in _TO) != 1:
        raise invalid([{"loc": ("body", name), "msg": f"rewind needs exactly one of {', '.join(_TO)}"} for name in _TO])
    if kind is CommandKind.RESEND and TouchKey.parse(body.touch) is None:
        raise _bad("touch", "resend needs the touch's key, as lead/cycle/epoch/step: the journey lists its touches")
    if kind is CommandKind.MIGRATE and not body.playbook:
        raise _bad("playbook", "migrate needs a playbook: its name, for the version in force, or a version's hash")


async def request(context: ApiContext, lead: str, kind: CommandKind, body: CommandBody, by: str) -> CommandRequest:
    """The command's argument. Raises a 422 for a name or a time that leads nowhere, 409 for an ended journey."""
    # What an operator writes stays in the database: only words of ours reach Temporal (``storage.operators_log``).
    reason = body.reason if kind in _REASONS else ""
    given: dict[str, Any] = {"by": by, "reason": reason, "stage": body.stage or "", "policy": body.policy}
    async with context.database.pool.acquire() as connection:
        if kind is CommandKind.REWIND:
            given["to"] = await _decision(connection, lead, body)
        if kind is CommandKind.MIGRATE:
            given["playbook"] = await _version(connection, body.playbook)
        if body.hold:
            given["since"] = await since(connection, body.hold)
    return CommandRequest(**given, touch=body.touch)


async def since(connection: Connection, scope: str) -> datetime:
    """When the hold began that stopped whom a resume lets go on. Raises a 422 ``Problem`` naming ``hold``."""
    try:
        return await holds.began(connection, scope)
    except (NotFound, Refused) as fault:
        raise _bad("hold", f"{fault} {fault.remedy}") from None


async def _decision(connection: Connection, lead: str, body: CommandBody) -> int:
    if body.to_decision is not None:
        return body.to_decision
    journey = await wakes.latest(connection, await current(connection, lead))
    if journey is None or journey.ended:
        return 0  # the command itself is refused, with what to do instead
    name = next(name for name in _TO if getattr(body, name) is not None)
    try:
        return await decision_before(
            connection,
            await current(connection, lead),
            journey.cycle,
            step=body.to_step,
            stage=body.to_stage,
            at=body.to_time,
        )
    except Refused as fault:
        raise _bad(name, f"{fault} {fault.remedy}".strip()) from fault


async def _version(connection: Connection, playbook: str) -> str:
    if await connection.fetchval("select exists (select from playbook_version where hash = $1)", playbook):
        return playbook
    try:
        return (await playbooks.active_on(connection, playbook))[1]
    except NotFound:
        named = [row["name"] for row in await connection.fetch("select name from playbook_active order by name")]
        known = f"playbooks are {', '.join(named)}" if named else "none has been applied yet"
        raise _bad("playbook", f"there is no playbook and no version {playbook!r}: {known}") from None


def _bad(field: str, message: str) -> Problem:
    return invalid([{"loc": ("body", field), "msg": message}])
