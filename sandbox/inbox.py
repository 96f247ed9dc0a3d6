"""The local inbox: a real SMTP receiver with a page and a JSON API over what arrived."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from sandbox import imap
from sandbox.faults import Faults
from sandbox.mail import Arrival, MailStore, body, parse
from sandbox.pages import templates
from sandbox.receiver import listen

_ON_PAGE = 100


def router(mail: MailStore) -> APIRouter:
    """``/``, ``/messages/{n}`` and ``/api/messages``."""
    routes = APIRouter()

    @routes.get("/api/messages")
    async def find(
        message_id: str = "",
        to: str = "",
        text: str = "",
        limit: Annotated[int, Query(ge=0, le=10_000)] = _ON_PAGE,
    ) -> dict[str, Any]:
        """Newest first. ``total`` counts all that match, not only those returned."""
        found = mail.list(message_id=message_id, to=to, text=text)
        items = [_summary(mail, arrival) for arrival in found[:limit]]
        return {"total": len(found), "repeated": mail.repeated, "items": items}

    @routes.get("/api/messages/{number}")
    async def read(number: int) -> dict[str, Any]:
        arrival, raw = _known(mail, number)
        message = parse(raw)
        headers = [[name, str(value)] for name, value in message.items()]
        return _summary(mail, arrival) | {
            "headers": headers,
            "text": body(message, "plain"),
            "html": body(message, "html"),
        }

    @routes.delete("/api/messages", status_code=204)
    async def clear() -> None:
        mail.clear()

    @routes.get("/", response_class=HTMLResponse)
    async def listing(request: Request, text: str = "") -> Response:
        found = mail.list(text=text)
        shown = [(arrival, mail.copies(arrival.message_id)) for arrival in found[:_ON_PAGE]]
        context = {"shown": shown, "total": len(found), "text": text, "repeated": mail.repeated, "tab": "inbox"}
        return templates.TemplateResponse(request, "inbox.html", context)

    @routes.get("/messages/{number}", response_class=HTMLResponse)
    async def message(request: Request, number: int, part: str = "html") -> Response:
        arrival, raw = _known(mail, number)
        parsed = parse(raw)
        context = {
            "arrival": arrival,
            "copies": mail.copies(arrival.message_id),
            "headers": [(name, str(value)) for name, value in parsed.items()],
            "html": body(parsed, "html"),
            "text": body(parsed, "plain"),
            "part": part,
            "tab": "inbox",
        }
        return templates.TemplateResponse(request, "message.html", context)

    @routes.get("/messages/{number}/raw")
    async def raw(number: int) -> Response:
        return Response(_known(mail, number)[1], media_type="text/plain; charset=utf-8")

    return routes


def _known(mail: MailStore, number: int) -> tuple[Arrival, bytes]:
    found = mail.get(number)
    if found is None:
        raise HTTPException(404, f"No message {number}.")
    return found


def _summary(mail: MailStore, arrival: Arrival) -> dict[str, Any]:
    return asdict(arrival) | {"copies": mail.copies(arrival.message_id)}


async def serve(
    smtp_port: int, http_port: int, data_dir: Path | None, *, host: str = "127.0.0.1", imap_port: int = 0
) -> None:
    """The inbox and the stand-in vendors, until SIGINT or SIGTERM. Raises ``OSError`` when a port is taken.

    IMAP is served where its port is given.
    """
    from sandbox.app import create_app  # noqa: PLC0415 - the app shows the inbox, which is above

    mail, faults = MailStore(data_dir), Faults()
    app = create_app(data_dir / "vendors.json" if data_dir else None, mail=mail, faults=faults)
    with socket.create_server((host, http_port)) as listening:
        async with _receiving(mail, faults, host, smtp_port), _read_by_imap(mail, host, imap_port):
            await _until_told(_server(app), listening)


async def _until_told(server: uvicorn.Server, listening: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    await server.serve(sockets=[listening])


@asynccontextmanager
async def _receiving(mail: MailStore, faults: Faults, host: str, port: int) -> AsyncIterator[None]:
    receiver = await listen(mail, faults, host, port)
    try:
        yield
    finally:
        receiver.close()


@asynccontextmanager
async def _read_by_imap(mail: MailStore, host: str, port: int) -> AsyncIterator[None]:
    server = await imap.listen(mail, host, port) if port else None
    try:
        yield
    finally:
        if server is not None:
            server.close()


class _Server(uvicorn.Server):
    """uvicorn's own handling of signals ends the process before the receiver is closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: FastAPI) -> uvicorn.Server:
    # A held request (a fault of kind "timeout") must not hold up stopping.
    return _Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2))
