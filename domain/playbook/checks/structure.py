"""The parts fit together: no dead ends, times in order, thresholds in order."""

from collections.abc import Iterator, Mapping

from domain.durations import format_duration
from domain.playbook.checks.finding import Finding, Path, warning
from domain.playbook.models import Playbook
from domain.words import BuyerStage


def check_structure(document: Playbook) -> Iterator[Finding]:
    yield from _check_ways_out(document)
    yield from _check_tracks(document)
    yield from _check_circles(document)
    yield from _check_triggers(document)
    yield from _check_scoring(document)
    yield from _check_times(document)
    yield from _check_recycling(document)


def _check_ways_out(document: Playbook) -> Iterator[Finding]:
    for index, stage in enumerate(document.stages[:-1]):
        if not stage.transitions:
            yield Finding(("stages", index), "no-way-out", f"there is no way out of “{stage.id}”: add transitions")


def _check_tracks(document: Playbook) -> Iterator[Finding]:
    covered = {(track.segment, track.stage) for track in document.tracks}
    for index, stage in enumerate(document.stages):
        lacking = [s.id for s in document.segments if not {(s.id, stage.id), ("*", stage.id)} & covered]
        if lacking:
            message = f"no track for stage “{stage.id}” and segment {', '.join(lacking)}"
            yield Finding(("stages", index, "id"), "track", message)
    last = document.stages[-1].id
    for index, track in enumerate(document.tracks):
        if track.exhausted == "advance" and track.stage == last:
            message = f"there is no stage after “{last}” to advance to; write wait, re_engage or end"
            yield Finding(("tracks", index, "exhausted"), "exhausted", message)


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
                yield warning(("stages", index, "transitions", number, "to"), "circle", message)


def _reached(ways: Mapping[BuyerStage, set[BuyerStage]], start: BuyerStage) -> set[BuyerStage]:
    """Every stage that can be reached from a stage."""
    reached: set[BuyerStage] = set()
    ahead = {start}
    while ahead:
        ahead = set().union(*(ways.get(stage, set()) for stage in ahead)) - reached
        reached |= ahead
    return reached


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
            yield warning(("audiences", index), "empty-audience", message)


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
        yield warning(("scoring", "fit", "grades"), "ungraded", message)


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
        yield warning(("length_limit",), "no-effect", message)
    policy, after = document.re_entry.policy, document.re_entry.after
    if policy == "after" and after is None:
        yield Finding(("re_entry",), "re-entry", "policy after needs “after”: the least time since the last journey")
    if policy != "after" and after is not None:
        yield warning(("re_entry", "after"), "no-effect", f"has no effect with policy {policy}")


def _check_recycling(document: Playbook) -> Iterator[Finding]:
    for reason, rule in document.handoff.recycle.reasons.items():
        for key in ("cool_down", "stage"):
            if rule.disqualify is not None and getattr(rule, key) is not None:
                message = f"has no effect: {reason.value} disqualifies, and that ends the journey"
                yield warning(("handoff", "recycle", "reasons", reason.value, key), "no-effect", message)
