"""What was known of a lead at one moment: behaviour with its trust, consent, permission. Never what came later.

Most of it is exact, by the times that rows keep: behaviour by when it came and to whom it belonged then; trust by the
retractions that had come. The ledger as it stood is ``storage.past_touches``'s.
What rows do not keep (an address before it changed, an entry that was taken off the suppression list) is not made up:
``storage.past`` says so.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.facts import RESTORED, RETRACTION
from storage.briefs import BRIEF
from storage.database import Connection
from storage.retractions import NOT_COUNTED

#: Behaviour of a merge that is undone was the survivor's meanwhile; that of one still to come was not yet.
_BEHAVIOURS = """
with own as (
    select b.* from behaviour b
    where b.lead_id = $1 and b.received_at <= $2 and not exists (
        select from lead_merge m
        where m.survivor = $1 and m.at > $2 and m.undone_at is null and b.id = any(m.behaviour_ids)
    )
    and (b.position between 1 and $3 or not exists (
        -- whose it is was found out later
        select from identity i where i.created_at > $2
            and (i.kind = 'anonymous_id' and i.value = b.anonymous_id or i.kind = 'user_id' and i.value = b.user_id)
    ))
    order by b.position desc limit $4
),
elsewhere as (
    -- an array, so that these few are looked up: joined, all behaviour there is would be read
    select b.* from behaviour b
    where b.id = any(array(
        select unnest(m.behaviour_ids) from lead_merge m
        where m.survivor = $1 and m.at <= $2 and m.undone_at > $2
            or m.merged = $1 and m.at > $2 and m.undone_at is null
    )) and b.lead_id <> $1 and b.received_at <= $2
)
select id, message_id, position, kind, name, properties, trusted, occurred_at, received_at,
    case when purged_at <= $2 then purged_at end as purged_at, purged_at > $2 as purged_since
from (select * from own union all select * from elsewhere) as b order by position desc limit $4
"""
_RETRACTIONS = """
select properties ->> 'message_id' as message_id, name from behaviour
where lead_id = $1 and kind = $3 and received_at > $2 order by position
"""
_PERMISSION = """
select
    coalesce(
        (select 'erased' from erasure e where e.lead_id = l.id and e.at <= $2),
        (
            select s.reason from suppression s
            where s.email in (l.email, '*@' || substring(l.email from '[^@]*$')) and s.at <= $2
            order by s.email = l.email desc limit 1
        ),
        (
            select s.reason from suppression s
            where s.lead_id = l.id and s.reason <> 'hard_bounced' and s.at <= $2 order by s.at limit 1
        ),
        (
            select s.reason from lead_merge m join lead other on other.id = m.merged
            join suppression s on s.email in (other.email, '*@' || substring(other.email from '[^@]*$'))
            where m.survivor = l.id and m.at <= $2 and (m.undone_at is null or m.undone_at > $2)
                and s.reason <> 'hard_bounced' and s.at <= $2 order by s.at limit 1
        ), ''
    ) as suppressed,
    (select p.at from preference p where p.lead_id = l.id) as preference_at,
    l.updated_at, l.created_at
from lead l where l.id = $1
"""
_CONSENT = """
select channel, granted, basis, source, wording, at from consent_word
where lead_id = $1 and at <= $2 order by id desc limit $3
"""
_HANDOFFS = """
select id, cycle, reason, /* brief */ as brief, opened_at, sla_at,
    case when resolved_at <= $2 then status else 'open' end as status,
    case when resolved_at <= $2 then resolved_at end as resolved_at,
    case when resolved_at <= $2 then outcome_reason else '' end as outcome_reason
from handoff h where lead_id = $1 and opened_at <= $2 order by opened_at desc, id limit $3
""".replace("/* brief */", BRIEF)
#: Of a link that was followed again: how often and when last.
_LATER = ("times", "last")


def unsure(permission: Mapping[str, Any], at: datetime, about: str, *, purged: bool) -> list[str]:
    """What is kept only as it is now and has changed since, or may have, in sentences. ``about``: how it matters."""
    told = []
    if permission["updated_at"] > at:
        told.append(
            f"The lead's profile was last changed on {permission['updated_at']:%Y-%m-%d %H:%M} UTC; how it was before"
            f" is not kept. {about}"
        )
    if permission["preference_at"] is not None and permission["preference_at"] > at:
        told.append(
            f"The lead last said how often it wants mail on {permission['preference_at']:%Y-%m-%d %H:%M} UTC; what it"
            " had said before is not kept."
        )
    if purged:
        told.append("Some behaviour of then has been purged since: what it was is kept no longer.")
    if not permission["suppressed"]:
        told.append("An entry of the suppression list that was taken off since would not show.")
    return told


async def behaviours(connection: Connection, lead: str, at: datetime, cursor: int, most: int) -> list[dict[str, Any]]:
    """What had come by then, newest first, as ``views.journey_view`` has it. ``cursor``: what had been read."""
    rows = [dict(row) for row in await connection.fetch(_BEHAVIOURS, lead, at, cursor, most)]
    later = defaultdict(list)
    for row in await connection.fetch(_RETRACTIONS, lead, at, RETRACTION):
        later[row["message_id"]].append(row["name"])
    return [_as_known(row, later[row["message_id"]], at) for row in rows]


def _as_known(row: dict[str, Any], later: Sequence[str], at: datetime) -> dict[str, Any]:
    """A behaviour before what was said of it later: the first such word tells what held until then."""
    properties = dict(row["properties"])
    if later:
        row["trusted"] = later[0] != RESTORED
    if later or row["trusted"]:
        properties.pop(NOT_COUNTED, None)
    if later:
        properties.pop("restored", None)
    if row["kind"] == "delivery" and "last" in properties and datetime.fromisoformat(properties["last"]) > at:
        properties = {name: value for name, value in properties.items() if name not in _LATER}
    return row | {"properties": properties}


async def consent(connection: Connection, lead: str, at: datetime, most: int) -> list[dict[str, Any]]:
    """Every word given by then, newest first."""
    return [dict(row) for row in await connection.fetch(_CONSENT, lead, at, most)]


async def handoffs(connection: Connection, lead: str, at: datetime, most: int) -> list[dict[str, Any]]:
    """Handoffs opened by then, with what had become of them."""
    return [dict(row) for row in await connection.fetch(_HANDOFFS, lead, at, most)]


async def permission(connection: Connection, lead: str, at: datetime) -> dict[str, Any]:
    """``suppressed`` as far as the list still has it, and when what is kept only as it is now last changed."""
    return dict(await connection.fetchrow(_PERMISSION, lead, at))


def declined(words: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Channels that the newest word says no to; ``words`` newest first."""
    newest: dict[str, bool] = {}
    for word in words:
        newest.setdefault(word["channel"], word["granted"])
    return frozenset(channel for channel, granted in newest.items() if not granted)
