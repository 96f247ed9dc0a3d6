"""How the leads of an operation stand: for its preview, which is the operation itself, asked for and rolled back."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from domain.core.outlook import Standing, settled
from domain.playbook.models import ReEntry
from domain.state import JourneyState
from storage import rewinding
from storage.database import Connection
from storage.gather import gather
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
#: The journey that would be begun (``storage.enrolment``): in the version in force, from where the inbox is read.
_AGAIN = """
select j.lead_id, j.cycle + 1 as cycle, j.cursor, a.hash as playbook
from journey j join playbook_active a on a.name = j.playbook_name
where j.lead_id = $1 order by j.cycle desc limit 1
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


async def rewound(connection: Connection, standing: Standing, to: int, now: datetime) -> Standing:
    """With the state that a rewind goes back to among the facts, and what was unread then: as ``decide`` gathers it."""
    state = standing.state
    back = await rewinding.recorded(connection, state.lead, state.cycle, to)
    if back is None:
        return standing
    read = state.model_copy(update={"cursor": min(state.cursor, back.cursor)})
    _, facts = settled(read, await gather(connection, read, now))
    return Standing(state, facts.model_copy(update={"past": {to: back}}), standing.wakes)


async def begun_again(connection: Connection, lead: str, at: datetime, now: datetime) -> Standing | None:
    """How a lead's next journey would stand at its beginning; None where its playbook is in force no longer."""
    row = await connection.fetchrow(_AGAIN, lead)
    if row is None:
        return None
    begun = JourneyState.begin(lead, row["cycle"], row["playbook"], at).model_copy(update={"cursor": row["cursor"]})
    return Standing(*settled(begun, await gather(connection, begun, now)), at)


async def re_entry_rules(connection: Connection) -> dict[str, ReEntry]:
    """The rule of re-entry of each playbook in force, by its name."""
    return {row["name"]: ReEntry.model_validate(row["rule"]) for row in await connection.fetch(_RULES)}
