"""All that ever happened with a lead, one line a thing, across its journeys: for whoever reads and for programs."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from domain.errors import NotFound, Refused
from domain.facts import RESTORED, RETRACTION
from storage.database import Database
from storage.merges import current
from storage.operators_log import OF_LEAD
from storage.retractions import why_not_counted
from storage.statement import Statement

#: Each part gives its newest, and the newest of all are taken. ``rank`` orders what happened at the same instant.
_ITEMS = Statement(
    """
with of as (select :lead as lead),
items as (
    (
        select b.occurred_at as at, 1 as rank, lpad(b.id::text, 19, '0') as id, b.kind, null::int as cycle,
            b.name as what, '' as why, b.trusted as counts, b.purged_at is not null as gone,
            jsonb_build_object('properties', b.properties, 'received_at', b.received_at) as more
        from of join behaviour b on b.lead_id = of.lead
        where (:since is null or b.occurred_at >= :since) and (:at is null or b.occurred_at <= :at)
            and (:at is null or (b.occurred_at, 1, lpad(b.id::text, 19, '0')) < (:at, :rank, :id))
        order by b.occurred_at desc, b.id desc limit :most
    )
    union all (
        select d.at, 3, lpad(d.number::text, 9, '0') || '.' || d.revision, 'decision', d.cycle, d.title, d.cause,
            not d.superseded, false, jsonb_build_object('number', d.number, 'revision', d.revision)
        from of join decision d on d.lead_id = of.lead
        where (:since is null or d.at >= :since) and (:at is null or d.at <= :at)
            and (:at is null or (d.at, 3, lpad(d.number::text, 9, '0') || '.' || d.revision) < (:at, :rank, :id))
        order by d.at desc, d.number desc, d.revision desc limit :most
    )
    union all (
        select coalesce(t.sent_at, t.claimed_at, t.planned_at), 4, t.key, 'touch', t.cycle,
            coalesce(nullif(t.asset, ''), t.step), t.status || coalesce(': ' || nullif(t.reason, ''), ''), true, false,
            jsonb_build_object('channel', t.channel, 'status', t.status, 'step', t.step, 'key', t.key)
        from of join touch t on t.lead_id = of.lead
    )
    union all (
        select h.opened_at, 5, h.id, 'handoff', h.cycle, 'to sales: ' || h.reason, '', true, false,
            jsonb_build_object('handoff', h.id)
        from of join handoff h on h.lead_id = of.lead
        union all
        select h.resolved_at, 5, h.id || '/', 'handoff', h.cycle, h.status, h.outcome_reason, true, false,
            jsonb_build_object('handoff', h.id)
        from of join handoff h on h.lead_id = of.lead where h.resolved_at is not null
    )
    union all (
        select a.at, 2, lpad(a.id::text, 12, '0'), 'operator', null, a.action, a.why, true, false,
            jsonb_build_object('by', a.by, 'operation', a.operation_id)
        from (/* operators */) as a
    )
    union all (
        select c.at, 2, lpad(c.id::text, 12, '0'), 'consent', null,
            case when c.granted then 'yes' else 'no' end || ' to ' || c.channel,
            concat_ws(', ', nullif(c.basis, ''), nullif(c.source, '')), true, false, '{}'::jsonb
        from of join consent_word c on c.lead_id = of.lead
    )
    union all (
        select s.at, 2, 'suppression' || md5(s.email), 'suppression', null,
            'nobody may write to them: ' || s.reason, s.source, true, false, '{}'::jsonb
        from of join lead l on l.id = of.lead
        join suppression s on s.email in (l.email, '*@' || substring(l.email from '[^@]*$')) or s.lead_id = l.id
    )
    union all (
        select j.started_at, 0, 'began' || j.cycle, 'journey', j.cycle, 'journey ' || j.cycle || ' begins',
            j.playbook_name, true, false, '{}'::jsonb
        from of join journey j on j.lead_id = of.lead
        union all
        select j.ended_at, 6, 'ended' || j.cycle, 'journey', j.cycle, 'journey ' || j.cycle || ' ends: ' || j.ending,
            j.ending_reason, true, false, '{}'::jsonb
        from of join journey j on j.lead_id = of.lead where j.ended_at is not null
    )
    union all (
        select m.at, 2, 'merge' || m.id, 'merge', null,
            case when m.survivor = of.lead then m.merged || ' became part of this lead'
                else 'became part of ' || m.survivor end, m.why, m.undone_at is null, false,
            jsonb_build_object('by', m.by)
        from of join lead_merge m on m.survivor = of.lead or m.merged = of.lead
    )
)
select * from items
where (:since is null or at >= :since) and (:at is null or (at, rank, id) < (:at, :rank, :id))
order by at desc, rank desc, id desc limit :most
""".replace("/* operators */", OF_LEAD),
    since="timestamptz",
    at="timestamptz",
    rank="int",
    most="int",
)
#: What is told as it is now, because how it was is not kept; beside every timeline.
UNSURE = (
    "Of the suppression list shows what is on it now for the address of now.",
    "Of a touch shows what became of it last, at the time of that.",
)
#: Seconds by which behaviour must come after it happened to be told as late.
_LATE = 3600


class Item(BaseModel):
    """One thing that happened. ``kind``: track, page, identify, delivery, crm, retraction (behaviour), or decision,
    touch, handoff, operator, consent, suppression, journey, merge.

    ``counts`` is false for what holds no longer: a decision taken back, behaviour that is not counted. ``received_at``
    is set for behaviour that came later than it happened. ``id`` is the touch's key, the decision's number, or opaque.
    """

    model_config = ConfigDict(frozen=True)

    at: datetime
    kind: str
    what: str
    why: str = ""
    cycle: int | None = None
    counts: bool = True
    id: str = ""
    by: str = ""
    received_at: datetime | None = None


class _After(NamedTuple):
    at: datetime
    rank: int
    id: str


async def timeline(
    db: Database, lead: str, *, since: datetime | None = None, cursor: str | None = None, limit: int = 100
) -> tuple[list[Item], str | None]:
    """The newest things first, and the next page's cursor (None at the end). Of a merged lead its survivor's.

    Raises ``NotFound``, and ``Refused`` for a cursor that is none of ours.
    """
    after = _read_cursor(cursor) if cursor else None
    values = {
        "lead": await current(db.pool, lead),
        "since": since,
        "at": after.at if after else None,
        "rank": after.rank if after else 0,
        "id": after.id if after else "",
        "most": limit + 1,
    }
    rows = await db.pool.fetch(_ITEMS.sql, *_ITEMS.arguments(values))
    if not rows and not await db.pool.fetchval("select exists (select from lead where id = $1)", values["lead"]):
        raise NotFound(f"There is no lead {lead}.", "`tendril leads list` shows the leads there are.")
    shown = rows[:limit]
    return [_item(row) for row in shown], _cursor(shown[-1]) if len(rows) > limit else None


def _item(row: Mapping[str, Any]) -> Item:
    common = {name: row[name] for name in ("at", "kind", "cycle", "counts")}
    more = row["more"]
    if "properties" in more:
        return Item(**common, **_behaviour(row, more))
    what, id_ = row["what"], more.get("key") or more.get("handoff") or more.get("operation") or ""
    if row["kind"] == "decision":
        anew = ", made anew" if more["revision"] > 1 else ""
        what, id_ = f"{more['number']}{anew}: {what}", str(more["number"])
    elif row["kind"] == "touch":
        what = f"{more['channel'].replace('_', ' ')} {what}"
    return Item(**common, what=what.replace("_", " "), why=row["why"].replace("_", " "), id=id_, by=more.get("by", ""))


def _behaviour(row: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    properties, received = more["properties"], datetime.fromisoformat(more["received_at"])
    late = received if (received - row["at"]).total_seconds() > _LATE else None
    if row["gone"]:
        return {"what": "kept no longer", "received_at": late}
    what, why = row["what"], "" if row["counts"] else f"not counted: {why_not_counted(properties)}"
    if row["kind"] == RETRACTION:
        word = "counts after all" if what == RESTORED else "retracted"
        what, why = f"{word}: {properties.get('event', 'erased')}", properties.get("reason", "")
    elif row["kind"] == "delivery":
        what = what.replace("_", " ")
    touch = properties.get("touch")  # anything at all where a sender has a property of that name
    return {"what": what, "why": why, "id": touch if isinstance(touch, str) else "", "received_at": late}


def _cursor(row: Mapping[str, Any]) -> str:
    text = f"{row['at'].isoformat()} {row['rank']} {row['id']}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> _After:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, rank, id_ = text.split(" ", 2)
        return _After(datetime.fromisoformat(at), int(rank), id_)
    except (ValueError, binascii.Error):
        raise Refused("That cursor is not one of ours.", "Use next_cursor of the page before, as it is.") from None
