"""What answering "why was this not sent?" needs, read as of now or of a moment of the past."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from pydantic import TypeAdapter

from domain.core.decide import version_in_force
from domain.core.touchpoints import Touchpoint, named, names
from domain.core.verdicts import Answer
from domain.core.why_not import Question
from domain.decision import Rejected
from domain.errors import Refused
from domain.facts import MOST_READ, Behaviour, Facts, Hold, TouchFact
from domain.ports import Playbooks
from domain.state import JourneyState
from storage import past_facts, past_touches
from storage.database import Connection, Database
from storage.gather import gather
from storage.merges import current
from storage.past import Moment, in_force, too_early

_REJECTED = TypeAdapter(list[Rejected])
#: Decisions whose words about a touch are told, newest first.
_TOLD = 20
_SAID = """
select d.number, d.revision, d.at, d.superseded, r ->> 'what' as what, r ->> 'why' as why, r ->> 'rule' as rule,
    (r ->> 'until')::timestamptz as until
from decision d cross join jsonb_array_elements(d.rejected) as r
where d.lead_id = $1 and d.cycle = $2 and d.at <= $3 and r ->> 'what' = any($4)
order by d.at desc, d.number desc, d.revision desc limit $5
"""
#: ``$3`` are the steps.
_LEDGER = """
select key, step, status, reason, coalesce(sent_at, claimed_at, planned_at) as at from touch
where lead_id = $1 and cycle = $2 and step = any($3) order by at desc, key limit $4
"""
_HOLDS = """
select scope, since, reason from hold where since <= $1 and (lifted_at is null or lifted_at > $1)
    and (scope = 'everything' or scope like 'channel:%' or scope = 'playbook:' || $2)
"""
_MUCH = 10_000
_ASKED = "Conditions are asked about it as it is now."
_COMPANY = "The lead's company is taken as it is now: its open opportunity, and its leads that we know."


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers to one question: at what moment, of which journey, and what decisions said of it before.

    ``said``: number, revision, at, superseded, what, why, rule, until; ``ledger``: key, status, reason and at of every
    attempt at these touches in this journey, whatever became of it. Newest first. ``unsure``: what is asked about as
    it is now, because how it was then is not kept, in sentences.
    """

    at: datetime
    lead: str
    cycle: int
    decision: int
    name: str
    answers: tuple[Answer, ...]
    said: tuple[dict[str, Any], ...]
    ledger: tuple[dict[str, Any], ...]
    unsure: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON has it, on the command line and in the API."""
        return {
            "at": self.at,
            "lead_id": self.lead,
            "cycle": self.cycle,
            "decision": self.decision,
            "touch": self.name,
            "answers": [_object(answer) for answer in self.answers],
            "said": list(self.said),
            "ledger": list(self.ledger),
            "unsure": list(self.unsure),
        }


async def why_not(
    db: Database, playbooks: Playbooks, lead: str, name: str, now: datetime, moment: Moment | None = None
) -> Asked:
    """Why what ``name`` stands for (a step, asset, trigger or channel) was not sent. Raises ``NotFound``, ``Refused``.

    With a moment of the past as things stood then, as far as they are kept (``storage.past``).
    """
    at = moment.at if moment else now
    async with (
        db.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        journey, decision = await in_force(connection, lead, moment or Moment(now))
        if journey is None:
            raise await too_early(connection, await current(connection, lead), at)
        state = _state(journey, decision)
        facts = await gather(connection, state, at)
        unsure: tuple[str, ...] = ()
        if moment is not None:
            facts, unsure = await _as_known(connection, facts, state, journey["playbook_name"], at)
    playbook = await playbooks.compiled(state.playbook)
    if moment is None and (newest := version_in_force(playbook, facts)) != playbook.hash:
        playbook = await playbooks.compiled(newest)
    points = named(playbook.document, name)
    if not points:
        raise Unnamed(name, names(playbook.document))
    recorded = _REJECTED.validate_python(decision["rejected"]) if decision else []
    question = Question(playbook, state, facts, at, recorded)
    said = await db.pool.fetch(_SAID, state.lead, state.cycle, at, _called(points), _TOLD)
    return Asked(
        at=at,
        lead=state.lead,
        cycle=state.cycle,
        decision=state.number,
        name=name,
        answers=tuple(question.answer(point) for point in points),
        said=tuple(dict(row) for row in said),
        ledger=await _ledger(db, state, points, moment),
        unsure=unsure,
    )


async def _ledger(
    db: Database, state: JourneyState, points: Sequence[Touchpoint], moment: Moment | None
) -> tuple[dict[str, Any], ...]:
    """As it stands, or as it stood."""
    steps = sorted({point.step for point in points})
    if moment is None:
        rows = await db.pool.fetch(_LEDGER, state.lead, state.cycle, steps, _TOLD)
        return tuple(dict(row) for row in rows)
    stood = await past_touches.touches(db.pool, state.lead, moment.at, _MUCH)
    return tuple(
        {**{name: row[name] for name in ("key", "step", "status", "reason")}, "at": row["sent_at"] or row["planned_at"]}
        for row in stood
        if row["cycle"] == state.cycle and row["step"] in steps
    )[:_TOLD]


class Unnamed(Refused):
    """A name that the playbook does not have; the remedy names the nearest that it has."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        near = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
        remedy = f"Did you mean {near[0]!r}?" if near else "`tendril playbook show NAME` lists them."
        super().__init__(f"The journey's playbook has no step, asset, trigger or channel {name!r}.", remedy)


def _object(answer: Answer) -> dict[str, Any]:
    point = answer.point
    return {
        "step": point.step,
        "channel": point.channel,
        "asset": point.asset,
        "where": point.where,
        "verdict": answer.verdict,
        "why": answer.why,
        "until": answer.until,
        "key": answer.key,
        "at": answer.at,
        "values": dict(answer.values),
    }


def _state(journey: Any, decision: Any) -> JourneyState:
    if decision is not None:
        return JourneyState.model_validate(decision["state"])
    return JourneyState.begin(journey["lead_id"], journey["cycle"], journey["playbook_hash"], journey["started_at"])


def _called(points: Sequence[Touchpoint]) -> list[str]:
    words = ({point.step, point.asset, point.trigger.id if point.trigger else ""} for point in points)
    return sorted({word for each in words for word in each if word})


async def _as_known(
    connection: Connection, facts: Facts, state: JourneyState, playbook: str, at: datetime
) -> tuple[Facts, tuple[str, ...]]:
    """The facts with what is known of then in place of what is so today, and what stays as it is now, in sentences."""
    lead = state.lead
    behaviours = await past_facts.behaviours(connection, lead, at, state.cursor, MOST_READ)
    touches = await past_touches.touches(connection, lead, at, _MUCH)
    words = await past_facts.consent(connection, lead, at, _MUCH)
    permission = await past_facts.permission(connection, lead, at)
    wishes = {} if _unchanged(permission, at) else {"paused_until": None, "least_days": 0, "declined_topics": ()}
    unsure = past_facts.unsure(permission, at, _ASKED, purged=any(row["purged_since"] for row in behaviours))
    known = facts.model_copy(
        update={
            "behaviours": tuple(_behaviour(row) for row in reversed(behaviours)),
            "touches": tuple(_touch(row) for row in reversed(touches)),
            "holds": tuple(Hold(**dict(row)) for row in await connection.fetch(_HOLDS, at, playbook)),
            "permission": facts.permission.model_copy(
                update={"suppressed": permission["suppressed"], "declined": past_facts.declined(words), **wishes}
            ),
            "more_unread": False,
        }
    )
    return known, (*unsure, *([_COMPANY] if facts.account.id else []))


def _unchanged(permission: dict[str, Any], at: datetime) -> bool:
    """What the lead wants is kept only as it wants it now."""
    said: datetime | None = permission["preference_at"]
    return said is None or said <= at


def _behaviour(row: dict[str, Any]) -> Behaviour:
    given = {name: row[name] for name in ("position", "kind", "name", "properties", "trusted")}
    return Behaviour(**given, at=row["occurred_at"])


def _touch(row: dict[str, Any]) -> TouchFact:
    given = {name: row[name] for name in ("key", "cycle", "step", "asset", "channel", "status", "note", "variant")}
    return TouchFact(**given, at=row["sent_at"] or row["planned_at"], number=row["decision_number"])
