"""``--where``: which journeys are meant, as a condition over what is known of each (CEL, docs/decisions/0015-cel.md).

``FIELDS`` is the one place where the fields are: each with its type, its meaning and the SQL that reads it. CEL itself
decides, row by row, so that a condition means here what it means in a playbook; only the columns it mentions are read,
in pages. Measured over 100,000 journeys on two cores: 1.1 s for two plain columns, 2.2 s for ``days_in_stage``; the
same as SQL written by hand takes 0.2 s and 0.7 s, which is not worth a second implementation of the language.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.errors import Refused
from domain.playbook.checks.conditions import explained
from domain.playbook.checks.finding import did_you_mean
from domain.playbook.conditions import Condition, ConditionError, compiled
from storage.database import Connection
from storage.permission import forbidden

#: Journeys read at once.
PAGE = 5000
#: Hours until something that is not going to happen.
NEVER = 99_999


class Field(NamedTuple):
    """``kind`` is a type of the condition language; ``sql`` reads it of journey ``j`` and lead ``l`` at time ``$3``."""

    kind: str
    meaning: str
    sql: str


def _days(since: str) -> str:
    return f"coalesce(floor(extract(epoch from $3 - {since}) / 86400), 0)::int"


def _hours(until: str) -> str:
    return f"coalesce(floor(extract(epoch from {until} - $3) / 3600), {NEVER})::int"


_SENT = "from touch t where t.lead_id = j.lead_id and t.cycle = j.cycle and t.status = 'sent'"
_STAGE_SINCE = """(
    select (d.state ->> 'stage_since')::timestamptz from decision d
    where d.lead_id = j.lead_id and d.cycle = j.cycle and d.number = j.decision_number
    order by d.revision desc limit 1
)"""

_HELD = """exists (
    select from decision d where d.lead_id = j.lead_id and d.cycle = j.cycle and d.number = j.decision_number
    and not d.superseded and (d.state ? 'held_since' or d.rejected @> '[{"rule": "hold"}]')
)"""

FIELDS: Mapping[str, Field] = {
    "lead": Field("string", "Id of the lead.", "j.lead_id"),
    "status": Field("string", "The CRM's status: new, sales_review, nurture, …", "j.status"),
    "phase": Field("string", "What the journey is doing: nurture, handoff, cool_down, …", "j.phase"),
    "stage": Field("string", "Buyer stage.", "j.stage"),
    "segment": Field("string", "Segment of the playbook.", "j.segment"),
    "playbook": Field("string", "Name of the playbook.", "j.playbook_name"),
    "version": Field("string", "Hash of the playbook's version that the journey decides with.", "j.playbook_hash"),
    "fit": Field("int", "Fit score at the last decision, 0–100.", "j.fit"),
    "intent": Field("int", "Intent score at the last decision, 0–100.", "j.intent"),
    "grade": Field("string", "Letter of the fit score.", "j.grade"),
    "cycle": Field("int", "Which journey of the lead it is: 1 is the first.", "j.cycle"),
    "decision": Field("int", "Number of the last decision.", "j.decision_number"),
    "title": Field("string", "What the last decision says of itself.", "j.title"),
    "ended": Field("bool", "Whether the journey has ended.", "(j.ended_at is not null)"),
    "ending": Field("string", "Why it ended: sunset, disqualified, …; empty while it runs.", "j.ending"),
    "ending_reason": Field("string", "The reason beside it, such as competitor.", "j.ending_reason"),
    "paused": Field("bool", "Whether an operator has paused it.", "(j.paused_since is not null)"),
    "held": Field(
        "bool",
        "Whether its last decision held something back because of an operator's hold.",
        _HELD,
    ),
    "handed_off": Field(
        "bool",
        "Whether sales has the lead and has not answered.",
        "exists (select from handoff h where h.lead_id = j.lead_id and h.status = 'open')",
    ),
    "suppressed": Field("bool", "Whether nobody may write to the lead.", f"({forbidden('l')} is not null)"),
    "days_paused": Field("int", "Whole days since it was paused; 0 when it is not.", _days("j.paused_since")),
    "days_in_stage": Field("int", "Whole days since the buyer stage began.", _days(_STAGE_SINCE)),
    "days_in_journey": Field("int", "Whole days since the journey began.", _days("j.started_at")),
    "days_since_decision": Field("int", "Whole days since the last decision.", _days("j.decided_at")),
    "days_since_end": Field("int", "Whole days since the journey ended; 0 while it runs.", _days("j.ended_at")),
    "next_wake": Field(
        "int",
        f"Whole hours until the journey decides by itself, below 0 when late; {NEVER} when it never will.",
        _hours("j.next_wake_at"),
    ),
    "next_touch": Field(
        "int", f"Whole hours until the next touch that is planned; {NEVER} when none is.", _hours("j.next_touch_at")
    ),
    "touches": Field("int", "Touches that were sent in this journey.", f"(select count(*) {_SENT})::int"),
    "step": Field(
        "string",
        "Step of the touch that was sent last in this journey; empty when none was.",
        f"coalesce((select t.step {_SENT} order by t.sent_at desc, t.key limit 1), '')",
    ),
    "country": Field("string", "ISO 3166 country code, upper case.", "l.country"),
    "source": Field("string", "Where the lead came from.", "l.source"),
    "owner": Field("string", "Who in sales looks after the lead.", "l.owner"),
    "account": Field("string", "Id of the lead's company; empty when it has none.", "coalesce(l.account_id, '')"),
}

#: ``$1`` is the lead that the page comes after, ``$2`` how many it has at most.
_PAGE = """
select j.lead_id, /* fields */ from (
    select distinct on (lead_id) * from journey where lead_id > $1 order by lead_id, cycle desc limit $2
) as j join lead l on l.id = j.lead_id and $3::timestamptz is not null order by j.lead_id
"""


def parse(text: str) -> Condition:
    """The condition, type-checked. Raises ``Refused`` with what is wrong, where, and the nearest field there is."""
    try:
        return compiled(text, {name: field.kind for name, field in FIELDS.items()})
    except ConditionError as error:
        fault = error.faults[0]
    message, line, column = explained(text, fault, list(FIELDS), _unknown)
    place = f"line {line}, column {column}" if "\n" in text else f"column {column}"
    shown, stop = text.split("\n")[line - 1], "" if message.endswith("?") else "."
    raise Refused(
        f"The condition can't be used: {place}: {message}{stop}",
        f"docs/operations.md lists the fields.\n  {shown}\n  {' ' * (column - 1)}^",
    )


def _unknown(name: str) -> str:
    return f"there is no “{name}”{did_you_mean(name, FIELDS)}"


async def matching(
    connection: Connection, condition: Condition, now: datetime, told: Callable[[int], None] = lambda _: None
) -> AsyncIterator[list[str]]:
    """Leads whose latest journey the condition holds for, by id, page by page. ``told`` hears how many were read.

    Read within one repeatable transaction they are as of one moment.
    """
    query = _PAGE.replace("/* fields */", _columns(condition.uses))
    after, read = "", 0
    while rows := await connection.fetch(query, after, PAGE, now):
        yield [row["lead_id"] for row in rows if condition.holds(row)]
        after, read = rows[-1]["lead_id"], read + len(rows)
        told(read)


def _columns(names: Sequence[str]) -> str:
    return ", ".join(f'{FIELDS[name].sql} as "{name}"' for name in names) or "true as nothing"


async def shown(connection: Connection, leads: Sequence[str], now: datetime) -> list[dict[str, Any]]:
    """What a person looks at of a few leads: ``lead``, ``status``, ``stage``, ``segment``, ``intent``, ``paused``,
    ``ended``, ``title``.
    """
    names = ("lead", "status", "stage", "segment", "intent", "paused", "ended", "title")
    query = f"""
        select {_columns(names)} from unnest($1::text[]) with ordinality as given (id, place)
        join lateral (select * from journey where lead_id = given.id order by cycle desc limit 1) j on true
        join lead l on l.id = j.lead_id and $2::int is not null and $3::timestamptz is not null order by place
    """  # noqa: S608 - fields of our own
    return [dict(row) for row in await connection.fetch(query, list(leads), 0, now)]
