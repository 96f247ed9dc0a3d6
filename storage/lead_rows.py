"""Reading and writing leads by the hundred: a few statements whatever the size of the batch."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from storage import consent
from storage.consent import Word
from storage.database import Connection, json_text
from storage.ids import new_account_id
from storage.lead_merge import LeadInput, People, Person

_IDENTITIES = """
select kind, value, lead_id from identity
where (kind = 'user_id' and value = any($1::text[])) or (kind = 'anonymous_id' and value = any($2::text[]))
"""
_LEADS = """
select id, external_id, email, fields, country, timezone, source, owner, account_id, merged_into from lead
where external_id = any($1::text[]) or email = any($2::text[]) or id = any($3::text[]) order by id for update
"""
_ACCOUNTS = """
with wanted as (select * from unnest($1::text[], $2::text[], $3::text[]) as wanted (id, domain, name))
insert into account (id, domain, name, created_at) select id, domain, name, $4 from wanted order by domain
on conflict (domain) do update set name = excluded.name where account.name = '' and excluded.name <> ''
"""
_INSERT = """
insert into lead (
    id, external_id, email, mailbox, fields, country, timezone, source, owner, account_id, created_at, updated_at
)
select id, external_id, email, mailbox, fields::jsonb, country, timezone, source, owner, account_id, $11, $11
from unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[]
) as new (id, external_id, email, mailbox, fields, country, timezone, source, owner, account_id)
"""
_UPDATE = """
update lead set external_id = new.external_id, email = new.email, mailbox = new.mailbox, fields = new.fields::jsonb,
    country = new.country, timezone = new.timezone, source = new.source, owner = new.owner,
    account_id = new.account_id, updated_at = $11
from unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[]
) as new (id, external_id, email, mailbox, fields, country, timezone, source, owner, account_id)
where lead.id = new.id
"""
#: What was said of an address before it was a lead's holds for that lead, whatever its address becomes. Entries are
#: locked by address, as whoever writes them locks them (``storage.permission``): the update alone takes them as they
#: are stored. A join would read the whole list for every batch; this looks into the index.
_HOLD_TO = """
update suppression set lead_id = ($1::text[])[array_position($2::text[], email)]
where lead_id is null and email = any(array(
    select email from suppression where email = any($2::text[]) and lead_id is null order by email for update
))
"""


async def people(connection: Connection, inputs: Sequence[LeadInput]) -> People:
    """Lock and read every lead that the profiles may be about."""
    external = [given.external_id for given in inputs if given.external_id]
    emails = [given.email for given in inputs if given.email]
    visitors = [value for given in inputs for value in given.anonymous_ids]
    named = await connection.fetch(_IDENTITIES, external, visitors)
    rows = await connection.fetch(_LEADS, external, emails, [row["lead_id"] for row in named])
    if survivors := {row["merged_into"] for row in rows} - {row["id"] for row in rows} - {None}:
        rows += await connection.fetch(_LEADS, [], [], sorted(survivors))
    return People((Person(**dict(row)) for row in rows), {(row["kind"], row["value"]): row["lead_id"] for row in named})


async def write(connection: Connection, persons: Iterable[Person], now: datetime) -> None:
    """Make or find the accounts, then insert the new leads and update the changed ones."""
    touched = list(persons)
    await _give_accounts(connection, touched, now)
    for statement, group in (
        (_INSERT, [person for person in touched if person.created]),
        (_UPDATE, [person for person in touched if person.changed and not person.created]),
    ):
        if group:
            await connection.execute(statement, *_columns(group), now)


async def write_consent(
    connection: Connection, persons: Sequence[Person], inputs: Sequence[LeadInput], now: datetime
) -> None:
    """What each profile says of channels. A no takes the turn of ``permission.FORBID``: it comes last."""
    words = [
        Word(person.id, word.channel, word.granted, word.basis, word.source, word.wording, given.claimed)
        for person, given in zip(persons, inputs, strict=True)
        for word in given.consent
    ]
    await consent.say(connection, words, now)


async def hold_to_suppressions(connection: Connection, persons: Iterable[Person]) -> None:
    """Entries on the suppression list of the addresses that are new, and of those they replace, become these leads'.

    After ``write_consent``: who forbids contact may wait for an entry, so nothing is waited for once one is held.
    """
    had = [(person.id, email) for person in persons if person.readdressed for email in (person.email, *person.replaced)]
    if had:
        await connection.execute(_HOLD_TO, *map(list, zip(*had, strict=True)))


async def _give_accounts(connection: Connection, persons: Sequence[Person], now: datetime) -> None:
    companies: dict[str, str] = {}
    for person in persons:
        if person.company_domain:
            companies[person.company_domain] = person.company or companies.get(person.company_domain, "")
    if not companies:
        return
    ids = [new_account_id() for _ in companies]
    await connection.execute(_ACCOUNTS, ids, list(companies), list(companies.values()), now)
    rows = await connection.fetch("select domain, id from account where domain = any($1)", list(companies))
    accounts = {row["domain"]: row["id"] for row in rows}
    for person in persons:
        person.put("account_id", accounts.get(person.company_domain))


def _columns(persons: Sequence[Person]) -> tuple[list[Any], ...]:
    names = ("id", "external_id", "email", "mailbox", "fields", "country", "timezone", "source", "owner", "account_id")
    return tuple(
        [json_text(person.fields) if name == "fields" else getattr(person, name) for person in persons]
        for name in names
    )
