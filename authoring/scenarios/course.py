"""What happens to one lead, as the simulation takes it: facts at the start, behaviour, commands, changes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from authoring.scenarios.models import BEHAVIOUR_KINDS, Account, Event, Person, Scenario
from domain.core.simulate import Change
from domain.facts import AccountFacts, Behaviour, Facts, LeadFacts, OperatorCommand, Permission
from domain.words import CommandKind

#: What the form that Tendril serves reports for each answer.
ANSWERED = "Question Answered"
_SALES = {"accepted": CommandKind.SALES_ACCEPT, "rejected": CommandKind.SALES_REJECT}


@dataclass(frozen=True)
class Course:
    """One lead's life, before the playbook has a say in it. Times are absolute."""

    entry: Facts
    start: datetime
    until: datetime
    behaviours: tuple[Behaviour, ...] = ()
    commands: Mapping[datetime, Sequence[OperatorCommand]] = field(default_factory=dict)
    changes: Mapping[datetime, Sequence[Change]] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Happening:
    """Behaviour before it has its position in the inbox."""

    at: datetime
    kind: str
    name: str
    properties: Mapping[str, Any]


def course(scenario: Scenario) -> Course:
    """The course of a scenario whose names were checked."""
    happenings: list[Happening] = []
    commands: dict[datetime, list[OperatorCommand]] = defaultdict(list)
    changes: dict[datetime, list[Change]] = defaultdict(list)
    for event in scenario.events:
        for number in range(event.times):
            at = scenario.start + event.at + number * event.every
            happenings += _happenings(event, at)
            if command := _command(event, f"event-{len(commands) + 1}"):
                commands[at].append(command)
            if change := _change(event):
                changes[at].append(change)
    return arranged(
        known_of(scenario.lead, scenario.account, scenario.start),
        scenario.start,
        scenario.start + scenario.until,
        happenings,
        commands,
        changes,
        scenario.variants,
    )


def arranged(
    entry: Facts,
    start: datetime,
    until: datetime,
    happenings: Sequence[Happening],
    commands: Mapping[datetime, Sequence[OperatorCommand]],
    changes: Mapping[datetime, Sequence[Change]],
    variants: Mapping[str, str],
) -> Course:
    """Put in order: what happened before the start is known at entry, everything else comes."""
    in_time = sorted(happenings, key=lambda one: one.at)
    behaviours = [
        Behaviour(position=number, kind=one.kind, name=one.name, properties=one.properties, at=one.at)
        for number, one in enumerate(in_time, start=1)
    ]
    for at in sorted(changes):
        if at <= start:
            for change in changes[at]:
                entry = change(entry)
    before = tuple(one for one in behaviours if one.at <= start)
    return Course(
        entry.model_copy(update={"behaviours": before}),
        start,
        until,
        tuple(behaviours[len(before) :]),
        commands,
        {at: said for at, said in changes.items() if at > start},
        variants,
    )


def known_of(person: Person, account: Account, start: datetime, lead_id: str = "invented") -> Facts:
    """What is known of them at the start."""
    return Facts(
        lead=LeadFacts(
            id=lead_id,
            fields=person.fields,
            has_email=person.email is not None,
            email_domain=(person.email or "").rpartition("@")[2].lower(),
            country=person.country or "",
            timezone=person.timezone or "",
            source=person.source,
            owner=person.owner,
            created_at=start,
        ),
        account=AccountFacts(**account.model_dump(exclude_none=True)),
        permission=Permission(suppressed=person.suppressed or "", declined=frozenset(person.declined)),
    )


def told(fields: Mapping[str, Any], **own: str) -> Change:
    """The profile is completed. ``own`` are members of the lead itself, such as the country."""

    def change(facts: Facts) -> Facts:
        lead = facts.lead.model_copy(update={"fields": {**facts.lead.fields, **fields}, **own})
        return facts.model_copy(update={"lead": lead})

    return change


def _happenings(event: Event, at: datetime) -> list[Happening]:
    if event.kind == "page":
        return [Happening(at, "page", event.name.partition("?")[0], event.properties)]
    if event.kind in BEHAVIOUR_KINDS:
        return [Happening(at, event.kind, event.name, event.properties)]
    if event.answers is not None:
        return [Happening(at, "track", ANSWERED, {"field": name}) for name in event.answers]
    return [Happening(at, "identify", "identify", event.identify)] if event.identify is not None else []


def _command(event: Event, command_id: str) -> OperatorCommand | None:
    kind = _SALES[event.sales] if event.sales else event.command
    if kind is None:
        return None
    by = "sales" if event.sales else "operator"
    return OperatorCommand(id=command_id, kind=kind, by=by, reason=event.reason, stage=event.stage)


def _change(event: Event) -> Change | None:
    fields = event.answers or event.identify
    if fields is not None:
        return told(fields)
    if event.account is None:
        return None
    update = event.account.model_dump(exclude_none=True)
    return lambda facts: facts.model_copy(update={"account": facts.account.model_copy(update=update)})
