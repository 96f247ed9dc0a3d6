"""Ways to say what happens to one lead, for tests of the core."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.core.simulate import simulate
from domain.decision import Decision
from domain.facts import AccountFacts, Behaviour, Facts, LeadFacts, OperatorCommand, Permission, TouchFact
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from domain.words import DIRECT_CHANNELS, CommandKind, TouchStatus
from tests.fixtures.playbooks import minimal_compiled, minimal_playbook

#: A Monday, 10:00 in Berlin: inside the minimal playbook's send window.
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
_ALL_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
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
    playbook: CompiledPlaybook | None = None,
) -> list[Decision]:
    """Every decision of a lead to whom this happens, in the minimal playbook unless another is given."""
    behaviours = [
        Behaviour(position=number, kind=kind, name=name, properties=properties, at=start + after)
        for number, (after, kind, name, properties) in enumerate(sorted(happenings, key=lambda h: h[0]), start=1)
    ]
    asked = {start + after: said for after, said in (commands or {}).items()}
    rules = playbook or minimal_compiled()
    return list(simulate(rules, entry or facts(), behaviours, start, start + days * DAY, asked))


def step(name: str, asset: str | None = None, gap: str = "1d", **more: Any) -> dict[str, Any]:
    """A step by e-mail; without an asset, a task for sales."""
    own = {"asset": asset} if asset else {"channel": "sdr_task", "note": "Look."}
    return {"id": name, "gap": gap, **own, **more}


def track(*touches: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A track of the first stage, for everyone."""
    return {"stage": "problem_awareness", "touches": list(touches), **more}


def playbook_with(*tracks: Mapping[str, Any], cadence: Mapping[str, Any] | None = None, **changes: Any) -> Any:
    """The minimal playbook with these tracks alone: nobody changes stage, is handed over, or waits for a window."""
    document = minimal_playbook().model_dump(mode="json")
    document |= {
        "stages": [stage | {"transitions": []} for stage in document["stages"]],
        "tracks": list(tracks),
        "triggers": [],
        "cadence": {"least_gap": "0d", "days": _ALL_DAYS, "opens": "00:00", "closes": "23:59", **(cadence or {})},
        "handoff": document["handoff"] | {"rules": [{"id": "never", "when": "false", "label": "Never."}]},
    }
    return CompiledPlaybook(Playbook.model_validate(document | changes))


def in_ledger(decision: Decision, status: TouchStatus, known: Facts | None = None) -> Facts:
    """Facts after the decision was recorded, with its touches in that status."""
    rows = [
        TouchFact(
            **touch.model_dump(include={"key", "step", "asset", "channel", "note", "variant"}),
            cycle=decision.state.cycle,
            status=status,
            at=decision.at,
            number=decision.state.number,
        )
        for touch in decision.send
    ]
    known = known or facts()
    return known.model_copy(update={"touches": (*known.touches, *rows)})


def sent(decisions: list[Decision]) -> list[tuple[datetime, str]]:
    """Everything that reached the lead: when, and which asset."""
    return [(d.at, touch.asset) for d in decisions for touch in d.send if touch.channel in DIRECT_CHANNELS]


def steps(decisions: list[Decision]) -> list[tuple[float, str]]:
    """Every touch of the first ninety days: days after the start, and which step."""
    start, most = decisions[0].at, 90 * DAY
    return [((d.at - start) / DAY, touch.step) for d in decisions for touch in d.send if d.at < start + most]


def rejections(decisions: list[Decision], rule: str) -> list[tuple[str, str]]:
    """What a rule held back, each once: what, and why."""
    return list(dict.fromkeys((r.what, r.why) for d in decisions for r in d.rejected if r.rule == rule))


def rules(decisions: list[Decision]) -> list[str]:
    return [reason.rule for decision in decisions for reason in decision.reasons]
