"""What Segment's own libraries expect of a server, beyond the shape of events: made plain before the routes see it.

The browser's library calls ``/v1/t`` for ``/v1/track`` and so on, sends JSON as ``text/plain``, comes from pages of any
other origin, and has to be able to read ``Retry-After``. Origins guard nothing here: the write key stands in the page.
"""

from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

#: What the browser's library calls the routes: the first letter of the kind; ``b`` is its way to send several.
SHORT = {
    "/v1/i": "/v1/identify",
    "/v1/t": "/v1/track",
    "/v1/p": "/v1/page",
    "/v1/s": "/v1/screen",
    "/v1/g": "/v1/group",
    "/v1/a": "/v1/alias",
    "/v1/b": "/v1/batch",
}
ROUTES = frozenset(SHORT.values())
_DAY = 86_400
#: What lets a page of any origin read an answer.
ANYWHERE = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"Retry-After")]


class SegmentDialect:
    """ASGI middleware around the tracking routes; the others are left alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._from_anywhere = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["POST"],
            allow_headers=["*"],
            expose_headers=["Retry-After"],
            max_age=_DAY,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = SHORT.get(scope.get("path", ""), scope.get("path", ""))
        if scope["type"] != "http" or path not in ROUTES:
            await self._app(scope, receive, send)
            return
        scope = {**scope, "path": path, "raw_path": path.encode(), "headers": list(scope["headers"])}
        _plain_is_json(MutableHeaders(scope=scope))
        await self._from_anywhere(scope, receive, send)


def _plain_is_json(headers: MutableHeaders) -> None:
    """The browser's library says ``text/plain`` because that needs no preflight; what it sends is JSON."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() in {"", "text/plain"}:
        headers["content-type"] = "application/json"
