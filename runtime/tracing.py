"""Traces, where ``TENDRIL_OTLP_ENDPOINT`` names a collector; else every function here does nothing, and costs nothing.

One trace leads from the HTTP request by which behaviour came over the relay's wake, the signal, the decision and the
touches that it sends to the call of the vendor. Between processes it travels in ``pending_wake.trace`` and in headers
of Temporal's, which are no part of what a replay compares: tracing may be switched on and off at any time.

OpenTelemetry is imported only when it is used (``runtime.spans``).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from adapters import calls
from runtime.settings import Settings

if TYPE_CHECKING:
    from runtime.spans import Spans

_spans: "Spans | None" = None


def start(settings: Settings, service: str) -> None:
    """Begin to trace, as the process ``service`` (``tendril-api``, ``tendril-worker``), where the settings say so.

    OpenTelemetry's own variables hold (``OTEL_TRACES_SAMPLER``, ``OTEL_EXPORTER_OTLP_HEADERS``, ``OTEL_SERVICE_NAME``).
    """
    if settings.otlp_endpoint:
        from runtime.spans import Spans  # noqa: PLC0415 - a third of a second that only who traces shall wait

        use(Spans(settings.otlp_endpoint, service))


def use(spans: "Spans | None") -> None:
    """Trace by these from now on; None: not at all."""
    global _spans  # noqa: PLW0603 - a process traces or does not
    _spans = spans
    calls.traced_by(spans.call if spans else None)


def stop() -> None:
    """Send what has not been sent, for two seconds at most."""
    spans = _spans
    use(None)
    if spans is not None:
        spans.close()


def interceptors() -> Sequence[Any]:
    """For ``Client.connect``; a worker of that client takes them too."""
    return [_spans.temporal] if _spans else []


def told(trace: str) -> AbstractContextManager[Any]:
    """What the relay does about one wake, in the trace that asked for it ("": in one of its own)."""
    return _spans.wake(trace) if _spans else nullcontext()


def requests(app: Any) -> Any:
    """The ASGI app, each request of it a span."""
    return _spans.requests(app) if _spans else app
