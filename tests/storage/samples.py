"""Invented leads, events and playbooks for storage's tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.playbook.models import Playbook
from storage.database import Database
from storage.inbox import NewBehaviour
from storage.leads import LeadInput, upsert
from storage.playbooks import store

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


def playbook(name: str = "plain", **changes: Any) -> Playbook:
    """The smallest playbook, with at most two e-mails a week to one account."""
    touch = {"id": "hello", "asset": "hello", "gap": "0d"}
    document: dict[str, Any] = {
        "name": name,
        "title": "Plain",
        "sender": {"name": "Tess", "email": "tess@sender.example", "postal_address": "1 Example Street, Exampleton"},
        "lead_fields": {"role": {"type": "string"}},
        "behaviours": {"visit": {"on": "page", "path": "*", "label": "visited"}},
        "scoring": {"fit": {}, "intent": {"half_life": "30d"}, "mql": 30, "sales_ready": 60},
        "segments": [{"id": "everyone", "label": "Everyone"}],
        "stages": [{"id": "research", "question": "What is it?"}],
        "tracks": [{"stage": "research", "touches": [touch]}],
        "cadence": {"least_gap": "1d", "caps": [{"per": "account", "most": 2, "within": "7d"}]},
        "handoff": {
            "rules": [{"id": "ready", "when": "score.intent > 60", "label": "Ready"}],
            "sla": "1d",
            "remind": "12h",
            "expires": "3d",
            "recycle": {"cool_down": "30d"},
        },
        "re_engagement": {"after": "90d", "touches": [touch | {"id": "again"}], "sunset": "14d"},
        "length_limit": "400d",
        "re_entry": {"policy": "after", "after": "30d"},
        "assets": {"hello": {"id": "hello", "subject": "Hello", "body": "Hello."}},
    }
    return Playbook.model_validate(document | changes)


async def applied(db: Database, **changes: Any) -> str:
    """A playbook in force; its hash."""
    return await store(db, playbook(**changes), NOW, default=True)


async def enrolled(db: Database, email: str = "ann@acme.example", **profile: Any) -> str:
    """An enrolled lead's id; a playbook must be in force."""
    return (await upsert(db, LeadInput(email=email, **profile), NOW)).lead_id


def event(message_id: str, *, days: float = 0, **given: Any) -> NewBehaviour:
    """A page view, ``days`` after ``NOW``, unless told otherwise."""
    at = NOW + timedelta(days=days)
    usual: dict[str, Any] = {"message_id": message_id, "kind": "page", "name": "/pricing", "occurred_at": at}
    return NewBehaviour(**usual | given)
