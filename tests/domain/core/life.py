"""Ways to say what happens to one lead, for tests of the core."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.core.simulate import simulate
from domain.decision import Decision
from domain.facts import AccountFacts, Behaviour, Facts, LeadFacts, OperatorCommand, Permission
from domain.words import DIRECT_CHANNELS, CommandKind
from tests.fixtures.playbooks import minimal_compiled

#: A Monday, 10:00 in Berlin: inside the minimal playbook's send window.
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def lead(**fields: Any) -> LeadFacts:
    given = {"has_email": True, "email_domain": "acme.example", "timezone": "Europe/Berlin", "created_at": MONDAY}
    own = {name: fields.pop(name) for name in list(fields) if name in LeadFacts.model_fields}
    return LeadFacts(id="ld_test", fields=fields, **(given | own))


def facts(person: LeadFacts | None = None, permission: Permission | None = None) -> Facts:
    return Facts(lead=person or lead(), permission=permission or Permission(), account=AccountFacts())


def page(path: str, after: timedelta, **properties: Any) -> tuple[timedelta, str, str, Mapping[str, Any]]:
    return (after, "page", path, properties)


def event(kind: str, name: str, after: timedelta, **properties: Any) -> tuple[timedelta, str, str, Mapping[str, Any]]:
    return (after, kind, name, properties)


def command(kind: CommandKind, **details: Any) -> OperatorCommand:
    return OperatorCommand(id=f"c-{kind}", kind=kind, by="test", **details)


def live(
    *happenings: tuple[timedelta, str, str, Mapping[str, Any]],
    entry: Facts | None = None,
    start: datetime = MONDAY,
    days: float = 400,
    commands: Mapping[timedelta, Sequence[OperatorCommand]] | None = None,
) -> list[Decision]:
    """Every decision of a lead to whom this happens, in the minimal playbook."""
    behaviours = [
        Behaviour(position=number, kind=kind, name=name, properties=properties, at=start + after)
        for number, (after, kind, name, properties) in enumerate(sorted(happenings, key=lambda h: h[0]), start=1)
    ]
    asked = {start + after: said for after, said in (commands or {}).items()}
    return list(simulate(minimal_compiled(), entry or facts(), behaviours, start, start + days * DAY, asked))


def sent(decisions: list[Decision]) -> list[tuple[datetime, str]]:
    """Everything that reached the lead: when, and which asset."""
    return [(d.at, touch.asset) for d in decisions for touch in d.send if touch.channel in DIRECT_CHANNELS]


def rules(decisions: list[Decision]) -> list[str]:
    return [reason.rule for decision in decisions for reason in decision.reasons]
