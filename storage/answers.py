"""Answers to questions asked by mail: what is asked of a lead, and the answer with the consent it was given under."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.facts import FieldValue
from domain.playbook.fields import typed
from domain.playbook.models import LeadField, Profile
from storage import inbox
from storage.database import Connection, Database
from storage.enrolment import wake_running
from storage.merges import current
from storage.permission import forbidden

#: Name of the behaviour that an answer is. It says which field, and never what: events are shown in many places.
ANSWERED = "Question Answered"
_BASIS = "consent"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page needs in order to ask. ``playbook`` is the version's hash.

    ``known``: the field has a value, from wherever. ``answered``: from an answer, which can be taken back.
    """

    profile: Profile
    field: LeadField
    known: bool
    answered: bool
    playbook: str
    sender: str
    language: str


@dataclass(frozen=True, slots=True)
class Answer:
    """``touch`` is the key of the touch that asked; ``consent`` the words that stood beside the button."""

    lead: str
    touch: str
    field: str
    value: FieldValue
    playbook: str
    consent: str


_ASKED = """
select l.fields -> $2 as present, j.playbook_hash as playbook, p.document -> 'profile' as profile,
    p.document -> 'lead_fields' -> $2 as field, p.document -> 'sender' ->> 'name' as sender,
    coalesce(p.document -> 'variables' ->> 'language', '') as language,
    exists (select from answer where lead_id = l.id and field = $2) as answered
from lead l
cross join lateral (select playbook_hash from journey where lead_id = l.id order by cycle desc limit 1) j
cross join lateral (select document::jsonb as document from playbook_version where hash = j.playbook_hash offset 0) p
where l.id = $1 and /* forbidden */ is null
""".replace("/* forbidden */", forbidden("l"))
#: Locks the lead first: who answers twice at once waits here, and then changes what the other wrote.
_LEAD = """
select fields -> $2 as present from lead l
where id = $1 and /* forbidden */ is null for no key update of l
""".replace("/* forbidden */", forbidden("l"))
_FILL = "update lead set fields = fields || jsonb_build_object($2::text, $3::jsonb), updated_at = $4 where id = $1"
_KEEP = """
insert into answer (lead_id, field, touch_key, playbook_hash, basis, consent, at) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (lead_id, field) do update set touch_key = excluded.touch_key, playbook_hash = excluded.playbook_hash,
    basis = excluded.basis, consent = excluded.consent, at = excluded.at
"""
_FORGET = "delete from answer where lead_id = $1 and field = $2 returning 1"
_EMPTY = "update lead set fields = fields - $2::text, updated_at = $3 where id = $1"


async def asked(db: Database, lead: str, field: str) -> Asked | None:
    """What the playbook of the lead's present journey asks about the field.

    None when it asks nothing of that kind any more, or the lead is gone or is not to be contacted.
    """
    row = await db.pool.fetchrow(_ASKED, await current(db.pool, lead), field)
    if row is None or row["profile"] is None or row["field"] is None:
        return None
    declared = LeadField.model_validate(row["field"])
    return Asked(
        profile=Profile.model_validate(row["profile"]),
        field=declared,
        known=typed(row["present"], declared.type) is not None,
        answered=row["answered"],
        playbook=row["playbook"],
        sender=row["sender"],
        language=row["language"],
    )


async def store(db: Database, answer: Answer, now: datetime) -> bool:
    """Profile, consent, behaviour and wake in one transaction; a later answer takes the place of an earlier one.

    The behaviour is written once for each touch and field, however often the answer is sent or changed. False when
    the lead is gone or is not to be contacted: then nothing is stored.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        answer = replace(answer, lead=await current(connection, answer.lead))
        row = await connection.fetchrow(_LEAD, answer.lead, answer.field)
        if row is None:
            return False
        await connection.execute(_FILL, answer.lead, answer.field, answer.value, now)
        kept = (answer.touch, answer.playbook, _BASIS, answer.consent, now)
        await connection.execute(_KEEP, answer.lead, answer.field, *kept)
        await _tell(connection, answer, now, changed=row["present"] != answer.value)
    return True


async def take_back(db: Database, lead: str, field: str, now: datetime) -> None:
    """Empty the field and forget the answer's ground; the journey decides anew. A value that is no answer stays."""
    async with db.pool.acquire() as connection, connection.transaction():
        lead = await current(connection, lead)
        await connection.execute(_LEAD, lead, field)
        if await connection.fetchval(_FORGET, lead, field):
            await connection.execute(_EMPTY, lead, field, now)
            await wake_running(connection, [lead], "answer_taken_back")


async def _tell(connection: Connection, answer: Answer, now: datetime, *, changed: bool) -> None:
    properties: dict[str, Any] = {"field": answer.field, "touch": answer.touch}
    behaviour = inbox.NewBehaviour(
        message_id=f"answer:{answer.touch}:{answer.field}",
        kind="track",
        name=ANSWERED,
        properties=properties,
        occurred_at=now,
        lead_id=answer.lead,
    )
    if not await inbox.accept_on(connection, [behaviour], now) and changed:
        await wake_running(connection, [answer.lead], "answer_changed")
