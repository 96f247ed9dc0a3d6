"""Leads' words on channels: ``consent`` holds the newest of each, ``consent_word`` every one, with what they read.

A word that says what the one before said, on the same ground, is no new one: a CRM says everything every night. And a
yes that is only claimed is no word against a no that stands: anybody may have said it who read the page's key. What
was sent stays with the behaviour (``Form Submitted``); the preference centre is where a person takes a no back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.database import Connection
from storage.permission import FORBID


@dataclass(frozen=True, slots=True)
class Word:
    """``basis`` is its ground (``consent``, ``legitimate_interest``, …), ``wording`` what the lead read, if known.

    ``claimed``: by a page that anybody can read (``LeadInput.claimed``).
    """

    lead: str
    channel: str
    granted: bool
    basis: str
    source: str
    wording: str = ""
    claimed: bool = False

    @property
    def about(self) -> tuple[str, str]:
        return self.lead, self.channel


_REFUSED = "select lead_id, channel from consent where lead_id = any($1) and not granted"
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
    """Take the words in their order. The caller is in a transaction and holds the leads.

    A new no takes the turn that claims share (``permission.FORBID``): everything else of the transaction comes before.
    """
    refused = await _refused(connection, words)
    if any(not word.granted and word.about not in refused for word in words):
        await connection.execute(FORBID)
    heard = _heard(words, refused)
    if not heard:
        return
    await connection.execute(
        _SAID,
        [word.lead for word in heard],
        [word.channel for word in heard],
        [word.granted for word in heard],
        [word.basis for word in heard],
        [word.source for word in heard],
        [word.wording for word in heard],
        now,
    )


async def _refused(connection: Connection, words: Sequence[Word]) -> frozenset[tuple[str, str]]:
    """Where a no stands. Asked only of leads of whom a no is said, or something is claimed: there it matters."""
    leads = {word.lead for word in words if word.claimed or not word.granted}
    rows = await connection.fetch(_REFUSED, list(leads)) if leads else []
    return frozenset((row["lead_id"], row["channel"]) for row in rows)


def _heard(words: Sequence[Word], refused: frozenset[tuple[str, str]]) -> list[Word]:
    heard, standing = [], set(refused)
    for word in words:
        if word.claimed and word.granted and word.about in standing:
            continue
        heard.append(word)
        (standing.discard if word.granted else standing.add)(word.about)
    return heard
