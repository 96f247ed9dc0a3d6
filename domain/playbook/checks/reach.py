"""Everything written can come into effect: conditions, thresholds, steps, stages, triggers."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from domain.durations import format_duration, parse_duration
from domain.playbook import places
from domain.playbook.checks.behaviours import never_happen
from domain.playbook.checks.finding import Finding, Path, Rule, warning
from domain.playbook.checks.holds import Given, Possibilities
from domain.playbook.conditions import Level
from domain.playbook.models import PRESETS, Length, Playbook, Track
from domain.words import BuyerStage


def check_reach(document: Playbook) -> Iterator[Finding]:
    """For a document whose names can be told apart; what does not compile is passed over."""
    asked = Possibilities(document)
    yield from _check_thresholds(document, asked)
    yield from _check_conditions(document, asked)
    yield from _check_precedence(document, asked)
    yield from _check_triggers(document)
    yield from _check_stages(document, asked)
    yield from _check_tracks(document, asked)
    yield from _check_limits(document)


def _check_thresholds(document: Playbook, asked: Possibilities) -> Iterator[Finding]:
    scoring = document.scoring
    for key in ("mql", "sales_ready"):
        if getattr(scoring, key) > asked.intent[1]:
            message = f"no lead reaches it: all points together give an intent of {asked.intent[1]} at most"
            yield warning(("scoring", key), "threshold", message)
    for letter, least in scoring.fit.grades.items():
        if asked.fit[1] < least <= 100:  # noqa: PLR2004 — the range of a score; beyond it is an error
            message = f"no lead reaches it: all rules together give a fit of {asked.fit[1]} at most"
            yield warning(("scoring", "fit", "grades", letter), "threshold", message)


def _check_conditions(document: Playbook, asked: Possibilities) -> Iterator[Finding]:
    own, known = _own_tracks(document), dict[Path, Given]()
    for path, text, level in places.conditions(document):
        if path[:2] not in known:
            known[path[:2]] = _given(document, path, own)
        given = known[path[:2]]
        if asked.can(text, level, given):
            continue
        if asked.can(text, level, given, any_score=True):
            message = f"never holds: fit is {asked.fit[1]} at most, and intent {asked.intent[1]}"
            yield warning(path, "threshold", message)
        else:
            yield warning(path, *_never(path))


def _never(path: Path) -> tuple[Rule, str]:
    if path[0] == "triggers":
        return "unreachable-trigger", "never holds where this trigger is asked, so it never fires"
    if "touches" in path:
        return "unreachable-touch", "never holds where this step is asked, so it is never sent"
    return "never-holds", "never holds, whatever the values"


_Own = Mapping[BuyerStage, frozenset[str]]


def _own_tracks(document: Playbook) -> _Own:
    """For each stage the segments that have a track of their own."""
    stages = {track.stage for track in document.tracks}
    return {stage: frozenset(one.segment for one in document.tracks if one.stage == stage) for stage in stages}


def _given(document: Playbook, path: Path, own: _Own) -> Given:
    """What is certain where a condition stands."""
    if path[0] == "tracks" and isinstance(path[1], int):
        track = document.tracks[path[1]]
        return {"stage": [track.stage.value], "segment": _segments(document, track, own)}
    if path[0] == "stages" and isinstance(path[1], int):
        return {"stage": [document.stages[path[1]].id.value]}
    if path[0] == "triggers" and isinstance(path[1], int):
        return {f"behaviour.{document.triggers[path[1]].behaviour}": 1}
    return {}


def _segments(document: Playbook, track: Track, own: _Own) -> Sequence[str]:
    """The segments a track is for: for `*` those that have none of their own for the stage."""
    if track.segment != "*":
        return [track.segment]
    return [segment.id for segment in document.segments if segment.id not in own[track.stage]]


#: With more before it, there are too many values to try anyway.
_MOST_EARLIER = 12
_First = Iterable[tuple[Path, str | None]]


def _check_precedence(document: Playbook, asked: Possibilities) -> Iterator[Finding]:
    """Of lists in which the first that holds is taken: what an earlier one always takes away."""
    for name in ("segments", "lengths"):
        found: _First = [((name, n), part.when) for n, part in enumerate(getattr(document, name))]
        rule: Rule = "overlapping-segments" if name == "segments" else "shadowed"
        yield from _hidden(found, asked, Level.SITUATIONS, rule)
    triage: _First = [(("triage", n), part.when) for n, part in enumerate(document.triage)]
    paces: _First = [(("cadence", "paces", n), part.when) for n, part in enumerate(document.cadence.paces)]
    rules: _First = [(("handoff", "rules", n), part.when) for n, part in enumerate(document.handoff.rules)]
    ways: list[_First] = [
        [(("stages", index, "transitions", n), way.when) for n, way in enumerate(stage.transitions)]
        for index, stage in enumerate(document.stages)
    ]
    for listed in (triage, paces, rules, *ways):
        yield from _hidden(listed, asked, Level.ALL, "shadowed")


def _hidden(listed: _First, asked: Possibilities, level: Level, rule: Rule) -> Iterator[Finding]:
    earlier: list[str] = []
    written: set[str] = set()
    for path, text in listed:
        if text is None:
            return
        same = "".join(text.split()) in written
        rest = " && ".join([f"({text}\n)", *(f"!({one}\n)" for one in earlier[:_MOST_EARLIER])])
        if earlier and asked.can(text, level) and (same or not asked.can(rest, level)):
            message = "is never reached: whenever it holds, one before it holds as well, and the first is taken"
            yield warning((*path, "when"), rule, message)
        earlier.append(text)
        written.add("".join(text.split()))


def _check_triggers(document: Playbook) -> Iterator[Finding]:
    never = never_happen(document)
    for index, trigger in enumerate(document.triggers):
        if trigger.behaviour in never:
            message = f"“{trigger.behaviour}” never happens, so this trigger never fires"
            yield warning(("triggers", index, "behaviour"), "unreachable-trigger", message)


def _check_stages(document: Playbook, asked: Possibilities) -> Iterator[Finding]:
    """Stages that nothing leads to; the first is where everyone begins."""
    order = [stage.id for stage in document.stages]
    reached = {order[0]} | {trigger.stage for trigger in document.triggers if trigger.stage}
    reached |= {rule.stage for rule in document.handoff.recycle.reasons.values() if rule.stage}
    for stage in document.stages:
        given = {"stage": [stage.id.value]}
        reached |= {way.to for way in stage.transitions if asked.can(way.when, given=given)}
    for track in document.tracks:
        if track.exhausted == "advance" and track.stage in order[:-1]:
            reached.add(order[order.index(track.stage) + 1])
    for index, stage in enumerate(document.stages):
        if stage.id not in reached:
            message = f"nobody gets to “{stage.id}”: no transition, trigger or track leads there"
            yield warning(("stages", index, "id"), "unreachable-stage", message)


def _check_tracks(document: Playbook, asked: Possibilities) -> Iterator[Finding]:
    own = _own_tracks(document)
    for index, track in enumerate(document.tracks):
        segments = _segments(document, track, own)
        if not segments:
            message = f"every segment has its own track for “{track.stage}”, so this one is for nobody"
            yield warning(("tracks", index), "unreachable-track", message)
        elif not _has_exit(document, track, segments, asked):
            message = (
                "whoever has had these steps is left to wait until re-engagement: no transition, trigger or handoff "
                "rule can follow; add one, or set exhausted to re_engage or end"
            )
            yield warning(("tracks", index), "track-no-exit", message)
    leads = any(rule.then == "profile" for rule in document.triage)
    if document.profile and document.profile.touches and not leads:
        message = "no triage rule sends anyone here: add one with “then: profile”"
        yield warning(("profile", "touches"), "unreachable-touch", message)


def _has_exit(document: Playbook, track: Track, segments: Sequence[str], asked: Possibilities) -> bool:
    order = [stage.id for stage in document.stages]
    if track.exhausted != "wait" or track.stage not in order:
        return True
    here = order.index(track.stage)
    given = {"stage": [track.stage.value], "segment": segments}
    ways = [way.when for way in document.stages[here].transitions] + [rule.when for rule in document.handoff.rules]
    triggered = any(trigger.stage in order[here + 1 :] for trigger in document.triggers if trigger.stage)
    return triggered or any(asked.can(when, given=given) for when in ways)


def _check_limits(document: Playbook) -> Iterator[Finding]:
    """Steps whose time comes after nothing scheduled is sent any more, whatever a lead's length."""
    if not document.lengths or document.lengths[-1].when is not None:
        lengths = [(document.length_limit, 1.0)]
    else:
        lengths = [_limit(document, length) for length in document.lengths]
    pace = min([1.0, *(pace.factor for pace in document.cadence.paces)])
    uses = Counter(step.asset for track in document.tracks for step in track.touches)
    uses.update(trigger.touch.asset for trigger in document.triggers if trigger.touch)
    for index, track in enumerate(document.tracks):
        for number, earliest in enumerate(_earliest(track, uses)):
            if all(earliest * factor * pace > limit for limit, factor in lengths):
                longest = format_duration(max(limit for limit, _ in lengths))
                message = f"comes too late for everyone: nothing scheduled is sent after {longest}"
                yield warning(("tracks", index, "touches", number, "gap"), "unreachable-touch", message)


def _limit(document: Playbook, length: Length) -> tuple[timedelta, float]:
    """How long scheduled touches go on, and the factor on their gaps."""
    preset, factor = PRESETS[length.preset] if length.preset else (None, 1.0)
    limit = length.limit or (parse_duration(preset) if preset else document.length_limit)
    return min(limit, document.length_limit), length.factor or factor


def _earliest(track: Track, uses: Mapping[str | None, int]) -> Iterator[timedelta]:
    """For each step, the least time from the beginning of the track to it: what may be passed over takes none."""
    before = timedelta()
    for step in track.touches:
        at_once = step.wait is not None and step.wait.then == "send"
        yield (before if track.order == "sequence" else timedelta()) + (timedelta() if at_once else step.gap)
        may_be_seen = step.asset is not None and uses[step.asset] > 1
        before += timedelta() if step.when or step.wait or step.ask or may_be_seen else step.gap
