"""A task as a seller reads it: what to do, until when, and the handoff's brief, as HTML or as plain text."""

from datetime import datetime, timedelta
from html import escape
from typing import Any

from domain.ports import OutboundTouch

#: Part of the brief that is the task's due date.
_DUE = "sla_at"
_WITHOUT_DEADLINE = timedelta(days=1)


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
    told = [(_label(name), value) for name, value in touch.brief.items() if value and name != _DUE]
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
