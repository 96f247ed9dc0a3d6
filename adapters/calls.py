"""Every call to a vendor is measured here, and traced where somebody traces (``runtime.tracing``).

Labels and attributes name the vendor, the verb and what became of it: never a path, a query or a body, since those
carry addresses and keys.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import perf_counter

from prometheus_client import Gauge, Histogram

from domain.errors import LeadFault, OurFault, TransientFault

#: ``runtime.telemetry`` registers these: what is counted is said where it happens, and exposed in one place.
SECONDS = Histogram(
    "tendril_vendor_call_seconds",
    "Time of one call to a vendor, by what became of it: ok, transient, ours, lead or error (domain.errors).",
    ["vendor", "outcome"],
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
    registry=None,
)
WAITED = Histogram(
    "tendril_vendor_budget_wait_seconds",
    "Time that requests waited for their turn in a vendor's published rate.",
    ["vendor"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10),
    registry=None,
)
CLOSED = Gauge(
    "tendril_vendor_closed_until_timestamp_seconds",
    "Until when a vendor that said so takes no requests; 0 or past: it takes them.",
    ["vendor"],
    registry=None,
)
COLLECTORS = (SECONDS, WAITED, CLOSED)

Span = Callable[[str, str], AbstractContextManager[object]]


def _untraced(vendor: str, verb: str) -> AbstractContextManager[object]:  # noqa: ARG001 the shape of a span
    return nullcontext()


_span: Span = _untraced


def traced_by(span: Span | None) -> None:
    """From now on each call runs inside ``span(vendor, verb)``; None: inside nothing."""
    global _span  # noqa: PLW0603 - one process traces, or does not; passing it to every adapter would say no more
    _span = span or _untraced


@contextmanager
def call(vendor: str, verb: str) -> Iterator[None]:
    """One call to a vendor, from leaving to its answer: what goes wrong is raised inside as a ``VendorFault``."""
    began, outcome = perf_counter(), "error"
    try:
        with _span(vendor, verb):
            yield
        outcome = "ok"
    except (TransientFault, OurFault, LeadFault) as fault:
        outcome = _OUTCOMES[next(kind for kind in _OUTCOMES if isinstance(fault, kind))]
        raise
    finally:
        SECONDS.labels(vendor, outcome).observe(perf_counter() - began)


_OUTCOMES: dict[type[Exception], str] = {TransientFault: "transient", OurFault: "ours", LeadFault: "lead"}
