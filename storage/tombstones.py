"""Who was erased stays away: of each of their names a keyed digest is kept, and nothing that could be read.

The key belongs to the deployment and is kept with the digests, so that no change of a secret brings anybody back. It
keeps the digests of two deployments from being compared, and precomputed lists of addresses from being of use; whoever
holds the whole database can still ask it about an address they know.
"""

import hmac
import secrets
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple

from storage.addresses import normalised
from storage.database import Connection, Database
from storage.lead_merge import LeadInput
from storage.operators_log import note

_KEY_BYTES = 32
_MAKE_KEY = """
insert into deployment (id, erasure_key) values (1, $1)
on conflict (id) do update set erasure_key = coalesce(deployment.erasure_key, excluded.erasure_key)
returning erasure_key
"""
_KEY = "select erasure_key from deployment where id = 1 and exists (select from tombstone)"


class Name(NamedTuple):
    """``kind`` is ``email`` or ``user_id``: external ids and user ids are the same to who sends them."""

    kind: str
    value: str


def names_of(given: LeadInput) -> set[Name]:
    """The names of a profile that say who it is. Visitors' ids don't: people share computers."""
    email = {Name("email", given.email)} if given.email else set()
    return email | ({Name("user_id", given.external_id)} if given.external_id else set())


async def raise_them(connection: Connection, names: Iterable[Name], now: datetime) -> None:
    """Let nobody come back under these names."""
    key = await connection.fetchval(_MAKE_KEY, secrets.token_bytes(_KEY_BYTES))
    await connection.execute(
        "insert into tombstone (digest, at) select *, $2 from unnest($1::bytea[]) on conflict do nothing",
        [_digest(key, name) for name in names],
        now,
    )


async def barred(connection: Connection, inputs: Sequence[LeadInput]) -> list[bool]:
    """Which of the profiles are of people who were erased. The caller holds their names (``turns.name_them``)."""
    names = [names_of(given) for given in inputs]
    away = await raised(connection, set().union(*names))
    return [not own.isdisjoint(away) for own in names]


async def raised(connection: Connection, names: AbstractSet[Name]) -> set[Name]:
    """Those of the names that must not come back. The caller holds them (``turns``)."""
    key = await connection.fetchval(_KEY) if names else None
    if key is None:
        return set()
    digests = {_digest(key, name): name for name in names}
    rows = await connection.fetch("select digest from tombstone where digest = any($1)", list(digests))
    return {digests[row["digest"]] for row in rows}


async def remove(db: Database, text: str, by: str, now: datetime) -> bool:
    """Let somebody come back who was known by this address or external id. False when nobody was.

    The operators' log keeps that ``by`` (an opaque actor) let somebody, and not whom: nothing here says who it was.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        key = await connection.fetchval(_KEY)
        digests = [_digest(key, Name("email", normalised(text))), _digest(key, Name("user_id", text))] if key else []
        gone = await connection.fetch("delete from tombstone where digest = any($1) returning 1", digests)
        if gone:
            await note(connection, by, "person_readmitted", "", now, {"names": len(gone)})
    return bool(gone)


def _digest(key: bytes, name: Name) -> bytes:
    return hmac.digest(key, f"{name.kind}\0{name.value}".encode("utf-8", "surrogatepass"), "sha256")
