"""A front door that fails on demand, before the real API: what proxies and restarts do to clients."""

from collections import deque
from enum import Enum

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: A browser reads a refusal of another origin only with these.
_READABLE = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"Retry-After")]


class Fault(Enum):
    """What becomes of a request."""

    AWAY = (503, b"")
    BUSY = (429, b"1")
    LOST = (503, b"lost")  # the API takes it and its answer is lost on the way back


class Front:
    """ASGI middleware: the next POSTs fail as ``plan`` says, then all pass. ``seen`` are the paths and statuses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.plan: deque[Fault] = deque()
        self.seen: list[tuple[str, int]] = []

    def fail(self, *faults: Fault) -> None:
        self.plan.extend(faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
        elif self.plan:
            await self._fail(self.plan.popleft(), scope, receive, send)
        else:
            await self._app(scope, receive, self._watched(scope, send))

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        status, detail = fault.value
        if fault is Fault.LOST:
            await self._app(scope, receive, _nowhere)
        else:
            while (await receive()).get("more_body"):
                pass
        headers = _READABLE + ([(b"retry-after", detail)] if fault is Fault.BUSY else [])
        self.seen.append((scope["path"], status))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _watched(self, scope: Scope, send: Send) -> Send:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.seen.append((scope["path"], message["status"]))
            await send(message)

        return watched


async def _nowhere(_message: Message) -> None:
    pass
