"""What a rewind goes back to and which touch is sent again: found for every lead of an operation, in one statement."""

import re
from datetime import UTC, datetime

from domain.errors import Refused
from domain.operating import OperationKind, OperationRequest
from domain.words import BuyerStage
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
_IN_FORCE = "from decision d where d.lead_id = j.lead_id and d.cycle = j.cycle and not d.superseded"
_TO_NUMBER = f"select jsonb_build_object('to', d.number) as given {_IN_FORCE} and d.number = $2::text::int"
_TO_BEGINNING = "select jsonb_build_object('to', 0) as given where $2::text = '0'"
#: The decision before the one that planned the step's newest touch.
_TO_STEP = """
select jsonb_build_object('to', greatest(t.decision_number - 1, 0)) as given from touch t
where t.lead_id = j.lead_id and t.cycle = j.cycle and t.step = $2::text
order by t.decision_number desc limit 1
"""
#: The decision that moved the journey to the stage the last time.
_TO_STAGE = f"""
select jsonb_build_object('to', d.number) as given from (
    select number, stage, lag(stage, 1, '') over (order by number) as former
    from (select d.number, coalesce(d.state ->> 'stage', '{BuyerStage.PROBLEM_AWARENESS}') as stage {_IN_FORCE}) as d
) as d
where d.stage = $2::text and d.former <> d.stage order by d.number desc limit 1
"""  # noqa: S608 - words of our own
#: What stood at that time.
_TO_TIME = f"""
select jsonb_build_object('to', coalesce(max(d.number), 0)) as given {_IN_FORCE} and d.at <= $2::text::timestamptz
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


async def find_targets(
    connection: Connection, operation: str, kind: OperationKind, request: OperationRequest, now: datetime
) -> None:
    """Give every lead its own ``to`` or ``touch``. Those without one are refused with why."""
    if kind is OperationKind.REWIND and request.to:
        await connection.execute(_OF_EACH.replace("/* target */", _way_back(request.to)), operation, _plain(request.to))
        await connection.execute(_WITHOUT, operation, "to", f"its journey has nothing to go back to: {request.to}", now)
    elif kind is OperationKind.RESEND:
        await connection.execute(_OF_EACH.replace("/* target */", _TOUCH), operation, request.touch)
        await connection.execute(_WITHOUT, operation, "touch", f"it was not sent {request.touch}", now)


def _way_back(to: str) -> str:
    if to == "0":
        return _TO_BEGINNING
    if to.isascii() and to.isdigit():
        return _TO_NUMBER
    if to in set(BuyerStage):
        return _TO_STAGE
    return _TO_TIME if _time(to) else _TO_STEP


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
