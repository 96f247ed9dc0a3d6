"""The stand-in vendors and a receiver of mail as a process of their own, which knows when each thing came.

    python -m bench.receiving SMTP_PORT RATES PORT

``RATES`` is JSON: vendor → [requests, seconds]. ``GET /_came`` tells of every request ``[when, path, status]``, and
``GET /_mails`` of every mail ``[when, to]``; ``when`` is seconds since the epoch.
"""

import asyncio
import json
import sys
import time
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.app import create_app
from sandbox.faults import Faults
from sandbox.limits import Rate
from sandbox.mail import Arrival, MailStore
from sandbox.receiver import listen


class Came:
    """Before every vendor: when each request came, and how it was answered; an answer that nobody got is 0."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.requests: list[tuple[float, str, int]] = []
        self.mails: list[tuple[float, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] in ("/_came", "/_mails"):
            await _answer(send, self.requests if scope["path"] == "/_came" else self.mails)
        else:
            await self._noted(scope, receive, send)

    async def _noted(self, scope: Scope, receive: Receive, send: Send) -> None:
        at, status = time.time(), 0

        async def sent(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            self.requests.append((at, scope["path"], status))


class Noting(MailStore):
    """Keeps mail in memory, and notes when each came and to whom."""

    def __init__(self, mails: list[tuple[float, str]]) -> None:
        super().__init__()
        self._mails = mails

    def add(self, sender: str, to: list[str], raw: bytes) -> Arrival:
        self._mails.append((time.time(), to[0]))
        return super().add(sender, to, raw)


async def _answer(send: Send, found: list[Any]) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})


async def serve(smtp_port: int, rates: dict[str, tuple[int, float]], port: int) -> None:
    faults = Faults()
    came = Came(create_app(faults=faults, rates={vendor: Rate(*rate) for vendor, rate in rates.items()}))
    receiver = await listen(Noting(came.mails), faults, "127.0.0.1", smtp_port)
    config = uvicorn.Config(came, host="127.0.0.1", port=port, log_level="error", timeout_graceful_shutdown=1)
    await uvicorn.Server(config).serve()
    receiver.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])))
