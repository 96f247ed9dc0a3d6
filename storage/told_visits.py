"""Opened mails and followed links as vendors tell them, judged by the rules for our own links (``storage.trust``).

What is judged with: when the mail arrived, as far as that was told, and which of its links were followed close to this
visit, in this request or before. A link is known by its number where the vendor wrapped one of ours
(``domain.told.Delivery``), else by its address: such a one is compared with its like only, since both kinds may be one
click. How many links a mail has is known of ours alone. What a burst tells of what counted before is taken back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from domain.told import Delivery
from domain.trust import HIDDEN, Doubt, Followed, Scanners, Visit, doubt_click, doubt_open
from domain.words import DeliveryKind
from storage.database import Connection
from storage.retractions import retract_on

#: In the order of all locks. The visits of a burst are told at once, each in a request: each must see the others.
_HOLD_TOUCHES = "select from touch where key = any($1) order by key for update"
_HOLD_LEADS = """
select from lead where id in (select coalesce(merged_into, id) from lead where id = any($1))
order by id for no key update
"""
_CLICKS = """
select t.key as touch, b.message_id, b.trusted, b.occurred_at as first,
    coalesce((b.properties ->> 'last')::timestamptz, b.occurred_at) as last,
    (b.properties ->> 'link')::int as link, coalesce(b.properties ->> 'url', '') as url
from touch t join lead l on l.id = t.lead_id
join behaviour b on b.lead_id = coalesce(l.merged_into, l.id)
    and b.occurred_at between $2::timestamptz - interval '1 day' and $3::timestamptz + interval '1 day'
    and b.kind = 'delivery' and b.name = 'clicked' and b.properties ->> 'touch' = t.key
where t.key = any($1) order by b.id
"""
_DELIVERED = """
select told.key as touch, b.occurred_at from unnest($1::text[]) as told (key)
join behaviour b on b.message_id = 'delivery:' || told.key || ':delivered' and b.sender = ''
"""


class ToldVisit(NamedTuple):
    """The how many-th of the things told it is, the id that its event gets, of which touch, and when that was sent.

    ``touch`` is "" where it is not known. Times are on the wall clock.
    """

    number: int
    message_id: str
    told: Delivery
    visit: Visit
    touch: str
    sent_at: datetime | None


class Verdicts(NamedTuple):
    """Why visits are not counted, by their ``number``; and why events from before are no more, by message id.

    ``noted`` are visits that say nothing new: a link of ours counts once a day, whoever tells of it.
    """

    doubts: dict[int, Doubt]
    taken_back: dict[str, str]
    noted: set[int]


@dataclass(slots=True)
class _Click:
    """A followed link, the day's first and last time; ``number`` is None of one from before this request."""

    message_id: str
    link: int
    first: datetime
    last: datetime
    trusted: bool
    number: int | None = None


@dataclass(slots=True)
class _Mail:
    arrived_at: datetime | None = None
    clicks: list[_Click] = field(default_factory=list)
    addresses: dict[str, int] = field(default_factory=dict)

    def link(self, number: int | None, url: str) -> int:
        """Its number; below zero that of an address."""
        return number if number is not None else self.addresses.setdefault(bare(url), -1 - len(self.addresses))


def bare(url: str) -> str:
    """Without query and fragment: those may be about the lead."""
    return url.partition("#")[0].partition("?")[0]


async def hold(connection: Connection, leads: Sequence[str], bounced: Sequence[str]) -> None:
    """Keep everybody else from storing behaviour of the leads. ``bounced`` are touches whose fate will be written."""
    await connection.execute(_HOLD_TOUCHES, list(bounced))
    await connection.execute(_HOLD_LEADS, list(leads))


async def judge(
    connection: Connection, visits: Sequence[ToldVisit], delivered: Mapping[str, datetime], known: Scanners
) -> Verdicts:
    """Which of the visits count. ``delivered``: touches that the same request says arrived.

    The caller holds the leads, and its clock is the vendors': on a scaled one, times of events can't be compared.
    """
    of_mails = [visit for visit in visits if visit.touch]
    alone = judge_alone([visit for visit in visits if not visit.touch], known)
    if not of_mails:
        return alone
    verdicts = _judged(await _mails(connection, of_mails, delivered), of_mails, known)
    return verdicts._replace(doubts=verdicts.doubts | alone.doubts)


def judge_alone(visits: Sequence[ToldVisit], known: Scanners) -> Verdicts:
    """As ``judge``, each by itself."""
    single = {visit.number: _Mail(visit.sent_at) for visit in visits}
    doubts = {visit.number: _doubt(single[visit.number], visit, known) for visit in visits}
    return Verdicts({number: doubt for number, doubt in doubts.items() if doubt}, {}, set())


async def take_back(connection: Connection, verdicts: Verdicts, now: datetime) -> None:
    for why in dict.fromkeys(verdicts.taken_back.values()):
        await retract_on(connection, [each for each, said in verdicts.taken_back.items() if said == why], why, now)


async def _mails(
    connection: Connection, visits: Sequence[ToldVisit], delivered: Mapping[str, datetime]
) -> dict[str, _Mail]:
    mails = {visit.touch: _Mail(visit.sent_at) for visit in visits}
    times, touches = [visit.visit.at for visit in visits], list(mails)
    rows = await connection.fetch(_DELIVERED, touches)
    for touch, at in (*((row["touch"], row["occurred_at"]) for row in rows), *delivered.items()):
        if touch in mails:
            mails[touch].arrived_at = max(at, mails[touch].arrived_at or at)
    for row in await connection.fetch(_CLICKS, touches, min(times), max(times)):
        mail = mails[row["touch"]]
        link = mail.link(row["link"], row["url"])
        mail.clicks.append(_Click(row["message_id"], link, row["first"], row["last"], row["trusted"]))
    return mails


def _judged(mails: Mapping[str, _Mail], visits: Sequence[ToldVisit], known: Scanners) -> Verdicts:
    verdicts = Verdicts({}, {}, set())
    for visit in sorted(visits, key=lambda each: each.visit.at):
        mail = mails[visit.touch]
        if any(click.message_id == visit.message_id for click in mail.clicks):
            continue  # told again: the inbox knows it
        doubt = _doubt(mail, visit, known)
        if doubt:
            verdicts.doubts[visit.number] = doubt
            _spread(mail, visit, doubt, verdicts)
        if visit.told.kind is DeliveryKind.CLICKED:
            link, at = mail.link(visit.told.link, visit.told.url), visit.visit.at
            click = _Click(visit.message_id, link, at, at, doubt is None, visit.number)
            if any(_same(click, other) for other in mail.clicks):
                verdicts.noted.add(visit.number)
            mail.clicks.append(click)
    return verdicts


def _same(one: _Click, other: _Click) -> bool:
    """Whether both are of one day and link of ours, of a machine or not."""
    days = {each.first.astimezone(UTC).date() for each in (one, other)}
    return one.link == other.link >= HIDDEN and one.trusted == other.trusted and len(days) == 1


def _doubt(mail: _Mail, visit: ToldVisit, known: Scanners) -> Doubt | None:
    if visit.told.kind is DeliveryKind.OPENED:
        return doubt_open(visit.visit, mail.arrived_at, known)
    link = mail.link(visit.told.link, visit.told.url)
    alike = [Followed(one.link, one.last) for one in mail.clicks if one.link == HIDDEN or (one.link > 0) == (link > 0)]
    return doubt_click(visit.visit, link, visit.told.links, mail.arrived_at, alike, known)


def _spread(mail: _Mail, visit: ToldVisit, doubt: Doubt, verdicts: Verdicts) -> None:
    """What was followed close to it is the same machine's work."""
    for click in mail.clicks:
        if click.trusted and doubt.back and abs(visit.visit.at - click.first) <= doubt.back:
            click.trusted = False
            if click.number is None:
                verdicts.taken_back[click.message_id] = doubt.why
            else:
                verdicts.doubts[click.number] = doubt
