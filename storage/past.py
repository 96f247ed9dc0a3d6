"""A lead's journey as of a moment of the past: what was known, what was decided, what was to come (C32).

Today's knowledge never shows as then's. State, scores, reasons and next wake are those of the decision that was in
force then, which is kept for ever, also where a reset or a rewind took it back later. What is kept only as it is now
(the lead's profile, its preferences, entries taken off the suppression list) is named in ``unsure``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.errors import NotFound
from domain.state import JourneyState
from storage import operators_log, past_facts, past_touches
from storage.database import Connection, Database
from storage.merges import current

_SHOWN = 100
_SCORED = "Scores and reasons are those of then."
#: Columns of the read model that the state has by the same name.
_OF_STATE = ("status", "phase", "stage", "segment", "cursor", "paused_since", "ending_reason")

_JOURNEY = "select * from journey where lead_id = $1 and started_at <= $2 order by cycle desc limit 1"
_FIRST = """
select l.created_at as made, (select min(started_at) from journey where lead_id = $1) as began from (select) as one
left join lead l on l.id = $1
"""
#: In force is the one that was made last: a decision made again has a later time, or a higher revision.
_IN_FORCE = """
select *, (select name from playbook_version where hash = state ->> 'playbook') as playbook_name
from decision where lead_id = $1 and cycle = $2 and at <= $3 and ($4::int is null or (number, revision) = ($4, $5::int))
order by at desc, superseded, number desc, revision desc limit 1
"""
_NUMBERED = """
select at, number, revision from decision
where lead_id = $1 and cycle = coalesce($2, (select max(cycle) from journey where lead_id = $1)) and number = $3
order by superseded, revision desc limit 1
"""
#: What took a decision back: the first made after it that is of no higher number, or a rewind to before it.
_SUPERSEDED_BY = """
select number, revision, at, cause from decision
where lead_id = $1 and cycle = $2 and (at > $4 or number = $3 and revision > $5)
    and (number <= $3 or (commands ->> 'rewound_to')::int < $3)
order by at, number limit 1
"""
_DECISIONS = """
select cycle, number, revision, at, cause, wake_types, title, scores, commands, reasons, rejected, forward,
    next_wake_at, next_wake_cause
from decision where lead_id = $1 and at <= $2 order by cycle desc, at desc, number desc, revision desc limit $3
"""
_CYCLES = """
select cycle, started_at, case when ended_at <= $2 then ended_at end as ended_at,
    case when ended_at <= $2 then ending else '' end as ending,
    case when ended_at <= $2 then ending_reason else '' end as ending_reason
from journey where lead_id = $1 and started_at <= $2 order by cycle desc limit $3
"""
_PART_OF = """
select survivor from lead_merge where merged = $1 and at <= $2 and (undone_at is null or undone_at > $2)
order by at desc limit 1
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """When; with ``number`` and ``revision`` right after that decision, whatever else happened in the same instant."""

    at: datetime
    number: int | None = None
    revision: int | None = None


async def of_decision(db: Database, lead: str, number: int, cycle: int | None = None) -> Moment:
    """When decision ``number`` was made: the one in force, if it was made more than once. Raises ``NotFound``."""
    row = await db.pool.fetchrow(_NUMBERED, await current(db.pool, lead), cycle, number)
    if row is None:
        raise NotFound(
            f"Lead {lead} has no decision {number}{f' in journey {cycle}' if cycle else ''}.",
            f"`tendril journeys timeline {lead}` shows its decisions.",
        )
    return Moment(**dict(row))


async def journey_view(db: Database, lead_id: str, moment: Moment) -> dict[str, Any]:
    """As ``storage.views.journey_view``, as of that moment, with ``as_of`` beside it. Raises ``NotFound``.

    ``as_of``: ``at``, ``decision`` (number and revision in force, None before the first), ``superseded`` (``at``,
    ``number`` and ``cause`` of what took that decision back since, None when nothing did), ``known_to`` (the newest
    position the journey had read), and ``unsure``: what can't be told, in sentences.
    """
    async with (
        db.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        journey, decision = await in_force(connection, lead_id, moment)
        if journey is None:
            raise await too_early(connection, lead_id, moment.at)
        lead, view = journey["lead_id"], _where(dict(journey), decision)
        permission = await past_facts.permission(connection, lead, moment.at)
        view |= await _known(connection, lead, moment.at, view["cursor"]) | {"suppressed": permission["suppressed"]}
        view["as_of"] |= {
            "at": moment.at,
            "superseded": await _superseded(connection, lead, decision),
            "unsure": past_facts.unsure(permission, moment.at, _SCORED, purged=_purged(view["behaviours"])),
        }
        return view


async def in_force(connection: Connection, lead: str, moment: Moment) -> tuple[Any, Any]:
    """The rows of the journey and of the decision that were in force then; None where there was none yet."""
    lead = await _then(connection, lead, moment.at)
    journey = await connection.fetchrow(_JOURNEY, lead, moment.at)
    if journey is None:
        return None, None
    decision = await connection.fetchrow(_IN_FORCE, lead, journey["cycle"], moment.at, moment.number, moment.revision)
    return journey, decision


async def _then(connection: Connection, lead: str, at: datetime) -> str:
    """Of a lead that had been merged by then its survivor; one that was merged later had a journey of its own."""
    survivor: str | None = await connection.fetchval(_PART_OF, lead, at)
    return survivor or lead


async def too_early(connection: Connection, lead: str, at: datetime) -> NotFound:
    """Why there is no journey to tell of, and from when on there is one."""
    first = await connection.fetchrow(_FIRST, lead)
    if first["made"] is None:
        return NotFound(f"There is no lead {lead}.", "`tendril leads list` shows the leads there are.")
    if first["began"] is None:
        return NotFound(f"Lead {lead} has no journey.", "Enrol the lead with POST /v1/leads.")
    known = "was known but had no journey yet" if first["made"] <= at else "was not known yet"
    return NotFound(
        f"On {at:%Y-%m-%d %H:%M} UTC lead {lead} {known}.",
        f"Its first journey began on {first['began']:%Y-%m-%d %H:%M} UTC: ask for a later moment.",
    )


def _where(journey: dict[str, Any], decision: Any) -> dict[str, Any]:
    """The read model's columns as the decision in force left them; as enrolment left them before the first."""
    begun = {name: journey[name] for name in ("lead_id", "cycle", "playbook_name", "playbook_hash", "started_at")}
    if decision is None:
        return begun | _UNDECIDED | {"as_of": {"decision": None, "known_to": 0}}
    state, scores = JourneyState.model_validate(decision["state"]), decision["scores"]
    next_wake = {"at": decision["next_wake_at"], "cause": decision["next_wake_cause"]}
    return (
        begun
        | {name: getattr(state, name) for name in _OF_STATE}
        | {name: decision[name] for name in ("title", "scores", "reasons", "rejected", "forward")}
        | {
            "playbook_name": decision["playbook_name"] or journey["playbook_name"],
            "playbook_hash": state.playbook,
            "fit": scores.get("fit", 0),
            "intent": scores.get("intent", 0),
            "grade": scores.get("grade", ""),
            "decision_number": decision["number"],
            "decided_at": decision["at"],
            "ended_at": decision["at"] if state.ended else None,
            "ending": state.ending or "",
            "next_wake": next_wake if decision["next_wake_at"] else None,
            "next_touch_at": None,
            "as_of": {
                "decision": {"number": decision["number"], "revision": decision["revision"]},
                "known_to": state.cursor,
            },
            "audiences": _audiences(decision["commands"].get("audiences", {})),
        }
    )


_UNDECIDED: dict[str, Any] = {
    **dict.fromkeys(("segment", "grade", "title", "ending", "ending_reason"), ""),
    **dict.fromkeys(("fit", "intent", "decision_number", "cursor"), 0),
    **dict.fromkeys(("decided_at", "paused_since", "ended_at", "next_wake", "next_touch_at")),
    "status": "new",
    "phase": "entry",
    "stage": "problem_awareness",
    "scores": {},
    "reasons": [],
    "rejected": [],
    "forward": [],
    "audiences": [],
}


def _audiences(desired: Mapping[str, bool]) -> list[dict[str, Any]]:
    """Only what was wanted: what each network held is kept as it is now."""
    return [{"audience": name, "desired": wanted} for name, wanted in sorted(desired.items())]


async def _known(connection: Connection, lead: str, at: datetime, cursor: int) -> dict[str, Any]:
    decisions = [dict(row) for row in await connection.fetch(_DECISIONS, lead, at, _SHOWN)]
    return {
        "touches": await past_touches.touches(connection, lead, at, _SHOWN),
        "handoffs": await past_facts.handoffs(connection, lead, at, _SHOWN),
        "decisions": _as_in_force(decisions),
        "behaviours": await past_facts.behaviours(connection, lead, at, cursor, _SHOWN),
        "cycles": [dict(row) for row in await connection.fetch(_CYCLES, lead, at, _SHOWN)],
        "consent": await past_facts.consent(connection, lead, at, _SHOWN),
        "operators": await operators_log.done_to(connection, lead, _SHOWN, at),
    }


def _as_in_force(decisions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """With ``superseded`` as it was then: in force is what was decided last, what that went on from, and so on back.

    They come newest first; they go out by number.
    """
    in_force: set[tuple[int, int, int]] = set()
    for cycle in {one["cycle"] for one in decisions}:
        made = [one for one in decisions if one["cycle"] == cycle]
        in_force |= {(cycle, one["number"], one["revision"]) for one in _line(made)}
    for one in decisions:
        one["superseded"] = (one["cycle"], one["number"], one["revision"]) not in in_force
    return sorted(decisions, key=lambda one: (one["cycle"], one["number"], one["revision"]), reverse=True)


def _line(made: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """From the newest back to the first, each to the one that it went on from (``storage.record_sql``)."""
    newest: dict[int, dict[str, Any]] = {}
    for one in made:
        known = newest.get(one["number"])
        if known is None or known["revision"] < one["revision"]:
            newest[one["number"]] = one
    at: dict[str, Any] | None = made[0]
    while at is not None:
        yield at
        before = at["commands"].get("rewound_to", at["number"] - 1)
        at = newest.get(before) if before < at["number"] else None


def _purged(behaviours: Sequence[Mapping[str, Any]]) -> bool:
    return any(behaviour["purged_since"] for behaviour in behaviours)


async def _superseded(connection: Connection, lead: str, decision: Any) -> dict[str, Any] | None:
    if decision is None or not decision["superseded"]:
        return None
    by = await connection.fetchrow(
        _SUPERSEDED_BY, lead, decision["cycle"], decision["number"], decision["at"], decision["revision"]
    )
    return dict(by) if by else {"number": None, "revision": None, "at": None, "cause": ""}
