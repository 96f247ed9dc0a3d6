"""The spans of ``runtime.tracing``, by OpenTelemetry and Temporal's contrib.

What leaves is on a list (``_TOLD``), whoever set it: libraries put paths, addresses of callers and messages of errors
into spans, and any of these can name a person. A span says method and route, vendor and verb, opaque ids, the class of
an error, and times.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanKind, Status
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from domain.trace import TRACE
from runtime.journey_spans import JourneyTracing

#: Attributes that may leave: none of them can name a person.
_TOLD = frozenset(
    {
        "http.method",
        "http.request.method",
        "http.route",
        "http.status_code",
        "http.response.status_code",
        "tendril.vendor",
        "temporalWorkflowID",
        "temporalRunID",
        "temporalActivityID",
        "exception.type",
    }
)
_PROPAGATOR = TraceContextTextMapPropagator()
_LAST_SECONDS = 2.0


class Spans:
    """One a process. ``endpoint`` is an OTLP/HTTP collector's base address, such as ``http://127.0.0.1:4318``."""

    def __init__(self, endpoint: str, service: str) -> None:
        resource = Resource.create({SERVICE_NAME: service}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(Discreet(exporter)))
        self._tracer = self._provider.get_tracer("tendril")
        self.temporal = JourneyTracing(self._tracer, traceparent)

    def requests(self, app: Any) -> Any:
        """Spans of requests are named by route: a path holds ids, and what a visitor put there."""
        return OpenTelemetryMiddleware(
            _Named(app),
            tracer_provider=self._provider,
            default_span_details=lambda scope: (scope.get("method", scope["type"]), {}),
            exclude_spans=["receive", "send"],
        )

    @contextmanager
    def wake(self, told: str) -> Iterator[None]:
        asked = _PROPAGATOR.extract({"traceparent": told}) if told else context.Context()
        with self._tracer.start_as_current_span("wake", context=asked, kind=SpanKind.CONSUMER):
            yield

    @contextmanager
    def call(self, vendor: str, verb: str) -> Iterator[None]:
        attributes = {"tendril.vendor": vendor}
        with self._tracer.start_as_current_span(f"{vendor} {verb}", kind=SpanKind.CLIENT, attributes=attributes):
            yield

    def flush(self) -> None:
        """Send what waits to be sent."""
        self._provider.force_flush()

    def close(self) -> None:
        """A collector that does not answer keeps nobody: what it did not take in two seconds is lost."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(_LAST_SECONDS)


def traceparent() -> str:
    """The present span as W3C writes it; "" where none is recorded."""
    carrier: dict[str, str] = {}
    if trace.get_current_span().is_recording():
        _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent", "")


class _Named:
    """Inside the library's middleware: what is done for the request knows its trace, and the span gets its route."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        span = trace.get_current_span()

        async def named(message: Any) -> None:
            """The span ends with the answer; when that begins, the route is known."""
            path = getattr(scope.get("route"), "path", "")
            if path and message["type"] == "http.response.start":
                span.update_name(f"{scope['method']} {path}")
                span.set_attribute("http.route", path)
            await send(message)

        token = TRACE.set(traceparent())
        try:
            await self._app(scope, receive, named)
        finally:
            TRACE.reset(token)


class Discreet(SpanExporter):
    """Passes spans on with what is on the list, and nothing else."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_discreet(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _discreet(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_told(span.attributes),
        events=[Event(event.name, _told(event.attributes), event.timestamp) for event in span.events],
        links=[Link(link.context) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _told(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (attributes or {}).items() if name in _TOLD}
