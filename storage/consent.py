"""Leads' words on channels: ``consent`` holds the newest of each, ``consent_word`` every one, with what they read.

A word that says what the one before said, on the same ground, is no new one: a CRM says everything every night.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.database import Connection


@dataclass(frozen=True, slots=True)
class Word:
    """``basis`` is its ground (``consent``, ``legitimate_interest``, …), ``wording`` what the lead read, if known."""

    lead: str
    channel: str
    granted: bool
    basis: str
    source: str
    wording: str = ""


_SAID = """
with said as (
    select * from unnest($1::text[], $2::text[], $3::bool[], $4::text[], $5::text[], $6::text[]) with ordinality
        as said (lead_id, channel, granted, basis, source, wording, ord)
),
kept as (
    insert into consent_word (lead_id, channel, granted, basis, source, wording, at)
    select lead_id, channel, granted, basis, source, wording, $7 from (
        select *, lag((granted, basis, source, wording)) over (partition by lead_id, channel order by ord) as before
        from said
    ) as new
    where (granted, basis, source, wording) is distinct from coalesce(before, (
        select (w.granted, w.basis, w.source, w.wording) from consent_word w
        where w.lead_id = new.lead_id and w.channel = new.channel order by w.id desc limit 1
    ))
    order by ord
)
insert into consent (lead_id, channel, granted, basis, source, at)
select distinct on (lead_id, channel) lead_id, channel, granted, basis, source, $7 from said
order by lead_id, channel, ord desc
on conflict (lead_id, channel) do update set
    granted = excluded.granted, basis = excluded.basis, source = excluded.source, at = excluded.at
where (consent.granted, consent.basis, consent.source) is distinct from
    (excluded.granted, excluded.basis, excluded.source)
"""


async def say(connection: Connection, words: Sequence[Word], now: datetime) -> None:
    """Take the words in their order. The caller is in a transaction and holds the leads."""
    if not words:
        return
    await connection.execute(
        _SAID,
        [word.lead for word in words],
        [word.channel for word in words],
        [word.granted for word in words],
        [word.basis for word in words],
        [word.source for word in words],
        [word.wording for word in words],
        now,
    )
