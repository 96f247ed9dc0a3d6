"""Keys verified a moment ago. A revoked or expired key dies within ``TTL_SECONDS`` in every process."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

from storage import keys
from storage.database import Database
from storage.keys import KeyInfo

TTL_SECONDS = 4.0
_MOST = 10_000


class Keyring:
    """Remembers keys that were good, by digest, and never those that were not: a new key works at once."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._good: OrderedDict[bytes, tuple[float, KeyInfo]] = OrderedDict()

    async def verify(self, key: str) -> KeyInfo | None:
        """The key's name and scopes, or None when it is unknown, expired or revoked. Raises database faults."""
        digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
        known = self._good.get(digest)
        if known and self._monotonic() < known[0]:
            return known[1]
        asked = self._monotonic()
        info = await keys.verify(self._database, key)
        self._remember(digest, asked, info)
        return info

    def _remember(self, digest: bytes, asked: float, info: KeyInfo | None) -> None:
        self._good.pop(digest, None)
        if info is not None:
            self._good[digest] = (asked + TTL_SECONDS, info)
        while len(self._good) > _MOST:
            self._good.popitem(last=False)
