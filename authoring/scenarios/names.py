"""Names in scenarios against the playbook they test: a misspelt asset must not pass as “never sent”."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from authoring.problems import Severity
from authoring.scenarios.expectations import Between, Expectation, Standing, Timed
from authoring.scenarios.models import Event, Scenario
from authoring.scenarios.moments import is_span, parse_span
from domain.facts import Behaviour
from domain.playbook.checks.finding import Path, did_you_mean
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import LeadField
from domain.words import CommandKind

#: Steps and rules that the core names itself.
_OWN_STEPS = ("handoff", "handoff-remind", "handoff-escalate", "handoff-expired")
_OWN_RULES = ("operator_hand_off", "profile")
_FIELD_KINDS = {"string": (str, "text"), "int": (int, "a whole number"), "float": (int | float, "a number")}
_FIELD_KINDS |= {"bool": (bool, "true or false"), "list": (list, "a list of texts")}


@dataclass(frozen=True, slots=True)
class Wrong:
    """One name or value that can't be meant. ``path`` is within the scenario."""

    path: Path
    rule: Literal["reference", "value", "time", "means-nothing"]
    message: str
    severity: Severity = "error"


@dataclass(frozen=True)
class Known:
    """What the playbook names, by what it is."""

    assets: frozenset[str]
    steps: frozenset[str]
    handoff_rules: frozenset[str]
    names: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, playbook: CompiledPlaybook) -> "Known":
        rules = playbook.document
        to_sales = {rule.id for rule in rules.triage if rule.then in {"sales", "sales_review"}}
        names = {
            "segment": {one.id for one in rules.segments},
            "length": {one.id for one in rules.lengths},
            "situation": {one.id for one in rules.situations},
            "audience": {one.id for one in rules.audiences},
            "trigger": set(playbook.triggers),
            "variant": {f"{one.id}:{variant.id}" for one in rules.experiments for variant in one.variants},
        }
        return cls(
            frozenset(rules.assets),
            frozenset(_steps(playbook)),
            frozenset({rule.id for rule in rules.handoff.rules} | to_sales | set(_OWN_RULES)),
            {kind: frozenset(of) for kind, of in names.items()},
        )


def _steps(playbook: CompiledPlaybook) -> Iterator[str]:
    rules = playbook.document
    yield from (touch.id for track in rules.tracks for touch in track.touches)
    yield from (touch.id for touch in rules.re_engagement.touches)
    yield from (touch.id for touch in rules.profile.touches) if rules.profile else ()
    for trigger in rules.triggers:
        yield from (f"trigger-{trigger.id}", f"trigger-{trigger.id}-alert")
    yield from _OWN_STEPS


def wrong_names(scenario: Scenario, playbook: CompiledPlaybook) -> Iterator[Wrong]:
    """Everything in a scenario that means nothing to the playbook, by its path."""
    fields = playbook.document.lead_fields
    yield from wrong_fields(("lead", "fields"), scenario.lead.fields, fields)
    yield from _variants(scenario, playbook)
    for number, event in enumerate(scenario.events):
        path: Path = ("events", number)
        yield from wrong_fields((*path, "answers"), event.answers or {}, fields)
        yield from wrong_fields((*path, "identify"), event.identify or {}, fields)
        yield from _event(path, event, scenario, playbook)
    known = Known.of(playbook)
    for number, expectation in enumerate(scenario.expect):
        yield from _expectation(("expect", number), expectation, known)
        yield from _moments(("expect", number), expectation, scenario, known, playbook)


def wrong_fields(path: Path, given: Mapping[str, Any], fields: Mapping[str, LeadField]) -> Iterator[Wrong]:
    """Fields the playbook does not declare, and values that are not of the declared type."""
    for name, value in given.items():
        if name not in fields:
            yield _missing((*path, name), "lead field", name, fields)
            continue
        kind, words = _FIELD_KINDS[fields[name].type]
        wrong_bool = isinstance(value, bool) and kind is not bool
        if value is not None and (wrong_bool or not isinstance(value, kind)):
            yield Wrong((*path, name), "value", f"“{name}” must be {words}")


def _missing(path: Path, kind: str, name: str, known: Iterable[str]) -> Wrong:
    return Wrong(path, "reference", f"the playbook has no {kind} “{name}”{did_you_mean(name, known)}")


def _variants(scenario: Scenario, playbook: CompiledPlaybook) -> Iterator[Wrong]:
    experiments = {one.id: one for one in playbook.document.experiments}
    for name, variant in scenario.variants.items():
        if name not in experiments:
            yield _missing(("variants", name), "experiment", name, experiments)
        elif variant and variant not in (options := [one.id for one in experiments[name].variants]):
            yield _missing(("variants", name), f"variant of {name}", variant, options)


def _event(path: Path, event: Event, scenario: Scenario, playbook: CompiledPlaybook) -> Iterator[Wrong]:
    if event.at + (event.times - 1) * event.every > scenario.until:
        yield Wrong((*path, "at"), "time", "happens after the scenario's end: see `until`")
    if event.at < timedelta() and (event.sales or event.command):
        yield Wrong((*path, "at"), "time", f"{event.kind} can't come before the start: there is no journey yet")
    if event.command is CommandKind.FORCE_STAGE and event.stage not in playbook.stages:
        yield _missing((*path, "stage"), "stage", event.stage, playbook.stages)
    if event.kind in {"page", "track"} and not _means_something(event, scenario, playbook):
        matches = [one for one in playbook.document.behaviours.values() if one.on == event.kind]
        near = did_you_mean(event.name, [one.path or one.event for one in matches])
        message = f"the playbook names no behaviour for “{event.name}”{near if 'mean' in near else ''}"
        yield Wrong((*path, event.kind), "means-nothing", message, severity="warning")


def _means_something(event: Event, scenario: Scenario, playbook: CompiledPlaybook) -> bool:
    at, name = scenario.start + event.at, event.name.partition("?")[0] if event.kind == "page" else event.name
    raw = Behaviour(position=1, kind=event.kind, name=name, properties=event.properties, at=at)
    return bool(playbook.matcher.hits([raw]))


def _expectation(path: Path, expectation: Expectation, known: Known) -> Iterator[Wrong]:
    key = expectation.key
    details = getattr(expectation, key)
    options = {"asset": known.assets, "step": known.steps, **known.names}
    if key in {"handoff", "no_handoff"}:
        options["rule"] = known.handoff_rules
    if key in {"segment", "length", "situation"}:
        yield from _named((*path, key, "is"), key, details.is_, known.names[key])
    if key == "audience":
        yield from _named((*path, key, "id"), key, details.id, known.names[key])
    if key == "in_order":
        for number, asset in enumerate(details.assets):
            yield from _named((*path, key, "assets", number), "asset", asset, known.assets)
    for word, names in options.items():
        if isinstance(name := getattr(details, word, None), str):
            yield from _named((*path, key, word), word, name, names)


def _named(path: Path, kind: str, name: str, known: Iterable[str]) -> Iterator[Wrong]:
    if name not in known:
        yield _missing(path, kind, name, known)


def _moments(
    path: Path, expectation: Expectation, scenario: Scenario, known: Known, playbook: CompiledPlaybook
) -> Iterator[Wrong]:
    """Moments that can't come: of no event, after the end, or of something nobody knows."""
    things = {"handoff", *known.assets, *known.steps, *playbook.names, *(event.name for event in scenario.events)}
    for word, moment in _written(getattr(expectation, expectation.key)):
        where = (*path, expectation.key, word)
        if moment.startswith("#"):
            if not 1 <= int(moment[1:]) <= len(scenario.events):
                yield Wrong(where, "reference", f"there is no event {moment[1:]}: {len(scenario.events)} are written")
        elif is_span(moment):
            if parse_span(moment) > scenario.until:
                yield Wrong(where, "time", "is after the scenario's end: see `until`")
        elif moment not in things:
            message = f"nothing is called “{moment}” here: no event, behaviour, asset or step"
            yield Wrong(where, "reference", message + did_you_mean(moment, things))


def _written(details: Any) -> Iterator[tuple[str, str]]:
    """The moments of an expectation, each with its key."""
    if isinstance(details, Timed) and details.after is not None:
        yield "after", details.after
    if isinstance(details, Standing) and details.at is not None:
        yield "at", details.at
    if isinstance(details, Between):
        yield from ((word, one) for word, one in (("from", details.from_), ("to", details.to)) if one is not None)
