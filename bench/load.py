"""A cheap HTTP client that keeps a server busy: prepared requests over connections that stay open.

One ``asyncio.Protocol`` a connection on uvloop, one request on its way at a time, and of an answer only the status and
the length are read: about 30 µs of processor time a request, a sixth of what the
server spends on it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass
class Load:
    """What became of some requests: how many got which status, and the seconds it took in all."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second. Raises ``RuntimeError`` when any was not taken: then it is no rate of taking."""
        if set(self.statuses) != {200}:
            raise RuntimeError(f"answers were not all 200: {dict(self.statuses)}")
        return self.statuses[200] / self.seconds


def request(path: str, body: bytes, key: str) -> bytes:
    """A whole request of HTTP/1.1, ready to be written."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def send_all(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Send each request once, as fast as so many connections take them."""
    load, left = Load(), iter(requests)
    lines = [await connect(port) for _ in range(connections)]
    began = perf_counter()
    await asyncio.gather(*(_drain(line, left, load) for line in lines))
    load.seconds = perf_counter() - began
    for line in lines:
        line.close()
    return load


async def _drain(line: "Line", left: Iterator[bytes], load: Load) -> None:
    for each in left:
        load.statuses[await line.send(each)] += 1


async def connect(port: int) -> "Line":
    _, line = await asyncio.get_running_loop().create_connection(Line, "127.0.0.1", port)
    return line


class Line(asyncio.Protocol):
    """One connection. ``send`` gives the status of the answer once it is there whole.

    ``closed`` once the server has ended it, as servers do when nothing has come for some seconds.
    """

    closed = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._came = b""

    def send(self, request: bytes) -> "asyncio.Future[int]":
        self._answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        came = self._came = self._came + data
        end = came.find(_END)
        if end < 0:
            return
        at = came.index(_LENGTH) + len(_LENGTH)
        if len(came) >= end + len(_END) + int(came[at : came.index(b"\r", at)]):
            self._came = b""
            self._answer.set_result(int(came[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if hasattr(self, "_answer") and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("the server closed the connection"))

    def close(self) -> None:
        self._transport.close()


async def paced(rate: float, seconds: float, send: Callable[[int], Awaitable[object]]) -> list[float]:
    """Call ``send`` with 0, 1, 2 … at that rate whether or not the former are answered; how late each began, in s."""
    began, late, open_ = perf_counter(), [], set()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (wait := due - perf_counter()) > 0:
            await asyncio.sleep(wait)
        late.append(max(0.0, perf_counter() - due))
        task = asyncio.ensure_future(send(number))
        open_.add(task)
        task.add_done_callback(open_.discard)
    await asyncio.gather(*open_)
    return late
