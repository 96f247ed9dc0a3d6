"""Companies by the sender's id: what ``group`` says of a lead's account.

The account is the one that has the group's id; else the one of the company's domain; else, where neither is known, the
one that the lead has by their address, if no group has claimed that yet; else a new one. The newest ``group`` of a lead
holds. It is read from the behaviour itself, so that it holds as well for somebody who becomes known later. One that is
not trusted never does: what a page says, whose key everybody can read, or what was taken back.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from storage.addresses import FREE_MAIL, company_domain
from storage.database import Connection
from storage.ids import new_account_id

_MOST = 200
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]+")
_NEWEST = """
select distinct on (lead_id) lead_id, properties from behaviour
where lead_id = any($1::text[]) and kind = 'group' and trusted order by lead_id, occurred_at desc, position desc
"""
_LOCK = "select id, account_id from lead where id = any($1::text[]) order by id for no key update"
_KNOWN = "select account_id from account_identity where group_id = $1"
_OF_DOMAIN = "select id from account where domain = $1"
_UNCLAIMED = """
select id from account a where id = $1 and not exists (select from account_identity i where i.account_id = a.id)
"""
_NEW = "insert into account (id, domain, name, created_at) values ($1, $2, $3, $4) on conflict do nothing returning id"
_CLAIM = "insert into account_identity (group_id, account_id, created_at) values ($1, $2, $3) on conflict do nothing"
_DROP = """
delete from account a where id = $1 and not exists (select from account_identity i where i.account_id = a.id)
"""
_CALL = "update account set name = $2 where id = $1 and $2 <> '' and name <> $2"
_PUT = "update lead set account_id = $2, updated_at = $3 where id = $1 and account_id is distinct from $2"


class Company(NamedTuple):
    """What a ``group`` says. ``domain`` and ``name`` are "" when it does not."""

    group_id: str
    domain: str
    name: str


async def join_said(connection: Connection, message_ids: Sequence[str], sender: str, now: datetime) -> None:
    """Give the leads of these events the accounts that their newest ``group`` names."""
    rows = await connection.fetch(
        "select distinct lead_id from behaviour where message_id = any($1::text[]) and sender = $2"
        " and lead_id is not null",
        message_ids,
        sender,
    )
    await join(connection, [row["lead_id"] for row in rows], now)


async def join(connection: Connection, leads: Sequence[str], now: datetime) -> None:
    """Give these leads the accounts that their newest ``group`` names. In a transaction of the caller's."""
    said = {row["lead_id"]: company(row["properties"]) for row in await connection.fetch(_NEWEST, leads)}
    held = {row["id"]: row["account_id"] for row in await connection.fetch(_LOCK, list(said))}
    for lead, named in sorted(said.items(), key=lambda item: item[1]):
        if named.group_id:
            account = await _account(connection, named, held[lead], now)
            await connection.execute(_CALL, account, named.name)
            await connection.execute(_PUT, lead, account, now)


def company(properties: Mapping[str, Any]) -> Company:
    """What the properties of a ``group`` say: ``groupId``, ``name``, ``domain`` or ``website``."""
    group_id, name = _text(properties, "groupId"), _text(properties, "name")
    domain = company_domain(_text(properties, "domain") or _text(properties, "website"), "")
    domain = domain or (group_id.lower() if _DOMAIN.fullmatch(group_id.lower()) else "")
    return Company(group_id, "" if domain in FREE_MAIL else domain, name)


async def _account(connection: Connection, named: Company, held: str | None, now: datetime) -> str:
    found = await connection.fetchval(_KNOWN, named.group_id)
    if found is None:
        found = await _unclaimed(connection, named, held) or await _made(connection, named, now)
        await connection.execute(_CLAIM, named.group_id, found, now)
        claimed = await connection.fetchval(_KNOWN, named.group_id)
        if claimed != found:  # another transaction was first
            await connection.execute(_DROP, found)
        found = claimed
    account: str = found
    return account


async def _unclaimed(connection: Connection, named: Company, held: str | None) -> str | None:
    if named.domain:
        found: str | None = await connection.fetchval(_OF_DOMAIN, named.domain)
    else:
        found = await connection.fetchval(_UNCLAIMED, held)
    return found


async def _made(connection: Connection, named: Company, now: datetime) -> str:
    made: str | None = await connection.fetchval(_NEW, new_account_id(), named.domain or None, named.name, now)
    return made or str(await connection.fetchval(_OF_DOMAIN, named.domain))


def _text(properties: Mapping[str, Any], name: str) -> str:
    value = properties.get(name)
    return value.strip()[:_MOST] if isinstance(value, str) else ""
