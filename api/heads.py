"""HEAD where GET changes nothing: probes and link checkers ask so, and get the head of what GET would answer.

Not for links and pictures in mail (``api.routers.links``), where a GET counts.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PATHS = {"/", "/healthz", "/readyz", "/metrics"}
_BELOW = "/u/"


class Heads:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope.get("method") != "HEAD" or not (path in _PATHS or path.startswith(_BELOW)):
            await self._app(scope, receive, send)
            return

        async def head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, head)
