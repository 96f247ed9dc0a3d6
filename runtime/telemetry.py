"""What a process counts, in one registry: the same names everywhere, and never an id or an address in a label.

Gauges over the whole deployment are ``runtime.survey``'s, logs ``runtime.logs``', traces ``runtime.tracing``'s.
"""

import asyncio
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from adapters import calls

REGISTRY = CollectorRegistry()
WAKES = Counter(
    "tendril_wakes_relayed", "Wakes told to journeys: signalled, started, or dropped.", ["how"], registry=REGISTRY
)
WAKE_LAG = Histogram(
    "tendril_wake_lag_seconds",
    "From the commit of what a journey must hear of to Temporal's taking it.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300),
    registry=REGISTRY,
)
WAITING = Gauge("tendril_wakes_waiting", "Wakes not yet told to their journeys.", registry=REGISTRY)
LAG = Gauge("tendril_relay_lag_seconds", "Age of the oldest wake not yet told.", registry=REGISTRY)
RELAY_FAILURES = Counter("tendril_relay_failures", "Wakes put off because something was down.", registry=REGISTRY)
RELAY_ROUNDS = Counter("tendril_relay_rounds", "Looks of this relay for wakes: it lives.", registry=REGISTRY)
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
LOOP_LAG = Histogram(
    "tendril_event_loop_lag_seconds",
    "How much later than asked for this process's event loop came round.",
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 5),
    registry=REGISTRY,
)
POOL = Gauge(
    "tendril_database_pool_connections",
    "Connections of this process's pool: in_use, idle, and the most there may be.",
    ["state"],
    registry=REGISTRY,
)
ProcessCollector(registry=REGISTRY)
for _collector in calls.COLLECTORS:
    REGISTRY.register(_collector)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Seconds between two looks at how late the event loop is.
_TICK = 0.5


def metrics_text() -> bytes:
    """All metrics of this process in Prometheus' text format, of type ``CONTENT_TYPE``."""
    return generate_latest(REGISTRY)


def expose_sdk(port: int) -> None:
    """Serve what Temporal's SDK counts itself (task latencies, slots, pollers) on a port of its own; 0 for none.

    To be called before the process's first client: the SDK takes its runtime then.
    """
    if port:
        metrics = PrometheusConfig(bind_address=f"0.0.0.0:{port}")
        Runtime.set_default(Runtime(telemetry=TelemetryConfig(metrics=metrics)), error_if_already_set=False)


def watch_pool(pool: Any) -> None:
    """Let ``/metrics`` say how much of an asyncpg pool is in use."""
    POOL.labels("in_use").set_function(lambda: pool.get_size() - pool.get_idle_size())
    POOL.labels("idle").set_function(pool.get_idle_size)
    POOL.labels("most").set_function(pool.get_max_size)


async def watch_loop() -> None:
    """Measure the event loop until cancelled: two timers a second."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _TICK
        await asyncio.sleep(_TICK)
        LOOP_LAG.observe(max(loop.time() - due, 0.0))
