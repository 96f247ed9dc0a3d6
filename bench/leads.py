"""Leads and a playbook for the bench: one touch at entry, and one for each visit to the pricing page."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.stack import Stack
from domain.playbook.models import Playbook
from storage import inbox, leads, playbooks
from storage.database import Connection
from storage.inbox import NewBehaviour
from storage.leads import LeadInput

_SENDER = {"name": "Bench", "email": "bench@mail.example", "postal_address": "1 Bench Street, Exampletown"}
_ASSET = {
    "subject": "Hello",
    "question": "Why?",
    "cta_label": "Read",
    "cta_url": "https://www.example.com",
    "body": "x",
}


def playbook(gap: str = "90d", touches: int = 1, channel: str = "sdr_task", **more: Any) -> Playbook:
    """Sends at any hour, ``touches`` touches ``gap`` apart (the first at once), and one for each pricing visit.

    ``more`` are further keys of the playbook.
    """
    what = {"note": "call"} if channel == "sdr_task" else {"asset": "a", "window": "any"}
    steps = [
        {"id": f"t{number}", "channel": channel, "gap": gap if number else "0d", **what} for number in range(touches)
    ]
    stage = {"id": "problem_awareness", "question": "Why?"}
    return Playbook.model_validate(
        {
            "name": "bench",
            "sender": _SENDER,
            "lead_fields": {"role": {"type": "string"}, "employees": {"type": "int"}},
            "behaviours": {
                "pricing_visit": {"on": "page", "path": "/pricing*", "label": "looked at pricing", "points": 10},
                "page_view": {"on": "page", "path": "*", "label": "visited", "points": 1},
            },
            "scoring": {
                "fit": {"rules": [{"id": "role", "when": "lead.role == 'cto'", "points": 40}]},
                "intent": {"half_life": "14d"},
                "mql": 40,
                "sales_ready": 70,
            },
            "segments": [{"id": "all", "label": "All"}],
            "stages": [stage],
            "tracks": [{"stage": "problem_awareness", "touches": steps}],
            "triggers": [
                {
                    "id": "pricing",
                    "behaviour": "pricing_visit",
                    "cool_down": "0d",
                    "touch": {"channel": "sdr_task", "delay": "0d", "note": "looked at pricing"},
                }
            ],
            "cadence": {"least_gap": "0d", "opens": "00:00", "closes": "23:59"},
            "handoff": {
                "rules": [{"id": "never", "when": "score.intent > 100", "label": "never"}],
                "sla": "1d",
                "remind": "12h",
                "expires": "2d",
                "recycle": {"cool_down": "1d"},
            },
            "re_engagement": {"after": "300d", "touches": [{"id": "back", "asset": "a", "gap": "0d"}], "sunset": "30d"},
            "length_limit": "700d",
            "assets": {"a": {"id": "a", **_ASSET}},
            **more,
        }
    )


async def apply(stack: Stack, document: Playbook) -> None:
    await playbooks.store(stack.database, document, datetime.now(UTC), default=True)


async def enrol(
    stack: Stack,
    number: int,
    first: int = 0,
    domain: str = "",
    now: datetime | None = None,
    also: Callable[[Connection], Awaitable[None]] | None = None,
) -> list[str]:
    """Enrol that many leads in batches of 500, as an import would; their ids. With ``domain`` all are of that one.

    ``also`` runs in each batch's transaction.
    """
    ids: list[str] = []
    for start in range(first, first + number, 500):
        batch = [_lead(index, domain) for index in range(start, min(start + 500, first + number))]
        outcomes = await leads.upsert_many(stack.database, batch, now or datetime.now(UTC), also=also)
        ids += [outcome.lead_id for outcome in outcomes]
    return ids


def address(index: int, domain: str = "") -> str:
    return f"lead{index}@{domain or f'company{index}.example'}"


def _lead(index: int, domain: str) -> LeadInput:
    return LeadInput(
        external_id=f"b{index}",
        email=address(index, domain),
        fields={"role": "cto", "employees": index % 900},
        source="bench",
    )


async def visit(stack: Stack, ids: list[str], tag: str) -> None:
    """One pricing visit of each lead, accepted one by one as the API would."""
    for event in _visits(ids, tag):
        await inbox.accept(stack.database, [event], event.occurred_at)


def _visits(ids: list[str], tag: str) -> Iterator[NewBehaviour]:
    for lead in ids:
        now = datetime.now(UTC) - timedelta(microseconds=1)
        yield NewBehaviour(message_id=f"{tag}-{lead}", kind="page", name="/pricing", occurred_at=now, lead_id=lead)


async def touched(stack: Stack) -> int:
    count: int = await stack.database.pool.fetchval("select count(*) from touch where status = 'sent'")
    return count
