"""How much one key may send: so many events a second, and so many requests with a transaction of their own at once.

The first keeps a runaway script from filling the inbox, and the dead letters: what can't be understood counts as much.
The second keeps it from holding every connection to the database (plain behaviour, which needs no transaction of its
own, is ``api.services.accepting``'s): whatever one key does, half of them are left to the others. Both are this
process's own count. What is refused was not stored; the sender comes again after ``Retry-After``.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from api.problems import Problem
from storage.keys import KeyInfo

#: What a key may send in one go, in seconds of its rate.
_BURST_SECONDS = 10
#: What the rates of keys themselves are of.
_EVENTS = "events"
#: Requests of one key that may wait for their turn; more would only wait longer than their senders do.
_WAITING = 200
#: Why a request has to come again.
_OF_ALL = "{} is the most a key may send"
_OF_KEY = "the key was made with this rate (tendril keys list)"
_OF_TURNS = "a key's requests take turns"


class KeyRates:
    """The keys' allowances. ``rate`` is in events a second, 0 for any number; ``at_once`` in requests.

    A key that has a rate of its own (``KeyInfo.rate``) is held to that one, if events are what is counted. What is
    counted is called ``what``, and the rate comes from ``setting``.
    """

    def __init__(
        self,
        rate: float,
        at_once: int,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        what: str = _EVENTS,
        setting: str = "TENDRIL_TRACKING_RATE",
    ) -> None:
        self._what, self._setting = what, setting
        self._rate = rate
        self._at_once = max(1, at_once)
        self._monotonic = monotonic
        self._keys: dict[str, _Allowance] = {}

    def spend(self, key: KeyInfo, events: int) -> None:
        """Count so many events against the key's rate. Raises a 429 ``Problem``."""
        own = key.rate if self._what == _EVENTS else None
        rate = own or self._rate
        if rate and (wait := self._of(key).spend(events, rate, self._monotonic())):
            told = f"The key {key.name!r} sends more than {rate:g} {self._what} a second."
            raise _too_many(told, wait, _OF_KEY if own else _OF_ALL.format(self._setting))

    @asynccontextmanager
    async def turn(self, key: KeyInfo, events: int) -> AsyncIterator[None]:
        """The key's turn to store so many events in a transaction of their own. Raises a 429 ``Problem``."""
        mine = self._of(key)
        if mine.waiting >= _WAITING:
            raise _too_many(f"The key {key.name!r} has {mine.waiting} requests waiting already.", 1, _OF_TURNS)
        self.spend(key, events)
        mine.waiting += 1
        try:
            await mine.turns.acquire()
        finally:
            mine.waiting -= 1
        try:
            yield
        finally:
            mine.turns.release()

    def _of(self, key: KeyInfo) -> "_Allowance":
        known = self._keys.get(key.id)
        if known is None:
            known = _Allowance(self._monotonic(), self._at_once)
            self._keys[key.id] = known
        return known


class _Allowance:
    """What a key may still send. A batch may overdraw it: the next one then waits until that is made good."""

    def __init__(self, now: float, at_once: int) -> None:
        self._left = math.inf
        self._at = now
        self.turns = asyncio.Semaphore(at_once)
        self.waiting = 0

    def spend(self, events: int, rate: float, now: float) -> int:
        """Take so many; returns the seconds to wait if there is nothing to take from, else 0."""
        full = max(1.0, rate * _BURST_SECONDS)  # of the lowest rate, too, one event may come now and then
        self._left = min(full, self._left + (now - self._at) * rate)
        self._at = now
        if self._left < 1:
            return math.ceil((1 - self._left) / rate)
        self._left -= events
        return 0


def _too_many(detail: str, wait: int, why: str) -> Problem:
    return Problem(
        429,
        "too-many-events",
        f"{detail} This request was not stored.",
        f"Send it again after Retry-After seconds; {why}.",
        headers={"Retry-After": str(wait)},
    )
