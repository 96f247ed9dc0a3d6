"""Writing a decision: one statement and one round trip when it is the next one, a rewind first when it is made again.

The statement begins with the journey's row: it applies only where that row stands at the decision before, and
everything else in it happens only if that first part did. Of two attempts at the same decision the second thus finds
the row moved on, and rewinds. Nothing is doubled: touches, handoffs and list rows have keys of their own.

A decision that an operator's rewind led to takes the longer way as well: those behind the one that it goes on from are
superseded, and what sales answered since is open again.
"""

from collections.abc import Sequence
from typing import Any

from domain.decision import Decision, OpenHandoff, ResolveHandoff
from domain.errors import NotFound
from domain.words import Channel
from storage.database import Database
from storage.record_sql import LINE, LOCK, REOPEN, REWIND, WRITE

_NO_HANDOFF: dict[str, Any] = {
    "handoff": "",
    "handoff_reason": "",
    "brief": {},
    "sla_at": None,
    "handoff_touch": "",
}
#: Parts of a decision kept with it as its commands; the desired CRM fields are in ``crm_record``.
_COMMANDS = {"send", "withdraw", "open_handoff", "resolve_handoff", "suppress", "audiences", "rewound_to"}


async def record(db: Database, decision: Decision, cause: str, wake_types: Sequence[str], run: str = "") -> None:
    """Write a decision and all that follows from it, in one transaction; ``run`` made it. Raises ``NotFound``."""
    values = _values(decision, cause, wake_types) | {"run": run}
    if decision.rewound_to is None and await db.pool.fetchval(WRITE.sql, *WRITE.arguments(values)):
        return
    async with db.pool.acquire() as connection, connection.transaction():
        stands = await connection.fetchval(LOCK, values["lead"], values["cycle"])
        if stands is None:
            raise NotFound(f"Lead {values['lead']} has no journey {values['cycle']}.", "Enrol the lead first.")
        if stands != values["number"] - 1:
            await connection.execute(REWIND.sql, *REWIND.arguments(values))
        await connection.execute(LINE.sql, *LINE.arguments(values))
        if decision.rewound_to is not None:
            await connection.execute(REOPEN.sql, *REOPEN.arguments(values))
        await connection.execute(WRITE.sql, *WRITE.arguments(values))


def _values(decision: Decision, cause: str, wake_types: Sequence[str]) -> dict[str, Any]:
    return {
        "at": decision.at,
        "cause": cause,
        "wake_types": list(wake_types),
        "title": decision.title,
        "forward": list(decision.forward),
        "wake_at": decision.next_wake.at if decision.next_wake else None,
        "wake_cause": decision.next_wake.cause if decision.next_wake else "",
        "touch_at": decision.next_touch_at,
        "withdraw": list(decision.withdraw),
        "suppress": decision.suppress.reason if decision.suppress else "",
        "audiences": sorted(decision.audiences),
        "members": [decision.audiences[audience] for audience in sorted(decision.audiences)],
        "crm": dict(decision.crm),
        **_state(decision),
        **_story(decision),
        **_touches(decision),
        **_handoff(decision, decision.open_handoff),
        **_resolution(decision.resolve_handoff),
    }


def _state(decision: Decision) -> dict[str, Any]:
    state = decision.state
    return {
        "lead": state.lead,
        "cycle": state.cycle,
        "number": state.number,
        "base": state.number - 1 if decision.rewound_to is None else decision.rewound_to,
        "status": state.status,
        "phase": state.phase,
        "stage": state.stage,
        "segment": state.segment,
        "cursor": state.cursor,
        "paused_since": state.paused_since,
        "playbook": state.playbook,
        "ending": state.ending or "",
        "ending_reason": state.ending_reason,
        "fit": decision.scores.fit,
        "intent": decision.scores.intent,
        "grade": decision.scores.grade,
    }


def _story(decision: Decision) -> dict[str, Any]:
    """What explains the decision. Defaults are left out: rows are kept for ever."""
    document = decision.model_dump(mode="json", exclude_defaults=True)
    return {
        "state": decision.state.model_dump(mode="json"),
        "scores": document.get("scores", {}),
        "commands": {name: document[name] for name in document.keys() & _COMMANDS},
        "reasons": document.get("reasons", []),
        "rejected": document.get("rejected", []),
    }


def _touches(decision: Decision) -> dict[str, Any]:
    return {
        "send_keys": [touch.key for touch in decision.send],
        "steps": [touch.step for touch in decision.send],
        "channels": [touch.channel for touch in decision.send],
        "assets": [touch.asset for touch in decision.send],
        "notes": [touch.note for touch in decision.send],
        "variants": [touch.variant for touch in decision.send],
    }


def _handoff(decision: Decision, handoff: OpenHandoff | None) -> dict[str, Any]:
    """The handoff with its SDR task, which carries its brief; a resent one may leave with the same decision."""
    if handoff is None:
        return _NO_HANDOFF
    task = next(
        (touch.key for touch in decision.send if touch.channel is Channel.SDR_TASK and touch.step == "handoff"), ""
    )
    return {
        "handoff": handoff.id,
        "handoff_reason": handoff.reason,
        "brief": dict(handoff.brief),
        "sla_at": handoff.sla_at,
        "handoff_touch": task,
    }


def _resolution(resolved: ResolveHandoff | None) -> dict[str, Any]:
    return {
        "resolve": resolved.id if resolved else "",
        "outcome": resolved.outcome if resolved else "",
        "outcome_reason": resolved.reason if resolved else "",
    }
