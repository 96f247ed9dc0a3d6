"""The sandbox running for a test: real HTTP and real SMTP on free ports of this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from sandbox.app import create_app
from sandbox.faults import Fault, Faults
from sandbox.mail import MailStore
from sandbox.receiver import listen


@dataclass
class Sandbox:
    """A running sandbox. ``url`` is its HTTP address, ``smtp_port`` its receiver's."""

    app: FastAPI
    url: str
    smtp_port: int
    mail: MailStore
    faults: Faults
    requests: list[tuple[str, Any]] = field(default_factory=list)

    def fail(self, vendor: str, kind: str, **options: Any) -> None:
        """The next request meets this fault."""
        self.faults.add(Fault.model_validate({"vendor": vendor, "kind": kind, **options}))

    async def get(self, path: str, **params: Any) -> Any:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            answer = await client.get(path, params=params)
            answer.raise_for_status()
            return answer.json()


@asynccontextmanager
async def running_sandbox(
    state: Path | None = None, smtp: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[Sandbox]:
    """A sandbox until the block ends. ``smtp`` are the receiver's options (TLS, authentication)."""
    mail, faults = MailStore(), Faults()
    app = create_app(state, mail=mail, faults=faults, **options)
    async with serving(app) as url:
        receiver = await listen(mail, faults, "127.0.0.1", 0, **(smtp or {}))
        try:
            yield Sandbox(app, url, receiver.sockets[0].getsockname()[1], mail, faults)
        finally:
            receiver.close()


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """An ASGI app over real HTTP; yields its address."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    # Not ``serve``: it looks only each tenth of a second whether it should end.
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.shutdown()
