"""The parts fit together: no doubles, no dead ends, times in order."""

from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.durations import format_duration
from domain.facts import ACCOUNT_TOUCHES
from domain.playbook.checks.finding import Finding, Path
from domain.playbook.models import BehaviourMatch, Playbook
from domain.words import BuyerStage


def check_structure(document: Playbook) -> Iterator[Finding]:
    yield from _check_doubles(document)
    yield from _check_segments(document)
    yield from _check_stages(document)
    yield from _check_circles(document)
    yield from _check_behaviours(document)
    yield from _check_triage(document)
    yield from _check_triggers(document)
    yield from _check_scoring(document)
    yield from _check_times(document)
    yield from _check_cadence(document)


def _doubles(named: Iterable[tuple[Path, str]], kind: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for path, name in named:
        if name in seen:
            yield Finding(path, "duplicate", f"there is already a {kind} “{name}”")
        seen.add(name)


def _ids(document: Playbook, *path: str) -> list[tuple[Path, str]]:
    part: object = document
    for name in path:
        part = getattr(part, name)
    return [((*path, index, "id"), item.id) for index, item in enumerate(part)]  # type: ignore[arg-type,var-annotated]  # reached by name


def _check_doubles(document: Playbook) -> Iterator[Finding]:
    for kind, path in (
        ("segment", ("segments",)),
        ("stage", ("stages",)),
        ("triage rule", ("triage",)),
        ("disqualify rule", ("disqualify",)),
        ("fit rule", ("scoring", "fit", "rules")),
        ("entry-intent rule", ("scoring", "intent", "entry")),
        ("handoff rule", ("handoff", "rules")),
        ("audience", ("audiences",)),
    ):
        yield from _doubles(_ids(document, *path), kind)
    tracks = [(("tracks", index), f"{track.segment} × {track.stage}") for index, track in enumerate(document.tracks)]
    yield from _doubles(tracks, "track for")
    yield from _check_steps(document)


def _check_steps(document: Playbook) -> Iterator[Finding]:
    """Steps and triggers share the touch's key, so their names must differ in the whole playbook."""
    steps = _ids(document, "re_engagement", "touches")
    for index, track in enumerate(document.tracks):
        steps += [(("tracks", index, "touches", number, "id"), step.id) for number, step in enumerate(track.touches)]
    steps += _ids(document, "triggers")
    yield from _doubles(steps, "step or trigger")
    for index, track in enumerate(document.tracks):
        seen: set[str] = set()
        for number, touch in enumerate(track.touches):
            if touch.asset is not None and touch.asset in seen:
                message = f"“{touch.asset}” comes twice in this track; nobody gets an asset twice"
                yield Finding(("tracks", index, "touches", number, "asset"), "unused", message, "warning")
            seen.add(touch.asset or "")


def _check_segments(document: Playbook) -> Iterator[Finding]:
    for index, segment in enumerate(document.segments[:-1]):
        if segment.when is None:
            message = f"“{segment.id}” has no when, so the segments after it are never reached; only the last may"
            yield Finding(("segments", index), "segment", message)
    if document.segments[-1].when is not None:
        message = "has a when, so some leads have no segment; leave the last segment without one"
        yield Finding(("segments", len(document.segments) - 1, "when"), "segment", message)


def _check_stages(document: Playbook) -> Iterator[Finding]:
    for index, stage in enumerate(document.stages[:-1]):
        if not stage.transitions:
            yield Finding(("stages", index), "stage", f"there is no way out of “{stage.id}”: add transitions")
    covered = {(track.segment, track.stage) for track in document.tracks}
    for index, stage in enumerate(document.stages):
        lacking = [s.id for s in document.segments if not {(s.id, stage.id), ("*", stage.id)} & covered]
        if lacking:
            message = f"no track for stage “{stage.id}” and segment {', '.join(lacking)}"
            yield Finding(("stages", index, "id"), "track", message)


def _check_circles(document: Playbook) -> Iterator[Finding]:
    """Ways back from which the way forth may hold at once: a lead would be moved along neither.

    A way back that asks for silence is taken when the behaviour that led forth is long over.
    """
    ways = {
        stage.id: {way.to for way in stage.transitions if "days.quiet" not in way.when} for stage in document.stages
    }
    order = {stage.id: index for index, stage in enumerate(document.stages)}
    for index, stage in enumerate(document.stages):
        for number, way in enumerate(stage.transitions):
            back = order.get(way.to, index) < index and way.to in ways[stage.id]
            if back and stage.id in _reached(ways, way.to):
                message = (
                    f"leads in a circle: “{way.to}” leads to “{stage.id}” again, and while both ways hold nobody is"
                    " moved; let the way back ask for silence (days.quiet)"
                )
                yield Finding(("stages", index, "transitions", number, "to"), "circle", message, "warning")


def _reached(ways: Mapping[BuyerStage, set[BuyerStage]], start: BuyerStage) -> set[BuyerStage]:
    """Every stage that can be reached from a stage."""
    reached: set[BuyerStage] = set()
    ahead = {start}
    while ahead:
        ahead = set().union(*(ways.get(stage, set()) for stage in ahead)) - reached
        reached |= ahead
    return reached


def _check_behaviours(document: Playbook) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, match in document.behaviours.items():
        yield from _check_match(name, match)
        same = match.model_dump_json(include={"on", "path", "event", "where"})
        if same in seen:
            message = f"never happens: “{seen[same]}” matches the same events first"
            yield Finding(("behaviours", name), "unused", message, "warning")
        seen.setdefault(same, name)


def _check_match(name: str, match: BehaviourMatch) -> Iterator[Finding]:
    needs, not_used = ("path", "event") if match.on == "page" else ("event", "path")
    if not getattr(match, needs):
        yield Finding(("behaviours", name), "behaviour", f"on: {match.on} needs “{needs}”")
    if getattr(match, not_used):
        yield Finding(("behaviours", name, not_used), "behaviour", f"on: {match.on} uses “{needs}”, not “{not_used}”")
    if match.on == "page" and match.path and match.path[0] not in "/*":
        yield Finding(("behaviours", name, "path"), "behaviour", "a path begins with / (or *)")


def _check_triage(document: Playbook) -> Iterator[Finding]:
    for index, rule in enumerate(document.triage):
        if rule.then == "disqualify" and rule.reason is None:
            yield Finding(("triage", index), "reason", f"“{rule.id}” disqualifies, so it needs a reason")
        if rule.then != "disqualify" and rule.reason is not None:
            message = f"has no effect: only disqualify has a reason, and this is {rule.then}"
            yield Finding(("triage", index, "reason"), "unused", message, "warning")


def _check_triggers(document: Playbook) -> Iterator[Finding]:
    joined = {name for trigger in document.triggers for name in trigger.audiences.add}
    for index, trigger in enumerate(document.triggers):
        changes = trigger.audiences.add or trigger.audiences.remove
        if not (trigger.touch or trigger.alert or trigger.stage or changes):
            message = f"“{trigger.id}” does nothing: give it a touch, an alert, a stage or audiences"
            yield Finding(("triggers", index), "trigger", message)
    for index, audience in enumerate(document.audiences):
        if audience.when is None and audience.id not in joined:
            message = f"nobody joins “{audience.id}”: it has no when and no trigger adds to it"
            yield Finding(("audiences", index), "unused", message, "warning")


def _check_scoring(document: Playbook) -> Iterator[Finding]:
    scoring = document.scoring
    if scoring.mql > scoring.sales_ready:
        message = f"{scoring.mql} is above sales_ready ({scoring.sales_ready})"
        yield Finding(("scoring", "mql"), "scoring", message)
    grades = scoring.fit.grades
    seen: dict[int, str] = {}
    for letter, least in grades.items():
        path: Path = ("scoring", "fit", "grades", letter)
        if not 0 <= least <= 100:  # noqa: PLR2004 — the range of a score
            yield Finding(path, "grades", f"{least} is not a fit score: 0 to 100")
        elif least in seen:
            yield Finding(path, "grades", f"begins at {least}, as {seen[least]} does")
        seen.setdefault(least, letter)
    if grades and min(grades.values()) > 0:
        message = f"a fit score below {min(grades.values())} has no grade; give the lowest grade 0"
        yield Finding(("scoring", "fit", "grades"), "grades", message, "warning")


def _check_times(document: Playbook) -> Iterator[Finding]:
    handoff, quiet = document.handoff, document.re_engagement.after
    if handoff.remind >= handoff.sla:
        message = f"the reminder must come before the SLA of {format_duration(handoff.sla)}"
        yield Finding(("handoff", "remind"), "handoff", message)
    if handoff.expires < handoff.sla:
        message = f"a handoff can't expire before its SLA of {format_duration(handoff.sla)}"
        yield Finding(("handoff", "expires"), "handoff", message)
    if document.length_limit <= quiet:
        message = f"journeys end before re-engagement can begin ({format_duration(quiet)} of quiet)"
        yield Finding(("length_limit",), "unused", message, "warning")
    policy, after = document.re_entry.policy, document.re_entry.after
    if policy == "after" and after is None:
        yield Finding(("re_entry",), "re-entry", "policy after needs “after”: the least time since the last journey")
    if policy != "after" and after is not None:
        yield Finding(("re_entry", "after"), "unused", f"has no effect with policy {policy}", "warning")


def _check_cadence(document: Playbook) -> Iterator[Finding]:
    cadence = document.cadence
    if cadence.opens >= cadence.closes:
        message = f"the window closes at {cadence.closes:%H:%M}, which is not after it opens at {cadence.opens:%H:%M}"
        yield Finding(("cadence", "closes"), "cadence", message)
    if len(set(cadence.days)) < len(cadence.days):
        yield Finding(("cadence", "days"), "duplicate", "a day is written twice")
    for index, cap in enumerate(cadence.caps):
        if cap.per == "account" and cap.within > ACCOUNT_TOUCHES:
            message = f"a cap per account counts at most {format_duration(ACCOUNT_TOUCHES)}: no older touches are known"
            yield Finding(("cadence", "caps", index, "within"), "cap", message)
    try:
        ZoneInfo(cadence.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"“{cadence.timezone}” is not a time zone; write one such as Europe/Berlin or UTC"
        yield Finding(("cadence", "timezone"), "cadence", message)
