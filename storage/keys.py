"""API keys: shown once, kept as a digest."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.errors import NotFound, Refused
from storage.database import Database

#: What a key may be allowed: reading, writing leads and behaviour, operating journeys; what may stand in a page for
#: everybody to read: sending behaviour, and claiming an address that nobody knows otherwise; and reading what is
#: encrypted in Temporal.
SCOPES = ("read", "write", "operate", "track", "decode")


class KeyInfo(BaseModel):
    """A key without its secret. ``id`` and ``name`` are opaque: they may appear in logs and decisions."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def claims(self) -> bool:
        """Whether what it says of people is only a claim, which changes nothing that is known."""
        return "write" not in self.scopes


_SELECT = """
select id, name, scopes, created_real_at as created_at, expires_real_at as expires_at, revoked_real_at as revoked_at
from api_key
"""


async def create(db: Database, name: str, scopes: Iterable[str], expires: datetime | None = None) -> str:
    """Make a key and return it whole: it can't be read again. Raises ``Refused`` for an unknown scope."""
    wanted = sorted(set(scopes))
    if unknown := [scope for scope in wanted if scope not in SCOPES]:
        raise Refused(f"There is no scope {unknown[0]!r}.", f"Use one or more of {', '.join(SCOPES)}.")
    key = f"tdl_{secrets.token_urlsafe(32)}"
    await db.pool.execute(
        "insert into api_key (id, name, digest, scopes, expires_real_at) values ($1, $2, $3, $4, $5)",
        f"key_{secrets.token_hex(6)}",
        name,
        _digest(key),
        wanted,
        expires,
    )
    return key


async def verify(db: Database, key: str) -> KeyInfo | None:
    """Whose key this is; None when it is unknown, expired or revoked."""
    row = await db.pool.fetchrow(
        _SELECT + "where digest = $1 and revoked_real_at is null"
        " and (expires_real_at is null or expires_real_at > now())",
        _digest(key),
    )
    return KeyInfo.model_validate(dict(row)) if row else None


async def list_keys(db: Database) -> list[KeyInfo]:
    """Every key, newest first, revoked and expired ones too."""
    rows = await db.pool.fetch(_SELECT + "order by created_real_at desc, id")
    return [KeyInfo.model_validate(dict(row)) for row in rows]


async def revoke(db: Database, key_id: str) -> None:
    """Refuse the key from now on. Raises ``NotFound``."""
    done = await db.pool.fetchval(
        "update api_key set revoked_real_at = coalesce(revoked_real_at, now()) where id = $1 returning id", key_id
    )
    if done is None:
        raise NotFound(f"There is no key {key_id}.", "`tendril keys list` shows the keys there are.")


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
