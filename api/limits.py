"""Limits on the size of a body, kept while it streams in: a body that is too large is never held whole in memory.

A body may come compressed with gzip; the limits hold for what comes out as well, so a small one can't grow large.
"""

import zlib
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem

EVENT_BYTES = 32 * 1024
BATCH_BYTES = 500 * 1024
BATCH_EVENTS = 2500
DEFAULT_BYTES = 64 * 1024
#: A vendor's request may hold many events, with the mails themselves where somebody replied; a page of a history, many
#: payloads.
WEBHOOK_BYTES = 10 * 1024 * 1024
_EVENT_ROUTES = ("identify", "track", "page", "screen", "group", "alias")
_LIMITS: Mapping[str, int] = {f"/v1/{name}": EVENT_BYTES for name in _EVENT_ROUTES} | dict.fromkeys(
    ("/v1/batch", "/v1/cloudevents"), BATCH_BYTES
)
_GZIP = 16 + zlib.MAX_WBITS


def limit_of(path: str) -> int:
    """The most bytes that a body for this path may have."""
    return WEBHOOK_BYTES if path.startswith(("/v1/webhooks/", "/codec/")) else _LIMITS.get(path, DEFAULT_BYTES)


class BodyLimit:
    """ASGI middleware. FastAPI's own limit answers in plain text; this one raises a ``Problem``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = _Body(limit_of(scope["path"]), headers)

        async def limited() -> Message:
            body.declared(headers.get("content-length", ""))
            message = await receive()
            if message["type"] == "http.request":
                message["body"] = body.take(message.get("body", b""), last=not message.get("more_body", False))
            return message

        await self._app(scope, limited, send)


class _Body:
    """One body while it comes in: how much of it there was, in and out of its compression. Raises a ``Problem``."""

    def __init__(self, limit: int, headers: Headers) -> None:
        self._limit = limit
        self._encoding = headers.get("content-encoding", "").strip().lower()
        self._unzip = zlib.decompressobj(_GZIP) if self._encoding in {"gzip", "x-gzip"} else None
        self._came = self._made = 0

    def declared(self, length: str) -> None:
        """What the head says of the body: enough to refuse it unread."""
        if length.isascii() and length.isdigit() and int(length) > self._limit:
            raise too_large(self._limit)
        if self._unzip is None and self._encoding not in {"", "identity"}:
            raise _unknown_encoding(self._encoding)

    def take(self, part: bytes, *, last: bool) -> bytes:
        self._came += len(part)
        made = self._unzipped(part, last) if self._unzip else part
        self._made += len(made)
        if max(self._came, self._made) > self._limit:
            raise too_large(self._limit)
        return made

    def _unzipped(self, part: bytes, last: bool) -> bytes:
        assert self._unzip is not None  # noqa: S101 - the caller has looked
        try:
            made = self._unzip.decompress(part, self._limit - self._made + 1)
        except zlib.error as error:
            raise _malformed(str(error)) from None
        within = self._made + len(made) <= self._limit
        if within and (self._unzip.unused_data or (last and not self._unzip.eof)):
            raise _malformed("it goes on after its end" if self._unzip.eof else "it ends early")
        return made


def too_large(limit: int) -> Problem:
    return Problem(
        413,
        "body-too-large",
        f"The body is larger than {limit // 1024} KB, the most this route takes.",
        "Send less at a time: one event is at most 32 KB, a batch at most 500 KB and 2,500 events, uncompressed.",
    )


def _malformed(why: str) -> Problem:
    return Problem(
        400,
        "malformed-gzip",
        f"The body is declared as gzip and is not: {why}.",
        "Compress the whole body once, or leave Content-Encoding out.",
    )


def _unknown_encoding(encoding: str) -> Problem:
    return Problem(
        415,
        "unknown-encoding",
        f"Bodies in the encoding {encoding[:40]!r} are not read here.",
        "Compress with gzip, or not at all.",
        headers={"Accept-Encoding": "gzip"},
    )
