"""The short way in for behaviour: from the socket to the route's function without FastAPI's general machinery.

That machinery (eight layers, dependencies, routing) costs more processor time than all that Tendril does with an event.
So a request that is as it should be (JSON of a known length, a key in its head, a body that the route's schema takes)
goes straight to the function of its route here. Any other goes the general way, with its body, and is told there what
is wrong with it: the rules and their words are in one place.
"""

import asyncio
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple, get_type_hints

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics, problems
from api.auth import allowed
from api.context import ApiContext
from api.declared import HEADER
from api.limits import limit_of
from api.segment import ANYWHERE, SHORT
from storage.keys import KeyInfo

_JSON = (b"", b"application/json", b"text/plain")  # what the browser's library calls text is JSON too
#: Bytes of a body beyond which it is a batch of some size; to understand an event takes some 30 µs.
_LARGE = 8_192
_UNUSUAL = {b"content-encoding", b"transfer-encoding", b"expect"}


class _Route(NamedTuple):
    path: str
    schema: TypeAdapter[Any]
    function: Callable[[Any, ApiContext, KeyInfo], Awaitable[BaseModel]]
    limit: int


class Quick:
    """ASGI middleware. ``routes`` are functions of (body, context, key) that need the scope ``track``."""

    def __init__(self, app: ASGIApp, routes: Iterable[APIRoute]) -> None:
        self._app = app
        self._routes = {route.path: _quick(route) for route in routes}
        self._routes |= {short: self._routes[path] for short, path in SHORT.items()}
        self._reading = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get(scope.get("path", ""))
        key = _key_of_usual(scope, route.limit) if route and scope.get("method") == "POST" else ""
        if not route or not key:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        scope["route"] = route  # for whoever names the request: a path holds ids
        context: ApiContext = scope["app"].state.context
        body = await _body(receive)
        try:
            owner = await allowed(context, key, "track")
            await self._turn(len(body))
            given = route.schema.validate_json(body)
        except Exception:  # noqa: BLE001 - whatever it is, the general way meets it again and has words for it
            await self._app(scope, _again(body, receive), send)
            return
        try:
            answer = await route.function(given, context, owner)
        except Exception as fault:  # noqa: BLE001 - rendered as FastAPI would
            response = await problems.answer(Request(scope), fault)
            status, head, text = response.status_code, response.raw_headers, bytes(response.body)
        else:
            text = answer.__pydantic_serializer__.to_json(answer)
            length = b"%d" % len(text)
            status, head = 200, [(b"content-type", b"application/json"), (b"content-length", length), HEADER]
        await send({"type": "http.response.start", "status": status, "headers": [*head, *ANYWHERE]})
        await send({"type": "http.response.body", "body": text})
        metrics.observe("POST", route.path, status, time.perf_counter() - began)

    async def _turn(self, size: int) -> None:
        """Where many large bodies are there at once, the loop looks after everything else between one and the next."""
        if size > _LARGE:
            async with self._reading:
                await asyncio.sleep(0)


def _quick(route: APIRoute) -> _Route:
    body = next(iter(get_type_hints(route.endpoint).values()))
    return _Route(route.path, TypeAdapter(body), route.endpoint, limit_of(route.path))


def _key_of_usual(scope: Scope, limit: int) -> str:
    """The key in the head of a request that is as it should be, "" for any other."""
    media, length, key = b"", b"", ""
    for name, value in scope["headers"]:
        if name == b"content-type":
            media = value.partition(b";")[0].strip().lower()
        elif name == b"content-length":
            length = value
        elif name == b"authorization":
            key = _key(value)
        elif name in _UNUSUAL:
            return ""
    return key if media in _JSON and length.isdigit() and int(length) <= limit else ""


def _key(authorization: bytes) -> str:
    """The key, as Bearer or as Basic user name; "" when it can't be read."""
    scheme, _, given = authorization.partition(b" ")
    try:
        if scheme.lower() == b"bearer":
            return given.strip().decode("ascii")
        if scheme.lower() == b"basic":
            return b64decode(given).partition(b":")[0].decode("ascii")
    except ValueError:
        pass
    return ""


async def _body(receive: Receive) -> bytes:
    """The whole body; what came of it, when the sender leaves."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """What has been read, to be read once more."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again
