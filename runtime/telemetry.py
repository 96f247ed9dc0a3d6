"""Logs and metrics: configured once a process, the same names everywhere."""

import logging
import sys
from time import perf_counter
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, start_http_server
from structlog.tracebacks import ExceptionDictTransformer
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.messages import SendTouch, TouchOutcome
from runtime.settings import Settings

REGISTRY = CollectorRegistry()
WAKES = Counter(
    "tendril_wakes_relayed", "Wakes told to journeys: signalled, started, or dropped.", ["how"], registry=REGISTRY
)
WAITING = Gauge("tendril_wakes_waiting", "Wakes not yet told to their journeys.", registry=REGISTRY)
LAG = Gauge("tendril_relay_lag_seconds", "Age of the oldest wake not yet told.", registry=REGISTRY)
RELAY_FAILURES = Counter("tendril_relay_failures", "Wakes put off because something was down.", registry=REGISTRY)
DECISIONS = Counter(
    "tendril_decisions", "Decisions by result: made, or failed and tried again.", ["result"], registry=REGISTRY
)
DECISION_SECONDS = Histogram("tendril_decision_seconds", "Time of one decision, database included.", registry=REGISTRY)
TOUCHES = Counter(
    "tendril_touches",
    "Attempts at touches by channel and what became of them.",
    ["channel", "result"],
    registry=REGISTRY,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def configure_logging(settings: Settings) -> None:
    """Route structlog and the standard library's loggers to standard error in the settings' format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_output(settings)))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _output(settings: Settings) -> list[Any]:
    """Tracebacks without local variables: those hold addresses and profiles, which no log may have."""
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if settings.log_format == "json":
        tracebacks = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
        return [strip, tracebacks, structlog.processors.JSONRenderer()]
    plain = structlog.dev.plain_traceback
    return [strip, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def metrics_text() -> bytes:
    """All metrics of this process in Prometheus' text format, of type ``CONTENT_TYPE``."""
    return generate_latest(REGISTRY)


def serve_metrics(port: int) -> None:
    """Serve ``/metrics`` on a thread of its own; nothing when the port is 0."""
    if port:
        start_http_server(port, registry=REGISTRY)


class Counting(Interceptor):
    """Counts what activities do, so that activities need not know of metrics."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 the SDK's name
        return _CountingActivity(next)


class _CountingActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 the SDK's name
        name = getattr(input.fn, "__name__", "")
        if name == "decide":
            return await self._decision(input)
        if name == "send_touch":
            return await self._touch(input)
        return await self.next.execute_activity(input)

    async def _decision(self, asked: ExecuteActivityInput) -> Any:
        began = perf_counter()
        try:
            result = await self.next.execute_activity(asked)
        except Exception:
            DECISIONS.labels("failed").inc()
            structlog.get_logger("tendril.decide").exception("a decision failed and will be tried again")
            raise
        DECISION_SECONDS.observe(perf_counter() - began)
        DECISIONS.labels("made").inc()
        return result

    async def _touch(self, asked: ExecuteActivityInput) -> Any:
        touch: SendTouch = asked.args[0]
        try:
            outcome: TouchOutcome = await self.next.execute_activity(asked)
        except Exception as error:
            TOUCHES.labels(touch.channel, getattr(error, "type", None) or type(error).__name__).inc()
            raise
        TOUCHES.labels(touch.channel, outcome.result).inc()
        return outcome
