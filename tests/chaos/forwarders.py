"""A network that stalls and breaks: what our processes say to a server goes through a forwarder of ours."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

#: Connects to the server behind a forwarder, with the protocol that the factory makes.
Connect = Callable[[Callable[[], asyncio.Protocol]], Awaitable[Any]]


class Forwarder:
    """Listens on ``port`` of this machine and passes everything on. ``stall`` holds all bytes back, in both directions;
    ``cut`` breaks every connection and refuses new ones; ``heal`` ends either.
    """

    def __init__(self, port: int, connect: Connect) -> None:
        self.port = port
        self.connect = connect
        self.stalled = self.broken = False
        self.ends: set[_End] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Near(self), "127.0.0.1", self.port)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()

    def stall(self) -> None:
        self.stalled = True
        for end in self.ends:
            end.transport.pause_reading()

    def cut(self) -> None:
        self.broken = True
        for end in tuple(self.ends):
            end.transport.abort()

    def heal(self) -> None:
        self.stalled = self.broken = False
        for end in self.ends:
            end.transport.resume_reading()


class _End(asyncio.Protocol):
    """One end of a connection: what is read here is written at ``other``."""

    transport: Any

    def __init__(self, forwarder: Forwarder) -> None:
        self.forwarder = forwarder
        self.other: _End | None = None
        self.early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.forwarder.ends.add(self)
        if self.forwarder.broken:
            self.transport.abort()
        elif self.forwarder.stalled:
            self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.early += data
        elif not self.other.transport.is_closing():
            self.other.transport.write(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.forwarder.ends.discard(self)
        if self.other is not None:
            self.other.transport.close()


class _Near(_End):
    """The end at our process: finds the server once somebody has connected."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._finding = asyncio.ensure_future(self._find())

    async def _find(self) -> None:
        far = _End(self.forwarder)
        try:
            await self.forwarder.connect(lambda: far)
        except OSError:
            self.transport.abort()
            return
        far.other, self.other = self, far
        if self.transport.is_closing():
            far.transport.close()
            return
        far.transport.write(self.early)
        self.transport.write(far.early)


def to_port(port: int) -> Connect:
    return lambda make: asyncio.get_running_loop().create_connection(make, "127.0.0.1", port)


def to_socket(path: str) -> Connect:
    return lambda make: asyncio.get_running_loop().create_unix_connection(make, path)
