"""Sending domains: how many mails may leave, and when none may any more.

Asked within a claim, so that what is counted is what leaves. A mail that must wait is not refused: its claim is busy,
and it tries again when there is room.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from domain.errors import NotFound
from domain.playbook.models import EVERY_OTHER, Sending
from domain.words import DeliveryKind
from storage.addresses import domain_of
from storage.database import Connection, Database
from storage.operators_log import note
from storage.permission import FORBID

_log = logging.getLogger("tendril.mail")
#: What a receiver says of a mail that counts against its sender.
FATES: Mapping[str, str] = {DeliveryKind.BOUNCED_HARD: "bounced", DeliveryKind.COMPLAINED: "complained"}
#: Seconds after which a mail asks again that waits for a person, or for another day.
_LATER = 300.0

_PAUSED = "select paused_why from mail_identity where domain = $1 and paused_at is not null"
#: Takes one of the day's mails, if there is one left; the first mail of a domain begins its warm-up.
_FIRST_DAY = """
insert into mail_identity (domain, first_day) values ($1, $2)
on conflict (domain) do update set first_day = coalesce(mail_identity.first_day, excluded.first_day)
returning first_day
"""
_TAKE_DAY = """
update mail_identity set day = $2, claimed_today = case when day = $2 then claimed_today else 0 end + 1
where domain = $1 and (day is distinct from $2 or claimed_today < $3) returning 1
"""
#: Of the claim's day only: another day's room it did not take. A playbook without warm-up takes none.
_GIVE_BACK = """
update mail_identity i set claimed_today = i.claimed_today - 1
from touch t join playbook_version p on p.hash = t.playbook_hash
where t.key = $1 and t.channel = 'email' and i.domain = t.sending_domain and i.claimed_today > 0
    and i.day = (t.claimed_at at time zone 'UTC')::date and p.document::jsonb #>> '{sending,warm_up}' is not null
"""
_TAKE_MINUTE = """
insert into mail_minute as m (sending, receiving, minute_real_at, claimed)
values ($1, $2, date_trunc('minute', clock_timestamp()), 1)
on conflict (sending, receiving) do update set minute_real_at = excluded.minute_real_at,
    claimed = case when m.minute_real_at = excluded.minute_real_at then m.claimed else 0 end + 1
where m.minute_real_at <> excluded.minute_real_at or m.claimed < $3 returning 1
"""
_NEXT_MINUTE = "select (60 - extract(second from clock_timestamp()))::float8"
_FATE = """
with held as (select key from touch where key = any($1) order by key for update)
update touch t set fate = told.fate from unnest($1::text[], $2::text[]) as told (key, fate) join held using (key)
where t.key = told.key and t.fate <> 'complained' and t.fate <> told.fate and t.sending_domain <> ''
returning t.sending_domain, t.playbook_hash
"""
_JUDGED = """
with breaker as (
    select (document::jsonb #> '{sending,breaker}') as b from playbook_version where hash = $2
),
told as (
    select t.fate from touch t, breaker, (select max(judged_from) as at from mail_identity where domain = $1) as from_
    where b <> 'null'::jsonb and t.sending_domain = $1 and t.status in ('sent', 'failed', 'claimed', 'unknown')
        and t.claimed_at > greatest($3::timestamptz - (b ->> 'within')::interval, from_.at)
)
select b ->> 'bounces' as most_bounces, b ->> 'complaints' as most_complaints, (b ->> 'least')::int as least,
    b ->> 'within' as within, (select count(*) from told) as mails,
    (select count(*) from told where fate = 'bounced') as bounced,
    (select count(*) from told where fate = 'complained') as complained
from breaker where b <> 'null'::jsonb
"""
_PAUSE = """
insert into mail_identity (domain, paused_at, paused_why) values ($1, $2, $3)
on conflict (domain) do update set paused_at = excluded.paused_at, paused_why = excluded.paused_why
where mail_identity.paused_at is null returning 1
"""
_RESUME = """
update mail_identity set paused_at = null, paused_why = '', judged_from = $2 where domain = $1 returning 1
"""
#: A domain whose mail has left, and that nothing was ever decided about: no limit, no pause.
_SENT = "select exists (select from touch where sending_domain = $1)"
_LIST = """
select i.domain, i.first_day, i.paused_at, i.paused_why,
    case when i.day = $1::date then i.claimed_today else 0 end as claimed_today,
    count(t.key) as mails, count(t.key) filter (where t.fate = 'bounced') as bounced,
    count(t.key) filter (where t.fate = 'complained') as complained
from (
    select domain, first_day, day, claimed_today, paused_at, paused_why from mail_identity
    union all
    select distinct sending_domain, null::date, null::date, 0, null::timestamptz, '' from touch
    where sending_domain <> '' and sending_domain not in (select domain from mail_identity)
) as i
left join touch t on t.sending_domain = i.domain and t.claimed_at > $2
group by 1, 2, 3, 4, 5 order by 1
"""


class _Told(Protocol):
    """An event, as far as this looks at it."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def trusted(self) -> bool: ...

    @property
    def properties(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Held:
    """Why a mail must wait, and for how many seconds."""

    why: str
    seconds: float


async def admit(connection: Connection, sending: Sending, domain: str, to: str, now: datetime) -> Held | None:
    """Count one more mail from the sending domain to the address ``to``; or why it must wait, and nothing is counted
    for good: the caller rolls back.
    """
    why = await connection.fetchval(_PAUSED, domain)
    if why is not None:
        return Held(f"{domain} is paused: {why}", _LATER)
    day = now.astimezone(UTC).date()
    if sending.warm_up and not await _warm(connection, sending, domain, day):
        return Held(f"{domain} has sent all that its warm-up allows today", _LATER)
    receiving = domain_of(to)
    most = limit_of(sending, receiving)
    if most is not None and not await connection.fetchval(_TAKE_MINUTE, domain, receiving, most):
        return Held(
            f"{domain} has sent all that {receiving} takes in a minute", await connection.fetchval(_NEXT_MINUTE)
        )
    return None


async def _warm(connection: Connection, sending: Sending, domain: str, day: date) -> bool:
    first: date = await connection.fetchval(_FIRST_DAY, domain, day)
    allowed = sending.warm_up.allowed((day - first).days) if sending.warm_up else 0
    return bool(await connection.fetchval(_TAKE_DAY, domain, day, allowed))


async def give_back(connection: Connection, key: str) -> None:
    """The touch was claimed and certainly did not leave: the day has room for it, or for another, again.

    The caller holds the touch's row, in which the claim still stands, and takes no other row afterwards that somebody
    may hold who pauses a domain (``pause_on``).
    """
    await connection.execute(_GIVE_BACK, key)


def limit_of(sending: Sending, receiving: str) -> int | None:
    """Most mails a minute to that domain: its own line's, else the line's for all others; None for any number."""
    by_domain = {line.domain: line.most for line in sending.throttle}
    return by_domain.get(receiving, by_domain.get(EVERY_OTHER))


async def judge(connection: Connection, told: Mapping[str, str], now: datetime) -> dict[str, str]:
    """Note what receivers said of mails (touch key → fate); returns domains that have gone too far, and why.

    Comes before the lead's row is locked, as a claim holds its touch first. ``pause_on`` comes last.
    """
    if not told:
        return {}
    rows = await connection.fetch(_FATE, sorted(told), [told[key] for key in sorted(told)])
    far: dict[str, str] = {}
    for domain, playbook in sorted({(row["sending_domain"], row["playbook_hash"]) for row in rows}):
        why = _too_far(await connection.fetchrow(_JUDGED, domain, playbook, now))
        if why:
            far.setdefault(domain, why)
    return far


async def pause_on(connection: Connection, far: Mapping[str, str], now: datetime) -> None:
    """Pause domains that ``judge`` found, in the same transaction, of which everything else comes before.

    A claim holds the turn that keeps people from forbidding contact, then the domain's row: so does this.
    """
    if far:
        await connection.execute(FORBID)
    for domain, why in sorted(far.items()):
        if await connection.fetchval(_PAUSE, domain, now, why):
            _log.error("a sending domain was paused", extra={"domain": domain, "why": why})


def fates(events: Iterable[_Told]) -> dict[str, str]:
    """Which mails bounced for good or were complained of: touch key → fate."""
    told = [event for event in events if event.kind == "delivery" and event.trusted and event.name in FATES]
    return {event.properties["touch"]: FATES[event.name] for event in told if event.properties.get("touch")}


def _too_far(row: Any | None) -> str:
    if row is None or row["mails"] < row["least"]:
        return ""
    for what, most in (("bounced", row["most_bounces"]), ("complained", row["most_complaints"])):
        share = 100 * row[what] / row["mails"]
        if share >= float(most):
            return (
                f"{row[what]} of its last {row['mails']} mails {_WORDS[what]} ({share:.2g} %, limit {float(most):g} %)"
            )
    return ""


_WORDS = {"bounced": "bounced", "complained": "were complained of"}


async def pause(db: Database, domain: str, by: str, why: str, now: datetime) -> bool:
    """No mail leaves from the domain until it is resumed. False when it was already. ``by`` is an opaque actor."""
    async with db.pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval(_PAUSE, domain.lower(), now, why):
            return False
        await note(connection, by, "mail_paused", domain.lower(), now, {"reason": why})
    return True


async def resume(db: Database, domain: str, by: str, now: datetime, reason: str = "") -> bool:
    """Mail leaves again, and what went wrong before counts no more. False when nothing ever paused it. Raises
    ``NotFound``.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(_RESUME, domain.lower(), now):
            await note(connection, by, "mail_resumed", domain.lower(), now, {"reason": reason} if reason else {})
            return True
        known = await connection.fetchval(_SENT, domain.lower())
    if not known:
        raise NotFound(
            f"Nothing is known of the sending domain {domain}.", "`tendril mail list` shows those there are."
        )
    return False


async def identities(db: Database, now: datetime, within: timedelta = timedelta(days=1)) -> Sequence[dict[str, Any]]:
    """Every sending domain with what it has sent since, and how that fared."""
    rows = await db.pool.fetch(_LIST, now.astimezone(UTC).date(), now - within)
    return [dict(row) for row in rows]


async def paused(db: Database) -> Collection[str]:
    """Domains from which nothing leaves."""
    rows = await db.pool.fetch("select domain from mail_identity where paused_at is not null")
    return [row["domain"] for row in rows]
