"""What a rewind goes back to and which touch is sent again: found for every lead of an operation, in one statement."""

import re
from datetime import UTC, datetime

from domain.errors import NotFound, Refused
from domain.operating import OperationKind, OperationRequest
from domain.words import BuyerStage
from storage import rewinding
from storage.database import Connection

#: The latest journey of each lead: ``o`` is the operation's row, ``j`` the journey.
_OF_EACH = """
update operation_lead o set given = o.given || found.given
from operation_lead mine
join lateral (select * from journey where lead_id = mine.lead_id order by cycle desc limit 1) j on true
cross join lateral (/* target */) as found
where mine.operation_id = $1 and o.operation_id = $1 and o.lead_id = mine.lead_id and $2::text <> ''
    and mine.given = '{}'
"""
_TO_NUMBER = """
select d.number from decision d where d.lead_id = j.lead_id and d.cycle = j.cycle and not d.superseded
and d.number = $2::text::int
"""
_TO_BEGINNING = "select 0 as number where $2::text = '0'"
_TOUCH = """
select jsonb_build_object('touch', t.key) as given from touch t
where t.lead_id = j.lead_id and (t.key = $2::text or t.cycle = j.cycle and t.step = $2::text and t.status = 'sent')
order by t.sent_at desc nulls last, t.key limit 1
"""
_WITHOUT = """
update operation_lead set status = 'refused', detail = $3, done_at = $4
where operation_id = $1 and not given ? $2
"""


async def find_targets(
    connection: Connection, operation: str, kind: OperationKind, request: OperationRequest, now: datetime
) -> None:
    """Give every lead its own ``to`` or ``touch``. Those without one are refused with why."""
    if kind is OperationKind.REWIND and request.to:
        target = f"select jsonb_build_object('to', found.number) as given from ({_way_back(request.to)}) as found"  # noqa: S608 - statements of ours
        await connection.execute(_OF_EACH.replace("/* target */", target), operation, _plain(request.to))
        await connection.execute(_WITHOUT, operation, "to", f"its journey has nothing to go back to: {request.to}", now)
    elif kind is OperationKind.RESEND:
        await connection.execute(_OF_EACH.replace("/* target */", _TOUCH), operation, request.touch)
        await connection.execute(_WITHOUT, operation, "touch", f"it was not sent {request.touch}", now)


async def version_named(connection: Connection, named: str) -> str:
    """The hash of a version: the one in force under a playbook's name, or itself. Raises ``NotFound``."""
    found: str | None = await connection.fetchval(
        "select hash from playbook_active where name = $1 union all select hash from playbook_version where hash = $1",
        named,
    )
    if found is None:
        raise NotFound(f"There is no playbook or version {named!r}.", "`tendril playbook list` names the playbooks.")
    return found


def _way_back(to: str) -> str:
    if to == "0":
        return _TO_BEGINNING
    if to.isascii() and to.isdigit():
        return _TO_NUMBER
    if to in set(BuyerStage):
        return _of_each(rewinding.STAGE, "$2::text")
    return _of_each(rewinding.AT, "$2::text::timestamptz") if _time(to) else _of_each(rewinding.STEP, "$2::text")


def _of_each(query: str, said: str) -> str:
    """A query about journey ``$2`` of lead ``$1``, about each one's own."""
    return query.replace("$1", "j.lead_id").replace("$2", "j.cycle").replace("$3::text", "$3").replace("$3", said)


def _plain(to: str) -> str:
    at = _time(to)
    if to.isascii() and to.isdigit() and int(to) > 2**31 - 1:
        raise Refused(f"There is no decision {to}.", "`tendril journeys timeline LEAD` shows their numbers.")
    return at.isoformat() if at else to


def _time(text: str) -> datetime | None:
    """The moment a text names, in UTC where it has no zone; None when it names none."""
    if not re.match(r"\d{4}-\d\d-\d\d", text):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is not a time.", "Write it as 2026-05-04T15:30, in UTC.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
