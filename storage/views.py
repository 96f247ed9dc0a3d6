"""What people look at: one journey whole, journeys in a list, counts, the newest decisions. Never on a hot path."""

import base64
import binascii
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.errors import NotFound, Refused
from storage import operators_log
from storage.briefs import BRIEF
from storage.database import Connection, Database
from storage.merges import current
from storage.permission import forbidden
from storage.statement import Statement

#: Most decisions and behaviours shown with a journey, newest first.
_SHOWN = 100

_JOURNEY = """
select j.*, d.scores, d.reasons, d.rejected, coalesce(/* forbidden */, '') as suppressed
from journey j join lead l on l.id = j.lead_id
left join lateral (
    select * from decision where lead_id = j.lead_id and cycle = j.cycle and not superseded
    order by number desc, revision desc limit 1
) d on true
where j.lead_id = $1 order by j.cycle desc limit 1
""".replace("/* forbidden */", forbidden("l"))
_PARTS = {
    "touches": """
        select key, cycle, decision_number, step, channel, asset, status, reason, planned_at, sent_at, attempts, vendor,
            vendor_id
        from touch where lead_id = $1 order by coalesce(sent_at, planned_at) desc, key limit $2
    """,
    "handoffs": """
        select id, cycle, status, reason, /* brief */ as brief, opened_at, sla_at, resolved_at, outcome_reason
        from handoff h where lead_id = $1 order by opened_at desc, id limit $2
    """.replace("/* brief */", BRIEF),
    "decisions": """
        select cycle, number, revision, superseded, at, cause, wake_types, title, scores, commands, reasons, rejected,
            forward, next_wake_at, next_wake_cause
        from decision where lead_id = $1 order by cycle desc, number desc, revision desc limit $2
    """,
    "behaviours": """
        select message_id, position, kind, name, properties, trusted, occurred_at, purged_at
        from behaviour where lead_id = $1 order by position desc limit $2
    """,
    "cycles": """
        select cycle, started_at, ended_at, ending, ending_reason from journey where lead_id = $1 order by cycle desc
        limit $2
    """,
    "consent": """
        select channel, granted, basis, source, wording, at from consent_word where lead_id = $1 order by id desc
        limit $2
    """,
    "audiences": """
        select m.audience, m.desired, coalesce(bool_or(n.held), false) as member,
            coalesce(array_agg(n.network order by n.network) filter (where n.held), '{}') as networks,
            coalesce(string_agg(n.network || ': ' || n.error, '; ' order by n.network) filter (where n.error <> ''), '')
                as error
        from audience_member m left join network_member n using (audience, lead_id)
        where m.lead_id = $1 group by m.audience, m.desired order by m.audience limit $2
    """,
}
#: Only the filters that were given are asked for: a plan for all of them at once would read every journey.
_FILTERS = {
    "status": "status = :status",
    "phase": "phase = :phase",
    "stage": "stage = :stage",
    "segment": "segment = :segment",
    "playbook": "playbook_name = :playbook",
    "ending": "ending = :ending",
    "ended": "(ended_at is not null) = :ended",
    "after_at": "(started_at, lead_id, cycle) < (:after_at, :after, :cycle)",
}
_TYPES = {"ended": "bool", "after_at": "timestamptz", "cycle": "int", "most": "int", "since": "timestamptz"}
_NEWEST = "select * from found order by started_at desc, lead_id desc, cycle desc limit :most"
#: So many journeys are sorted faster than they are met among the others.
_FEW = 5000
#: One pass over the journeys, in flight and ended.
_JOURNEYS = """
select status, phase, stage, segment, ending, count(*) as number from journey
group by status, phase, stage, segment, ending
"""
_ACTIVITY = Statement(
    """
select 'touches' as what, channel as word, status as more, count(*) as number from touch
where :since is null or planned_at >= :since group by channel, status
union all select 'handoffs', status, '', count(*) from handoff group by status
union all select 'waiting', 'wakes', '', count(*) from pending_wake
""",
    **_TYPES,
)
_LAST = """
select lead_id, cycle, number, at, cause, wake_types, title from decision where not superseded
order by at desc, lead_id limit $1
"""


class JourneyFilters(BaseModel):
    """Which journeys to list; "" (or None) means any."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: str = ""
    phase: str = ""
    stage: str = ""
    segment: str = ""
    playbook: str = ""
    ending: str = ""
    ended: bool | None = None


async def journey_view(db: Database, lead_id: str) -> dict[str, Any]:
    """The lead's latest journey with its story, as of one moment; of a merged lead its survivor's. Raises ``NotFound``.

    The read model's columns, ``scores``, ``reasons`` and ``rejected`` of the decision in force, ``next_wake``
    (``at``, ``cause``, or None), ``suppressed``, and newest first ``touches``, ``handoffs``, ``decisions``,
    ``behaviours``, ``cycles``, ``consent`` (every word), ``audiences`` and ``operators`` (what they did).
    Times are aware datetimes on the deployment's clock.
    """
    async with (
        db.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        lead_id = await current(connection, lead_id)
        row = await connection.fetchrow(_JOURNEY, lead_id)
        if row is None:
            raise await _nothing_to_show(connection, lead_id)
        parts = {
            name: [dict(part) for part in await connection.fetch(query, lead_id, _SHOWN)]
            for name, query in _PARTS.items()
        }
        parts["operators"] = await operators_log.done_to(connection, lead_id, _SHOWN)
    view = dict(row)
    at, cause = view.pop("next_wake_at"), view.pop("next_wake_cause")
    none_yet = {"scores": view["scores"] or {}, "reasons": view["reasons"] or [], "rejected": view["rejected"] or []}
    return view | none_yet | {"next_wake": {"at": at, "cause": cause} if at else None} | parts


async def list_journeys(
    db: Database, filters: JourneyFilters | None = None, cursor: str | None = None, limit: int = 50
) -> tuple[list[dict[str, Any]], str | None, int]:
    """A page of journeys, newest first, the next page's cursor (None at the end), and how many match in all.

    Raises ``Refused`` for a cursor that is none of ours.
    """
    given = (filters or JourneyFilters()).model_dump(exclude_defaults=True)
    after = dict(zip(("after_at", "after", "cycle"), _read_cursor(cursor), strict=True)) if cursor else {}
    count = Statement(f"select count(*) from journey{_where(given)}", **_TYPES)  # noqa: S608 - conditions of ours
    total: int = await db.pool.fetchval(count.sql, *count.arguments(given))
    given |= after
    # Of few the newest are found by looking at all of them; of many by going back in time until a page is full.
    found = "as materialized" if total <= _FEW else "as not materialized"
    chosen = f"select * from journey{_where(given)}"  # noqa: S608 - conditions of ours
    page = Statement(f"with found {found} ({chosen}) {_NEWEST}", **_TYPES)
    rows = [dict(row) for row in await db.pool.fetch(page.sql, *page.arguments(given | {"most": limit + 1}))]
    items = rows[:limit]
    return items, _cursor(items[-1]) if len(rows) > limit and items else None, total


def _where(given: Mapping[str, Any]) -> str:
    asked = [condition for name, condition in _FILTERS.items() if name in given]
    return f" where {' and '.join(asked)}" if asked else ""


async def counts(db: Database) -> dict[str, Any]:
    """``journeys``: ``status``, ``phase``, ``stage``, ``segment`` (these two: in flight), ``ending`` → word → number;
    with what ``activity`` tells of all time. Reads every journey and every touch.
    """
    return {"journeys": _journey_counts(await db.pool.fetch(_JOURNEYS)), **await activity(db)}


async def activity(db: Database, since: datetime | None = None) -> dict[str, Any]:
    """``touches``: channel → status → number, of those planned ``since`` then. ``handoffs``: status → number.

    ``wakes``: how many wait.
    """
    touches: dict[str, dict[str, int]] = {}
    handoffs: dict[str, int] = {}
    waiting = 0
    for what, word, more, number in await db.pool.fetch(_ACTIVITY.sql, *_ACTIVITY.arguments({"since": since})):
        if what == "touches":
            touches.setdefault(word, {})[more] = number
        elif what == "handoffs":
            handoffs[word] = number
        else:
            waiting = number
    return {"touches": touches, "handoffs": handoffs, "wakes": waiting}


def _journey_counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    counted: dict[str, Counter[str]] = {name: Counter() for name in ("status", "phase", "stage", "segment", "ending")}
    for row in rows:
        flying = not row["ending"]
        for name in ("status", "phase", *(("stage", "segment") if flying else ("ending",))):
            counted[name][row[name]] += row["number"]
    return {name: dict(numbers) for name, numbers in counted.items()}


async def last_decisions(db: Database, limit: int) -> list[dict[str, Any]]:
    """The newest decisions in force: lead_id, cycle, number, at, cause, wake_types, title."""
    return [dict(row) for row in await db.pool.fetch(_LAST, limit)]


async def _nothing_to_show(connection: Connection, lead_id: str) -> NotFound:
    if await connection.fetchval("select exists (select from lead where id = $1)", lead_id):
        return NotFound(f"Lead {lead_id} has no journey.", "Enrol the lead with POST /v1/leads.")
    return NotFound(f"There is no lead {lead_id}.", "`tendril leads list` shows the leads there are.")


def _cursor(row: dict[str, Any]) -> str:
    text = f"{row['started_at'].isoformat()} {row['lead_id']} {row['cycle']}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, str, int]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, lead, cycle = text.split(" ")
        return datetime.fromisoformat(at), lead, int(cycle)
    except (ValueError, binascii.Error):
        raise Refused("That cursor is not one of ours.", "Use next_cursor of the page before, as it is.") from None
