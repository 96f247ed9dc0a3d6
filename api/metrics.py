"""What the API counts about itself, by route and never by path: a path holds ids and would make a series each."""

import time

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.telemetry import REGISTRY

SECONDS = Histogram(
    "tendril_api_request_seconds",
    "Time from the request's head to the end of the answer.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
EVENTS = Counter(
    "tendril_api_events", "Behaviour events received, by what became of them.", ["outcome"], registry=REGISTRY
)


class Measured:
    """ASGI middleware: observes each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            observe(scope["method"], route_of(scope), status, time.perf_counter() - began)


def observe(method: str, route: str, status: int, seconds: float) -> None:
    SECONDS.labels(method, route, str(status)).observe(seconds)


def route_of(scope: Scope) -> str:
    """The route's path as it is written, without what a request puts into it."""
    return getattr(scope.get("route"), "path", "unmatched")
