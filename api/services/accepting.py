"""Group commit: what arrives at once is stored in one transaction, and each request answered once that is committed.

Most of the price of storing one event is the transaction around it. So the first request is stored at once, and those
that come while it is being committed share the next transaction. Nobody waits for a group to fill.

Fair: a group is of one key, keys take turns, and a key has only so many groups at work. So whatever one key sends, or
waits for, another's next event is at most one turn away. While others send, too, its groups are smaller, and it rests
after each that leaves more waiting: what a flood takes of the processors is what others' decisions are made with.
Bounded: what finds too much waiting already is refused before anything of it was stored, and comes again.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import NamedTuple

from api.problems import DATABASE_AWAY, Problem
from domain.trace import TRACE
from runtime.company import Company
from storage import inbox
from storage.database import Database
from storage.inbox import Accepted, NewBehaviour
from storage.keys import KeyInfo


class _Share(NamedTuple):
    """What one key may have at work: so many transactions at once, each of at most so many events. A single larger
    request is one by itself.
    """

    groups: int
    events: int


#: One is being committed while the next is being prepared; beyond a thousand events nothing is gained.
ALONE = _Share(2, 1000)
#: While a flood of 10,000 events was taken in with the share above others' p99 was 200 to 300 ms; with this one, and as
#: long a rest after each group as it took, 120 to 160 ms (``bench.bursts``).
IN_COMPANY = _Share(1, 100)
#: Seconds: what took longer waited for something, and did not work.
_LONGEST_REST = 0.05
#: Events that may wait before more are refused: of one key, and of all together. Some seconds' worth.
MOST_OF_KEY = 5_000
MOST = 20_000


class _Request(NamedTuple):
    sender: str
    events: Sequence[NewBehaviour]
    now: datetime
    answer: "asyncio.Future[Accepted]"
    trace: str


class _Line:
    """The requests of one key that wait, oldest first."""

    def __init__(self) -> None:
        self.requests: deque[_Request] = deque()
        self.events = 0
        self.at_work = 0

    def add(self, request: _Request) -> None:
        self.requests.append(request)
        self.events += len(request.events)

    def group(self, most: int) -> list[_Request]:
        """The next requests that go together, in their order."""
        taken = [self.requests.popleft()]
        size = len(taken[0].events)
        while self.requests and (size := size + len(self.requests[0].events)) <= most:
            taken.append(self.requests.popleft())
        self.events -= sum(len(request.events) for request in taken)
        return taken


class Accepting:
    """One per process. ``at_once`` is the most transactions of all keys together.

    ``most_of_key`` and ``most`` are events that may wait; what comes on top of as many is refused.
    """

    def __init__(self, database: Database, at_once: int, *, most_of_key: int = MOST_OF_KEY, most: int = MOST) -> None:
        self._database = database
        self._most_of_key, self._most = most_of_key, most
        self._free = max(1, at_once)
        self._lines: dict[str, _Line] = {}  # in the order of their turns
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._company = Company()

    async def accept(self, key: KeyInfo, events: Sequence[NewBehaviour], now: datetime) -> Accepted:
        """As ``inbox.accept``. Raises a 429 or 503 ``Problem`` when too much waits already, and database faults."""
        self._company.heard(key.id, monotonic())
        line = self._lines.get(key.id) or _Line()
        if line.events >= self._most_of_key:
            raise _refused(429, "too-many-events", f"The key {key.name!r} has {line.events} events waiting already.")
        if self._waiting >= self._most:
            raise _refused(503, "overloaded", f"{self._waiting} events are waiting to be stored already.")
        self._lines[key.id] = line
        request = _Request(key.name, events, now, asyncio.get_running_loop().create_future(), TRACE.get())
        line.add(request)
        self._waiting += len(events)
        self._start_what_may()
        return await request.answer

    def _start_what_may(self) -> None:
        share = IN_COMPANY if self._company.there(monotonic()) else ALONE
        while self._free and (key := self._next(share)):
            line = self._lines.pop(key)
            self._lines[key] = line  # its next turn comes after everybody else's
            self._free -= 1
            line.at_work += 1
            group = line.group(share.events)
            self._waiting -= sum(len(request.events) for request in group)
            task = asyncio.create_task(self._run(key, line, group))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _next(self, share: _Share) -> str | None:
        """The key whose turn it is, of those that have something to store and may."""
        return next((key for key, line in self._lines.items() if line.requests and line.at_work < share.groups), None)

    async def _run(self, key: str, line: _Line, group: list[_Request]) -> None:
        began = monotonic()
        try:
            try:
                await self._store(group)
            finally:
                self._free += 1
                self._start_what_may()
            if line.requests and self._company.there(monotonic()):
                await asyncio.sleep(min(_LONGEST_REST, monotonic() - began))
        finally:
            line.at_work -= 1
            if not line.at_work and not line.requests:
                del self._lines[key]
            self._start_what_may()

    async def _store(self, group: list[_Request]) -> None:
        """Answer every request of the group. What the database refuses of some is told to those alone."""
        try:
            batches = [request.events for request in group]
            now = max(request.now for request in group)
            traces = [request.trace for request in group]
            taken = await inbox.accept_each(self._database, batches, now, sender=group[0].sender, traces=traces)
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is told to whoever waits for the answer
            if len(group) > 1 and not isinstance(fault, DATABASE_AWAY):
                for request in group:
                    await self._store([request])
                return
            for request in group:
                if not request.answer.done():
                    request.answer.set_exception(fault)
            return
        for request, accepted in zip(group, taken, strict=True):
            if not request.answer.done():  # its sender may have left
                request.answer.set_result(accepted)


def _refused(status: int, kind: str, detail: str) -> Problem:
    return Problem(
        status,
        kind,
        f"{detail} This request was not stored.",
        "Send it again after Retry-After seconds.",
        headers={"Retry-After": "1"},
    )
