"""The bundled sample, told by the pure core: what each invented lead's journey comes to, without a server.

Colleagues at one account do not see each other here; in a running Tendril they do, and a little more happens.
"""

import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.core.simulate import simulate
from domain.decision import Decision
from domain.facts import Behaviour, Facts, FieldValue, LeadFacts, OperatorCommand, Permission
from domain.playbook.compiled import CompiledPlaybook
from domain.words import Channel, CommandKind

SAMPLE = Path(__file__).parents[2] / "runtime" / "embedded" / "sample"
START = datetime(2024, 1, 1, 9, tzinfo=UTC)  # a Monday
DAYS = 220

Row = dict[str, str]


def rows(name: str) -> list[Row]:
    with (SAMPLE / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def journey(playbook: CompiledPlaybook, lead: Row, script: list[Row], sellers: list[Row]) -> list[Decision]:
    """Every decision of one lead's journey over ``DAYS``; sellers answer the handoffs that the journey opens."""
    entered = START + timedelta(days=float(lead["enters_day"]))
    behaviours = [behaviour_of(row, position) for position, row in enumerate(script, 1) if row["type"] != "command"]
    entry = _entry(playbook, lead, entered, tuple(known for known in behaviours if known.at < entered))
    later = [behaviour for behaviour in behaviours if behaviour.at >= entered]
    commands = {_at(row): [_command(row["name"])] for row in script if row["type"] == "command"}
    while True:
        decisions = list(simulate(playbook, entry, later, entered, START + timedelta(days=DAYS), commands))
        answers = _answers(decisions, sellers)
        if answers.keys() <= commands.keys():
            return decisions
        commands |= answers


def _answers(decisions: list[Decision], sellers: list[Row]) -> dict[datetime, list[OperatorCommand]]:
    opened = [decision.at for decision in decisions if decision.open_handoff is not None]
    answers = {}
    for seller in sellers:
        number = int(seller["handoff"])
        if number <= len(opened):
            at = opened[number - 1] + timedelta(hours=float(seller["after_hours"]))
            answers[at] = [_command(f"sales_{seller['answer']}", seller["reason"])]
    return answers


def _entry(playbook: CompiledPlaybook, lead: Row, entered: datetime, known: tuple[Behaviour, ...]) -> Facts:
    fields = {name: _typed(lead[name], f.type) for name, f in playbook.document.lead_fields.items() if lead.get(name)}
    profile = LeadFacts(
        id=lead["external_id"],
        fields=fields,
        has_email=bool(lead["email"]),
        email_domain=lead["email"].partition("@")[2],
        country=lead["country"],
        timezone=lead["timezone"],
        source=lead["source"],
        owner=lead["owner"],
        created_at=entered,
    )
    declined = frozenset({Channel.EMAIL} if lead["do_not_email"] == "yes" else ())
    return Facts(lead=profile, permission=Permission(declined=declined), behaviours=known)


def _typed(text: str, kind: str) -> FieldValue:
    readers: Mapping[str, FieldValue] = {"int": int(text) if text.isdigit() else None, "bool": text == "true"}
    return readers.get(kind, text)


def behaviour_of(row: Row, position: int) -> Behaviour:
    properties = json.loads(row["properties"] or "{}")
    return Behaviour(position=position, kind=row["type"], name=row["name"], properties=properties, at=_at(row))


def _at(row: Row) -> datetime:
    return START + timedelta(days=float(row["day"]))


def _command(kind: str, reason: str = "") -> OperatorCommand:
    return OperatorCommand(id=kind, kind=CommandKind(kind), by="sample", reason=reason)
