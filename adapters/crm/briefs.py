"""A task as a seller reads it: what to do, until when, and the handoff's brief, as HTML or as plain text."""

from datetime import datetime, timedelta
from html import escape
from typing import Any

from domain.ports import OutboundTouch

#: Part of the brief that is the task's due date.
_DUE = "sla_at"
_WITHOUT_DEADLINE = timedelta(days=1)
#: What a seller reads first. PostgreSQL keeps a brief's parts in an order of its own (jsonb), so theirs says nothing.
#: Parts not named here come last.
_ORDER = (
    "why_now",
    "operator_said",
    "opener",
    "did",
    "read",
    "colleagues_active",
    "stage",
    "question",
    "situations",
    "advice",
    "segment",
    "fit",
    "grade",
    "intent",
)


def due(touch: OutboundTouch, now: datetime) -> str:
    """The end of the handoff's SLA where the brief holds it, else a day from now: ISO 8601."""
    given = touch.brief.get(_DUE)
    return str(given) if given else (now + _WITHOUT_DEADLINE).isoformat()


def subject(touch: OutboundTouch) -> str:
    return str(touch.brief.get("why_now") or touch.note or _label(touch.step))


def html(touch: OutboundTouch, *, assigned: bool) -> str:
    """The note and the brief as the little HTML that CRMs show. The owner too, where the CRM has nobody of that name
    (``assigned`` False).
    """
    parts = [f"<p>{escape(note)}</p>" for note in _note(touch)]
    parts += [f"<p><b>{escape(label)}</b><br>{_shown(value)}</p>" for label, value in _told(touch, assigned)]
    return "".join(parts)


def text(touch: OutboundTouch, *, assigned: bool) -> str:
    """The same as plain text."""
    parts = _note(touch)
    parts += [f"{label}\n{_written(value)}" for label, value in _told(touch, assigned)]
    return "\n\n".join(parts)


def _note(touch: OutboundTouch) -> list[str]:
    return [touch.note] if touch.note and touch.note != touch.brief.get("why_now") else []


def _told(touch: OutboundTouch, assigned: bool) -> list[tuple[str, Any]]:
    names = sorted(
        touch.brief.keys() - {_DUE}, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)
    )
    told = [(_label(name), touch.brief[name]) for name in names if touch.brief[name]]
    return told + ([("Owner", touch.owner)] if touch.owner and not assigned else [])


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "<ul>" + "".join(f"<li>{_shown(item)}</li>" for item in value) + "</ul>"
    if isinstance(value, dict):
        return " · ".join(_shown(item) for item in value.values())
    return escape(str(value))


def _written(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "\n".join(f"- {_written(item)}" for item in value)
    if isinstance(value, dict):
        return " · ".join(_written(item) for item in value.values())
    return str(value)
