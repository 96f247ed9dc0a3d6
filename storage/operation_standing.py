"""How the leads of an operation stand: for its preview, which is the operation itself, asked for and rolled back."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from domain.playbook.models import ReEntry
from domain.state import JourneyState
from storage.database import Connection
from storage.permission import forbidden

_PAGE = 5000
#: ``$2`` is the lead that the page comes after. Whom targets refused already keep their ``detail``.
_STANDING = """
select o.lead_id as lead, o.status, o.detail, o.given, j.cycle, j.ended_at, coalesce(j.ending, '') as ending,
    j.phase, j.stage, j.started_at, j.paused_since, j.decision_number, j.playbook_hash, j.playbook_name,
    exists (select from handoff h where h.lead_id = o.lead_id and h.status = 'open') as handed_off
    /* suppressed */
from operation_lead o
left join lateral (select * from journey where lead_id = o.lead_id order by cycle desc limit 1) j on true
join lead l on l.id = o.lead_id
where o.operation_id = $1 and o.lead_id > $2 order by o.lead_id limit $3
"""
_SUPPRESSED = f", coalesce({forbidden('l')}, '') as suppressed"
#: Where a rewind would go back to.
_RECORDED = """
select distinct on (d.lead_id) d.lead_id as lead, d.state from decision d
join journey j on j.lead_id = d.lead_id and j.cycle = d.cycle
where d.lead_id = any($1) and not d.superseded and d.number = ($2::jsonb ->> d.lead_id)::int
order by d.lead_id, d.cycle desc, d.revision desc
"""
_RULES = """
select a.name, v.document::jsonb -> 're_entry' as rule from playbook_active a join playbook_version v on v.hash = a.hash
"""


async def standing(connection: Connection, operation: str, *, suppressed: bool = False) -> AsyncIterator[Sequence[Any]]:
    """The rows of an operation's leads by id, page by page; ``suppressed`` is one more column."""
    query = _STANDING.replace("/* suppressed */", _SUPPRESSED if suppressed else "")
    after = ""
    while rows := await connection.fetch(query, operation, after, _PAGE):
        yield rows
        after = rows[-1]["lead"]


async def recorded(connection: Connection, to: Mapping[str, int]) -> dict[str, JourneyState]:
    """The states after these decisions, by lead, of each one's latest journey."""
    rows = await connection.fetch(_RECORDED, list(to), dict(to))
    return {row["lead"]: JourneyState.model_validate(row["state"]) for row in rows}


async def re_entry_rules(connection: Connection) -> dict[str, ReEntry]:
    """The rule of re-entry of each playbook in force, by its name."""
    return {row["name"]: ReEntry.model_validate(row["rule"]) for row in await connection.fetch(_RULES)}
