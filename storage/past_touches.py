"""The ledger as it stood at a moment of the past, from the decisions made by then and the times that its rows keep.

What a decision planned is kept with it for ever; when a touch was claimed and sent is kept with the touch. A refusal
has no time of its own: it had come by the time at which a later decision no longer had the touch among those on their
way.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.words import TouchStatus
from storage.database import Connection

_DECISIONS = """
select cycle, number, revision, at, commands -> 'send' as send, commands -> 'withdraw' as withdraw,
    (commands ->> 'rewound_to')::int as rewound_to, state -> 'in_flight' as in_flight
from decision where lead_id = $1 and at <= $2 order by at, number, revision
"""
_LEDGER = """
select key, status, reason, claimed_at, sent_at, vendor, vendor_id from touch where lead_id = $1
"""
_SETTLED = frozenset({TouchStatus.REFUSED, TouchStatus.WITHDRAWN, TouchStatus.UNKNOWN})


@dataclass(frozen=True, slots=True)
class _Plan:
    """A touch as a decision planned it last, and the decisions of its journey made after that one."""

    sent: Mapping[str, Any]
    by: Mapping[str, Any]
    after: Sequence[Mapping[str, Any]]

    @property
    def key(self) -> str:
        return str(self.sent["key"])

    @property
    def called_back(self) -> bool:
        return any(self.key in (one["withdraw"] or ()) for one in (self.by, *self.after))

    @property
    def settled(self) -> bool:
        """Whether a later decision no longer had it among those on their way."""
        return any(one["number"] > self.by["number"] and self.key not in (one["in_flight"] or ()) for one in self.after)

    @property
    def taken_back(self) -> bool:
        """Whether its decision was made anew, or rewound behind."""
        number = self.by["number"]
        return any(
            one["number"] <= number or (one["rewound_to"] is not None and one["rewound_to"] < number)
            for one in self.after
        )


async def touches(connection: Connection, lead: str, at: datetime, most: int) -> list[dict[str, Any]]:
    """What had been planned by then, newest first; ``status`` as far as it can be told. As ``views.journey_view``'s."""
    made = await connection.fetch(_DECISIONS, lead, at)
    rows = {row["key"]: row for row in await connection.fetch(_LEDGER, lead)}
    stood = [_as_it_stood(plan, rows[plan.key], at) for plan in _plans(made) if plan.key in rows]
    return sorted(stood, key=lambda one: (one["sent_at"] or one["planned_at"], one["key"]), reverse=True)[:most]


def _plans(made: Sequence[Mapping[str, Any]]) -> Iterator[_Plan]:
    last: dict[str, tuple[int, Mapping[str, Any]]] = {}
    for place, decision in enumerate(made):
        last |= {sent["key"]: (place, sent) for sent in decision["send"] or ()}
    for place, sent in last.values():
        by = made[place]
        yield _Plan(sent, by, [one for one in made[place + 1 :] if one["cycle"] == by["cycle"]])


def _as_it_stood(plan: _Plan, row: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    status, reason = _status_then(plan, row, at)
    sent = status == TouchStatus.SENT
    return {
        "key": plan.key,
        "cycle": plan.by["cycle"],
        "decision_number": plan.by["number"],
        "planned_at": plan.by["at"],
        "step": plan.sent["step"],
        "channel": plan.sent["channel"],
        **{name: plan.sent.get(name, "") for name in ("asset", "note", "variant")},
        "status": status,
        "reason": reason,
        "sent_at": row["sent_at"] if sent else None,
        "vendor": row["vendor"] if sent else "",
        "vendor_id": row["vendor_id"] if sent else "",
    }


def _status_then(plan: _Plan, row: Mapping[str, Any], at: datetime) -> tuple[str, str]:
    """Status and reason."""
    if row["sent_at"] is not None and row["sent_at"] <= at:
        return TouchStatus.SENT, ""
    claimed = row["claimed_at"] is not None and row["claimed_at"] <= at
    if row["status"] == TouchStatus.FAILED and claimed:
        return TouchStatus.FAILED, row["reason"]
    if row["status"] == TouchStatus.WITHDRAWN and (plan.called_back or plan.taken_back):
        return TouchStatus.WITHDRAWN, "called back" if plan.called_back else "decided again"
    if row["status"] in _SETTLED and plan.settled:
        return row["status"], row["reason"]
    return (TouchStatus.CLAIMED if claimed else TouchStatus.PLANNED), ""
