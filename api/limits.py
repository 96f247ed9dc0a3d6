"""Limits on the size of a body, kept while it streams in: a body that is too large is never held whole in memory."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem

EVENT_BYTES = 32 * 1024
BATCH_BYTES = 500 * 1024
BATCH_EVENTS = 2500
DEFAULT_BYTES = 64 * 1024
_LIMITS: Mapping[str, int] = {
    "/v1/track": EVENT_BYTES,
    "/v1/page": EVENT_BYTES,
    "/v1/identify": EVENT_BYTES,
    "/v1/batch": BATCH_BYTES,
}


class BodyLimit:
    """ASGI middleware. FastAPI's own limit answers in plain text; this one raises a ``Problem``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = _LIMITS.get(scope["path"], DEFAULT_BYTES)
        declared = _declared_length(scope)
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            if declared > limit:
                raise too_large(limit)
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise too_large(limit)
            return message

        await self._app(scope, limited, send)


def too_large(limit: int) -> Problem:
    return Problem(
        413,
        "body-too-large",
        f"The body is larger than {limit // 1024} KB, the most this route takes.",
        "Send less at a time: one event is at most 32 KB, a batch at most 500 KB and 2,500 events.",
    )


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
