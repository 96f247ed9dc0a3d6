"""When a touch may reach a lead: send window in the lead's own zone, least gap, frequency caps (C18, C19).

All functions are pure and take aware UTC times. Daylight saving is ``zoneinfo``'s business: windows are compared in
local wall-clock time and converted back, so a window that falls into the missing hour opens when the clock has jumped.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.decision import Rejected
from domain.facts import Facts
from domain.playbook.models import Cadence, Cap
from domain.words import DIRECT_CHANNELS, Channel, TouchStatus

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: Ledger statuses that count against gaps and caps: a message left, may have, or is about to.
COUNTED = frozenset({TouchStatus.PLANNED, TouchStatus.CLAIMED, TouchStatus.SENT, TouchStatus.UNKNOWN})
_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Slot:
    """The earliest time a touch may leave, and everything that pushed it back."""

    at: datetime
    held_by: tuple[Rejected, ...] = ()


def earliest(cadence: Cadence, facts: Facts, channel: Channel, due: datetime, what: str) -> Slot:
    """The first time at or after ``due`` at which window, least gap and every cap allow a touch on ``channel``.

    SDR tasks and alerts reach sales, not the lead: they are never held back.
    """
    if channel not in DIRECT_CHANNELS:
        return Slot(due)
    zone = zone_of_lead(cadence, facts)
    at, held = due, {}
    for _ in range(_ROUNDS):
        pushed = _gap(cadence, facts, at, what) or _capped(cadence.caps, facts, channel, at, what)
        if pushed is None:
            opens = next_open(cadence, zone, at)
            if opens == at:
                break
            pushed = Rejected(what=what, why=f"outside the send window ({zone.key})", rule="window", until=opens)
        held[pushed.rule] = pushed
        at = pushed.until or at
    return Slot(at, tuple(held.values()))


def zone_of_lead(cadence: Cadence, facts: Facts) -> ZoneInfo:
    return zone_of(facts.lead.timezone, cadence.timezone)


@lru_cache(maxsize=1024)
def zone_of(lead_zone: str, default: str) -> ZoneInfo:
    """The lead's zone, or the playbook's default when it is unknown or not a zone."""
    for name in (lead_zone, default):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            continue
    return ZoneInfo("UTC")


def next_open(cadence: Cadence, zone: ZoneInfo, at: datetime) -> datetime:
    """``at`` when the window is open then, else the time it next opens. Windows include their start, not their end."""
    local = at.astimezone(zone)
    if _DAYS[local.weekday()] in cadence.days:
        if cadence.opens <= local.time() < cadence.closes:
            return at
        if local.time() < cadence.opens:
            return _opening(local, zone, cadence.opens, at)
    for days in range(1, 8):
        day = local + timedelta(days=days)
        if _DAYS[day.weekday()] in cadence.days:
            return _opening(day, zone, cadence.opens, at)
    raise AssertionError("a cadence has at least one day")


def _opening(day: datetime, zone: ZoneInfo, opens: time, at: datetime) -> datetime:
    """In the hour that comes twice a window may open twice: the opening meant is the one after ``at``."""
    first = datetime.combine(day.date(), opens, zone)
    return max(first.astimezone(UTC), first.replace(fold=1).astimezone(UTC)) if first < at else first.astimezone(UTC)


def _gap(cadence: Cadence, facts: Facts, at: datetime, what: str) -> Rejected | None:
    last = max((touch_at for _, touch_at in _own(facts)), default=None)
    if last is None or at >= last + cadence.least_gap:
        return None
    return Rejected(what=what, why="too soon after the last touch", rule="least_gap", until=last + cadence.least_gap)


def _capped(caps: Sequence[Cap], facts: Facts, channel: Channel, at: datetime, what: str) -> Rejected | None:
    for cap in caps:
        if cap.channel in ("any", channel):
            touches = [*_own(facts), *(facts.account.recent_touches if cap.per == "account" else ())]
            until = _cap_lifts(cap, touches, at)
            if until is not None:
                why = f"at most {cap.most} in {cap.within.days} days per {cap.per}"
                return Rejected(what=what, why=why, rule=f"cap_{cap.per}_{cap.channel}", until=until)
    return None


def _cap_lifts(cap: Cap, touches: Iterable[tuple[Channel, datetime]], at: datetime) -> datetime | None:
    """When the cap next allows a touch, or None when it does at ``at``."""
    counted = sorted(when for channel, when in touches if cap.channel in ("any", channel) and when > at - cap.within)
    return counted[-cap.most] + cap.within if len(counted) >= cap.most else None


def _own(facts: Facts) -> list[tuple[Channel, datetime]]:
    return [(t.channel, t.at) for t in facts.touches if t.channel in DIRECT_CHANNELS and t.status in COUNTED]
