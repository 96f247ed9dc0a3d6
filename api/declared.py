"""Answers are what their type says: no browser is to guess a page or a script where there is none.

JSON holds what others wrote. ``nosniff`` (Fetch, "X-Content-Type-Options") keeps a browser that is led there from
reading it as anything else.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

AS_DECLARED = {"X-Content-Type-Options": "nosniff"}
HEADER = (b"x-content-type-options", b"nosniff")


class AsDeclared:
    """ASGI middleware: each answer says so, once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def declared(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [pair for pair in message["headers"] if pair[0].lower() != HEADER[0]]
                message = {**message, "headers": [*headers, HEADER]}
            await send(message)

        await self._app(scope, receive, declared)
