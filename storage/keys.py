"""API keys: shown once, kept as a digest."""

import hashlib
import math
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from domain.errors import NotFound, Refused
from storage.database import Connection, Database

#: What a key may be allowed: reading, writing leads and behaviour, operating journeys; what may stand in a page for
#: everybody to read: sending behaviour, and claiming an address that nobody knows otherwise; and reading what is
#: encrypted in Temporal.
SCOPES = ("read", "write", "operate", "track", "decode")


class KeyInfo(BaseModel):
    """A key without its secret. ``id`` and ``name`` are opaque: they may appear in logs and decisions.

    ``rate``: events a second that it may send; None or 0 for as many as the deployment lets every key.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    rate: float | None = None

    @property
    def claims(self) -> bool:
        """Whether what it says of people is only a claim, which changes nothing that is known."""
        return "write" not in self.scopes


#: How often a key's use is noted, and so how exact ``last_used_at`` is.
_NOTED_EVERY = timedelta(minutes=1)
_SELECT = """
select id, name, scopes, created_real_at as created_at, expires_real_at as expires_at, revoked_real_at as revoked_at,
       last_used_real_at as last_used_at, rate
from api_key
"""
_WORKS = "revoked_real_at is null and (expires_real_at is null or expires_real_at > now())"


async def create(
    db: Database, name: str, scopes: Iterable[str], expires: datetime | None = None, rate: float | None = None
) -> str:
    """Make a key and return it whole: it can't be read again. ``rate`` as ``KeyInfo``'s.

    Raises ``Refused`` for an unknown scope, and a rate that is none.
    """
    return await create_on(db.pool, name, scopes, expires, rate)


async def create_on(
    connection: Connection,
    name: str,
    scopes: Iterable[str],
    expires: datetime | None = None,
    rate: float | None = None,
) -> str:
    """As ``create``, in a transaction of the caller's."""
    wanted = sorted(set(scopes))
    if unknown := [scope for scope in wanted if scope not in SCOPES]:
        raise Refused(f"There is no scope {unknown[0]!r}.", f"Use one or more of {', '.join(SCOPES)}.")
    if rate is not None and not 0 <= rate < math.inf:
        raise Refused(f"{rate:g} is no rate of a key.", "Give events a second, or none for what every key may send.")
    key = f"tdl_{secrets.token_urlsafe(32)}"
    await _insert(connection, name, key, wanted, expires, rate)
    return key


async def verify(db: Database, key: str) -> KeyInfo | None:
    """Whose key this is; None when it is unknown, expired or revoked. Its use is noted, to the minute.

    The digest is looked up in an index. What that takes tells of nothing but SHA-256 digests, which nobody can choose
    to begin as another's does; so there is no comparison here whose time could tell of a key.
    """
    row = await db.pool.fetchrow(f"{_SELECT} where digest = $1 and {_WORKS}", _digest(key))
    if row is None:
        return None
    info = KeyInfo.model_validate(dict(row))
    if info.last_used_at is None or datetime.now(UTC) - info.last_used_at > _NOTED_EVERY:
        await db.pool.execute("update api_key set last_used_real_at = now() where id = $1", info.id)
    return info


@dataclass(frozen=True, slots=True)
class Rotated:
    """A key's successor, whole, and until when the key itself still works."""

    key: str
    id: str
    scopes: frozenset[str]
    expires_at: datetime | None
    old_until: datetime


async def rotate(connection: Connection, name: str, overlap: timedelta, expires: datetime | None = None) -> Rotated:
    """Give the holder of the key called ``name`` (or of that id) a new secret; the old one works for ``overlap`` more.

    The new key has the same name, scopes and rate and, unless ``expires`` says otherwise, as long a life as the old one
    was given. Whatever else works under that name ends with the old one. In the caller's transaction.
    Raises ``NotFound`` when none of that name works.
    """
    key, now = f"tdl_{secrets.token_urlsafe(32)}", datetime.now(UTC)
    rows = await connection.fetch(
        f"{_SELECT} where (name = $1 or id = $1) and {_WORKS} order by created_real_at desc for update", name
    )
    if not rows:
        raise NotFound(f"No key called {name!r} works.", "`tendril keys list` shows the keys there are.")
    old = KeyInfo.model_validate(dict(rows[0]))
    if expires is None and old.expires_at is not None:
        expires = now + (old.expires_at - old.created_at)
    new = await _insert(connection, old.name, key, sorted(old.scopes), expires, old.rate)
    await connection.execute(
        "update api_key set expires_real_at = least(expires_real_at, $2) where id = any($1)",
        [row["id"] for row in rows],
        now + overlap,
    )
    until = min(filter(None, (old.expires_at, now + overlap)))
    return Rotated(key, new, old.scopes, expires, until)


async def _insert(
    connection: Connection, name: str, key: str, scopes: list[str], expires: datetime | None, rate: float | None
) -> str:
    made: str = await connection.fetchval(
        "insert into api_key (id, name, digest, scopes, expires_real_at, rate) values ($1, $2, $3, $4, $5, $6)"
        " returning id",
        f"key_{secrets.token_hex(6)}",
        name,
        _digest(key),
        scopes,
        expires,
        rate,
    )
    return made


async def list_keys(db: Database) -> list[KeyInfo]:
    """Every key, newest first, revoked and expired ones too."""
    rows = await db.pool.fetch(_SELECT + "order by created_real_at desc, id")
    return [KeyInfo.model_validate(dict(row)) for row in rows]


async def revoke(db: Database, key_id: str) -> None:
    """Refuse the key from now on. Raises ``NotFound``."""
    await revoke_on(db.pool, key_id)


async def revoke_on(connection: Connection, key_id: str) -> None:
    """As ``revoke``, in a transaction of the caller's."""
    done = await connection.fetchval(
        "update api_key set revoked_real_at = coalesce(revoked_real_at, now()) where id = $1 returning id", key_id
    )
    if done is None:
        raise NotFound(f"There is no key {key_id}.", "`tendril keys list` shows the keys there are.")


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
