"""What a lead wants of what we send: less often, nothing for a while, not on this channel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.words import DIRECT_CHANNELS, Channel
from storage import consent
from storage.consent import Word
from storage.database import Connection, Database
from storage.enrolment import wake_running
from storage.merges import current
from storage.permission import FORBID, forbidden

#: How long a pause is.
PAUSE = timedelta(days=90)
#: Ground and source of a word given in the preference centre.
_BASIS, _SOURCE = "consent", "preference centre"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What holds at one moment. ``paused_until`` is None when no pause runs; ``least_days`` is 0 for "as planned".

    ``offered`` are the channels that may reach the lead, ``declined`` those it does not want. ``forbidden`` says why
    nobody writes to the lead at all ("" when one may). ``sender`` and ``language`` are its playbook's ("" without one),
    as are ``topics`` (name → label).
    """

    paused_until: datetime | None
    least_days: int
    offered: tuple[Channel, ...]
    declined: frozenset[Channel]
    forbidden: str
    sender: str
    language: str
    topics: Mapping[str, str] = field(default_factory=dict)
    declined_topics: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a lead chose. ``pause``: from now on; one that runs is neither made longer nor shorter by choosing it again.

    ``channels`` maps each channel it was asked about to its answer; of others nothing is said. ``wordings`` are what
    stood beside their boxes.
    """

    pause: bool
    least_days: int
    channels: dict[Channel, bool]
    declined_topics: tuple[str, ...] = ()
    wordings: Mapping[Channel, str] = field(default_factory=dict)


_READ = """
select p.paused_until, coalesce(p.least_days, 0) as least_days, coalesce(/* forbidden */, '') as forbidden,
    array(select channel from consent c where c.lead_id = l.id and not c.granted) as declined,
    coalesce(doc.document -> 'sender' ->> 'name', '') as sender,
    coalesce(doc.document -> 'variables' ->> 'language', '') as language,
    coalesce(doc.document -> 'topics', '{}') as topics, coalesce(p.declined_topics, '{}') as declined_topics,
    coalesce(jsonb_path_query_array(doc.document, '$.**.channel'), '[]') as used
from lead l
left join preference p on p.lead_id = l.id
left join lateral (
    select version.document::jsonb as document
    from journey j join playbook_version version on version.hash = j.playbook_hash
    where j.lead_id = l.id order by j.cycle desc limit 1
) as doc on true
where l.id = $1
""".replace("/* forbidden */", forbidden("l"))
_SAVE = """
insert into preference as p (lead_id, paused_until, least_days, at, declined_topics) values ($1, $2, $3, $4, $5)
on conflict (lead_id) do update set least_days = excluded.least_days, at = excluded.at,
    declined_topics = excluded.declined_topics,
    paused_until = case when excluded.paused_until is not null and p.paused_until > $4 then p.paused_until
        else excluded.paused_until end
"""
_DECLINED = "select channel from consent where lead_id = $1 and not granted"


async def read(db: Database, lead: str, now: datetime) -> Preferences | None:
    """What holds for the lead; None when there is no such lead."""
    row = await db.pool.fetchrow(_READ, await current(db.pool, lead))
    if row is None:
        return None
    paused = row["paused_until"]
    declined = frozenset(Channel(channel) for channel in row["declined"]) & DIRECT_CHANNELS
    used = {Channel.EMAIL} | declined | {channel for channel in DIRECT_CHANNELS if channel in row["used"]}
    return Preferences(
        paused_until=paused if paused and paused > now else None,
        least_days=row["least_days"],
        offered=tuple(channel for channel in Channel if channel in used),
        declined=declined,
        forbidden=row["forbidden"],
        sender=row["sender"],
        language=row["language"],
        topics=row["topics"],
        declined_topics=frozenset(row["declined_topics"]),
    )


async def save(db: Database, lead: str, wanted: Wanted, now: datetime) -> bool:
    """Write it, and let the journey decide with it: no claim that is granted after this goes against it.

    False when there is no such lead.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        lead = await current(connection, lead)
        if not await connection.fetch("select from lead where id = $1 for no key update", lead):
            return False
        await wake_running(connection, [lead], "preferences_changed")
        await connection.execute(FORBID)
        await connection.execute(
            _SAVE, lead, now + PAUSE if wanted.pause else None, wanted.least_days, now, wanted.declined_topics
        )
        await _say(connection, lead, wanted, now)
    return True


async def _say(connection: Connection, lead: str, wanted: Wanted, now: datetime) -> None:
    """What is new. A yes is, where a no stands: nobody's ground is replaced by a box that was ticked already."""
    declined = {row["channel"] for row in await connection.fetch(_DECLINED, lead)}
    words = [
        Word(lead, channel, yes, _BASIS, _SOURCE, wanted.wordings.get(channel, ""))
        for channel, yes in wanted.channels.items()
        if yes == (channel in declined)
    ]
    await consent.say(connection, words, now)
