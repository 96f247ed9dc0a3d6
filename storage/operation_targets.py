"""What a rewind goes back to and which touch is sent again: found for every lead of an operation, in one statement."""

import re
from datetime import datetime

from domain.durations import is_duration
from domain.errors import NotFound, Refused
from domain.moments import AGO, parse_moment
from domain.operating import OperationKind, OperationRequest
from domain.words import BuyerStage
from storage import rewinding
from storage.database import Connection

#: What begins so can only be a time: decisions are numbers, steps and stages have names.
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
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
#: A journey that had not decided then stood at its beginning.
_TO_TIME = """
select number from (({at}) union all select 0 where j.started_at <= $2::text::timestamptz) as known
order by number desc limit 1
"""
_TOUCH = """
select jsonb_build_object('touch', t.key) as given from touch t
where t.lead_id = j.lead_id and (t.key = $2::text or t.cycle = j.cycle and t.step = $2::text and t.status = 'sent')
order by t.sent_at desc nulls last, t.key limit 1
"""
_WITHOUT = """
update operation_lead set status = 'refused', detail = $3, done_at = $4
where operation_id = $1 and not given ? $2
"""


def settled(kind: OperationKind, request: OperationRequest, now: datetime) -> OperationRequest:
    """The request as it is kept: a time to rewind to that is said from now (``3d ago``, ``3d``, a day) as what it is.

    Raises ``Refused`` for what can only be a time and is none, or is to come.
    """
    if kind is not OperationKind.REWIND:
        return request
    if request.to.isascii() and request.to.isdigit() and int(request.to) > 2**31 - 1:
        raise Refused(f"There is no decision {request.to}.", "`tendril journeys timeline LEAD` shows their numbers.")
    at = _moment(request.to.strip(), now)
    return request.model_copy(update={"to": at.isoformat()}) if at else request


async def find_targets(
    connection: Connection, operation: str, kind: OperationKind, request: OperationRequest, now: datetime
) -> None:
    """Give every lead its own ``to`` or ``touch``, of a request as ``settled``. Who has none is refused with why."""
    if kind is OperationKind.REWIND and request.to:
        target = f"select jsonb_build_object('to', found.number) as given from ({_way_back(request.to)}) as found"  # noqa: S608 - statements of ours
        await connection.execute(_OF_EACH.replace("/* target */", target), operation, request.to)
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
    if _DAY.match(to):
        return _TO_TIME.format(at=_of_each(rewinding.AT, "$2::text::timestamptz"))
    return _of_each(rewinding.STEP, "$2::text")


def _of_each(query: str, said: str) -> str:
    """A query about journey ``$2`` of lead ``$1``, about each one's own."""
    return query.replace("$1", "j.lead_id").replace("$2", "j.cycle").replace("$3::text", "$3").replace("$3", said)


def _moment(text: str, now: datetime) -> datetime | None:
    """The moment that a text names, as ``explain --at`` reads it. None: no time."""
    if not (_DAY.match(text) or text.endswith(AGO) or is_duration(text)):
        return None
    try:
        return parse_moment(text, now)
    except ValueError as wrong:
        if text.endswith(AGO):
            return None  # a step whose name ends so
        raise Refused(f"{str(wrong)[:1].upper()}{str(wrong)[1:]}.", "Times are UTC unless they name a zone.") from None
