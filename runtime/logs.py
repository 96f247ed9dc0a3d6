"""Logs: configured once a process, the same shape everywhere. One JSON object a line where nobody looks at a terminal.

Whoever works on a journey binds its names (``lead``, ``journey``, ``decision``, ``touch``) by structlog's context
variables, so that every line written meanwhile has them, also those of libraries. While tracing, lines have the
``trace`` they belong to. No line ever has an address: tracebacks come without local variables.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from domain.trace import trace_id
from runtime.settings import Settings


def configure_logging(settings: Settings) -> None:
    """Route structlog and the standard library's loggers to standard error in the settings' format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
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
    if _as_json(settings):
        tracebacks = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
        return [strip, tracebacks, structlog.processors.JSONRenderer()]
    plain = structlog.dev.plain_traceback
    return [strip, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def _as_json(settings: Settings) -> bool:
    return settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())


def _add_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if found := trace_id():
        event["trace"] = found
    return event
