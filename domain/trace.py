"""Which trace the present work belongs to, as W3C Trace Context writes it (``traceparent``, version 00).

It travels as a plain word, so that nothing but ``runtime.tracing`` knows of a tracing library: from the request to the
row of the wake that it asks for, and from there to whoever tells the journey.
"""

from contextvars import ContextVar

#: ``00-<trace id>-<span id>-<flags>``; "" while nobody traces.
TRACE: ContextVar[str] = ContextVar("tendril_trace", default="")


def trace_id() -> str:
    """The 32 hexadecimal digits by which a backend finds the trace; "" while nobody traces."""
    word = TRACE.get()
    return word.split("-")[1] if word else ""
