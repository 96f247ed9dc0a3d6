"""When a touch may reach a lead: send window in the lead's own zone, holidays, least gap, frequency caps (C18, C19).

All functions are pure and take aware UTC times. Daylight saving is ``zoneinfo``'s business: windows are compared in
local wall-clock time and converted back, so a window that falls into the missing hour opens when the clock has jumped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from hashlib import sha256
from zoneinfo import ZoneInfo

from domain.core.days_off import countries, holiday_in
from domain.decision import Rejected
from domain.durations import format_duration
from domain.facts import Facts, Permission
from domain.playbook.models import Cadence, Cap
from domain.words import DIRECT_CHANNELS, Channel, TouchStatus

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: Ledger statuses that count against gaps and caps: a message left, may have, or is about to.
COUNTED = frozenset({TouchStatus.PLANNED, TouchStatus.CLAIMED, TouchStatus.SENT, TouchStatus.UNKNOWN})
_ROUNDS = 50
#: So many days ahead a day without a holiday is looked for. Past them holidays are disregarded: a playbook that names
#: every country in the world must not silence a journey for good.
_HORIZON = 60
_WEEK = 7

#: When something reached a lead, and how.
Reached = tuple[Channel, datetime]


@dataclass(frozen=True, slots=True)
class Slot:
    """The earliest time a touch may leave, and everything that pushed it back."""

    at: datetime
    held_by: tuple[Rejected, ...] = ()


def earliest(
    cadence: Cadence,
    facts: Facts,
    channel: Channel,
    due: datetime,
    what: str,
    *,
    now: datetime | None = None,
    anytime: bool = False,
) -> Slot:
    """The first time at or after ``due`` (and ``now``) at which window, least gap, every cap and the lead's own wishes
    allow a touch.

    ``anytime``: whatever the send window and the holidays say. SDR tasks and alerts reach sales, not the lead: they are
    never held back.
    """
    at = due if now is None else max(due, now)
    if channel not in DIRECT_CHANNELS:
        return Slot(at)
    own = _own(facts)
    held: dict[str, Rejected] = {}
    for _ in range(_ROUNDS):
        pushed = _unwanted(facts.permission, own, at, what) or _gap(cadence, own, at, what)
        pushed = pushed or _capped(cadence.caps, facts, own, channel, at, what)
        if pushed is None and not anytime:
            pushed = _closed(cadence, facts, at, due, what)
        if pushed is None:
            break
        held[pushed.rule] = pushed
        at = pushed.until or at
    return Slot(at, tuple(held.values()))


def opening(cadence: Cadence, facts: Facts, at: datetime, due: datetime) -> datetime:
    """The first time from ``at`` on at which the window is open for the lead, at its own moment (``spread``).

    ``due`` is since when the touch waits: what became due inside the window does not wait for anybody's moment.
    """
    zone, days_off = zone_of_lead(cadence, facts), countries(cadence.holidays, facts.lead.country)
    opens = next_open(cadence, zone, at, days_off)
    if not cadence.spread:
        return opens
    moment = _moment(cadence, zone, facts.lead.id, opens, due)
    return opens if moment <= opens else next_open(cadence, zone, moment, days_off)


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


def next_open(cadence: Cadence, zone: ZoneInfo, at: datetime, days_off: tuple[str, ...] = ()) -> datetime:
    """``at`` when the window is open then, else the time it next opens. Windows include their start, not their end.

    ``days_off``: countries on whose public holidays it does not open.
    """
    local = at.astimezone(zone)
    for days in range(_HORIZON if days_off else _WEEK + 1):
        day = local + timedelta(days=days) if days else local
        if _DAYS[day.weekday()] in cadence.days and not (days_off and holiday_in(day.date(), days_off)):
            if days or local.time() < cadence.opens:
                return _opening(day, zone, cadence.opens, at)
            if local.time() < cadence.closes:
                return at
    assert days_off, "a cadence has at least one day"  # noqa: S101 the model says so
    return next_open(cadence, zone, at)


def _opening(day: datetime, zone: ZoneInfo, opens: time, at: datetime) -> datetime:
    """In the hour that comes twice a window may open twice: the opening meant is the one after ``at``."""
    first = datetime.combine(day.date(), opens, zone)
    return max(first.astimezone(UTC), first.replace(fold=1).astimezone(UTC)) if first < at else first.astimezone(UTC)


def _moment(cadence: Cadence, zone: ZoneInfo, lead: str, opens: datetime, due: datetime) -> datetime:
    """The lead's own moment after the opening of that day; ``opens`` for what became due inside the window."""
    day = opens.astimezone(zone).date()
    start = datetime.combine(day, cadence.opens, zone).astimezone(UTC)
    room = min(cadence.spread, datetime.combine(day, cadence.closes, zone).astimezone(UTC) - start)
    if due >= start or opens >= start + room:
        return opens
    lot = int.from_bytes(sha256(f"{lead}/{day}".encode()).digest()[:8])
    return start + timedelta(seconds=lot % max(int(room.total_seconds()), 1))


def _closed(cadence: Cadence, facts: Facts, at: datetime, due: datetime, what: str) -> Rejected | None:
    opens = opening(cadence, facts, at, due)
    if opens == at:
        return None
    zone, days_off = zone_of_lead(cadence, facts), countries(cadence.holidays, facts.lead.country)
    holiday = holiday_in(at.astimezone(zone).date(), days_off)
    if holiday:
        return Rejected(what=what, why=f"a public holiday ({holiday})", rule="holiday", until=opens)
    if next_open(cadence, zone, at, days_off) == at:
        why = f"spread over the first {format_duration(cadence.spread)} of the send window"
        return Rejected(what=what, why=why, rule="spread", until=opens)
    return Rejected(what=what, why=f"outside the send window ({zone.key})", rule="window", until=opens)


def _gap(cadence: Cadence, own: Sequence[Reached], at: datetime, what: str) -> Rejected | None:
    last = max((touch_at for _, touch_at in own), default=None)
    if last is None or at >= last + cadence.least_gap:
        return None
    return Rejected(what=what, why="too soon after the last touch", rule="least_gap", until=last + cadence.least_gap)


def _unwanted(permission: Permission, own: Sequence[Reached], at: datetime, what: str) -> Rejected | None:
    """What the lead asked for in the preference centre: a pause, or more time between touches."""
    paused = permission.paused_until
    if paused is not None and at < paused:
        return Rejected(
            what=what, why=f"the lead wants nothing until {paused:%Y-%m-%d}", rule="paused_by_lead", until=paused
        )
    last = max((touch_at for _, touch_at in own), default=None)
    again = last + timedelta(days=permission.least_days) if last and permission.least_days else at
    if at < again:
        why = f"the lead wants at most one touch in {permission.least_days} days"
        return Rejected(what=what, why=why, rule="lead_pace", until=again)
    return None


def _capped(
    caps: Sequence[Cap], facts: Facts, own: Sequence[Reached], channel: Channel, at: datetime, what: str
) -> Rejected | None:
    for cap in caps:
        if cap.channel in ("any", channel):
            touches = own if cap.per == "lead" else (*own, *facts.account.recent_touches)
            until = _cap_lifts(cap, touches, at)
            if until is not None:
                why = f"at most {cap.most} in {cap.within.days} days per {cap.per}"
                return Rejected(what=what, why=why, rule=f"cap_{cap.per}_{cap.channel}", until=until)
    return None


def _cap_lifts(cap: Cap, touches: Sequence[Reached], at: datetime) -> datetime | None:
    """When the cap next allows a touch, or None when it does at ``at``."""
    if len(touches) < cap.most:
        return None
    counted = sorted(when for channel, when in touches if cap.channel in ("any", channel) and when > at - cap.within)
    return counted[-cap.most] + cap.within if len(counted) >= cap.most else None


def _own(facts: Facts) -> list[Reached]:
    return [(t.channel, t.at) for t in facts.touches if t.channel in DIRECT_CHANNELS and t.status in COUNTED]
