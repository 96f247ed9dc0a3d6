"""What is named exists: assets, segments, stages, behaviours, audiences, groups, steps, fields."""

from collections.abc import Iterable, Iterator

from domain.playbook import places
from domain.playbook.checks.finding import Finding, Path, did_you_mean, nearest, warning
from domain.playbook.models import Playbook, Touch, TriggerTouch
from domain.words import DIRECT_CHANNELS, Channel


def touches(document: Playbook) -> Iterator[tuple[Path, Touch | TriggerTouch]]:
    """Every touch a playbook can plan, with its path."""
    yield from places.touches(document)
    for index, trigger in enumerate(document.triggers):
        if trigger.touch is not None:
            yield ("triggers", index, "touch"), trigger.touch


def check_references(document: Playbook) -> Iterator[Finding]:
    yield from _check_touches(document)
    yield from _check_waits(document)
    yield from _check_unused_assets(document)
    yield from _check_tracks(document)
    yield from _check_stages(document)
    yield from _check_triggers(document)
    yield from _check_groups(document)
    yield from _check_patterns(document)
    yield from _check_experiments(document)


def missing(path: Path, kind: str, name: str, known: Iterable[str]) -> Finding:
    return Finding(path, "reference", f"there is no {kind} “{name}”{did_you_mean(name, known)}")


def _missing_asset(path: Path, name: str, known: Iterable[str]) -> Finding:
    """Most often it is yet to be written."""
    near = nearest(name, known)
    hint = f"did you mean “{near}”?" if near else f"write it as content/{name}.md"
    return Finding(path, "reference", f"there is no asset “{name}”; {hint}")


def _check_touches(document: Playbook) -> Iterator[Finding]:
    for path, touch in touches(document):
        if touch.asset is None:
            if touch.channel in DIRECT_CHANNELS:
                yield Finding(path, "asset", f"a touch by {touch.channel} needs an asset: a file in content/")
            elif not touch.note:
                yield Finding(path, "note", f"a touch by {touch.channel} needs a note that says what to do")
        elif touch.asset not in document.assets:
            yield _missing_asset((*path, "asset"), touch.asset, document.assets)


def _check_waits(document: Playbook) -> Iterator[Finding]:
    known = {*document.behaviours, *document.patterns}
    for path, touch in places.touches(document):
        for number, name in enumerate(touch.wait.behaviours if touch.wait else ()):
            if name not in known:
                yield missing((*path, "wait", "behaviours", number), "behaviour", name, known)


def _check_unused_assets(document: Playbook) -> Iterator[Finding]:
    used = {touch.asset for _, touch in touches(document)}
    used |= {variant.asset for experiment in document.experiments for variant in experiment.variants}
    for name in document.assets:
        if name not in used:
            yield warning(("assets", name), "unused-asset", "no touch uses this asset")


def emailed_assets(document: Playbook) -> set[str]:
    """Assets that some touch, or a variant of one, sends as e-mail."""
    sent = {touch.asset for _, touch in touches(document) if touch.asset and touch.channel is Channel.EMAIL}
    channels = {step: touch.channel for step, touch in steps(document).items()}
    for experiment in document.experiments:
        for variant in experiment.variants:
            by = {variant.channel} if variant.channel else {channels.get(step) for step in experiment.steps}
            if variant.asset and Channel.EMAIL in by:
                sent.add(variant.asset)
    return sent


def steps(document: Playbook) -> dict[str, Touch | TriggerTouch]:
    """Every touch by its step's name: the one in the touch's key, which experiments use."""
    named: dict[str, Touch | TriggerTouch] = {touch.id: touch for _, touch in places.touches(document)}
    return named | {f"trigger-{one.id}": one.touch for one in document.triggers if one.touch is not None}


def _check_tracks(document: Playbook) -> Iterator[Finding]:
    segments = {segment.id for segment in document.segments} | {"*"}
    stages = {stage.id for stage in document.stages}
    for index, track in enumerate(document.tracks):
        if track.segment not in segments:
            yield missing(("tracks", index, "segment"), "segment", track.segment, segments)
        if track.stage not in stages:
            yield missing(("tracks", index, "stage"), "stage", track.stage, stages)


def _check_stages(document: Playbook) -> Iterator[Finding]:
    stages = {stage.id for stage in document.stages}
    for index, stage in enumerate(document.stages):
        for number, transition in enumerate(stage.transitions):
            path: Path = ("stages", index, "transitions", number, "to")
            if transition.to not in stages:
                yield missing(path, "stage", transition.to, stages)
            elif transition.to == stage.id:
                yield Finding(path, "stage", f"leads from {stage.id} to itself")
    for reason, rule in document.handoff.recycle.reasons.items():
        if rule.stage is not None and rule.stage not in stages:
            yield missing(("handoff", "recycle", "reasons", reason.value, "stage"), "stage", rule.stage, stages)


def _check_triggers(document: Playbook) -> Iterator[Finding]:
    audiences = {audience.id for audience in document.audiences}
    stages = {stage.id for stage in document.stages}
    known = {*document.behaviours, *document.patterns}
    for index, trigger in enumerate(document.triggers):
        if trigger.behaviour not in known:
            yield missing(("triggers", index, "behaviour"), "behaviour", trigger.behaviour, known)
        if trigger.stage is not None and trigger.stage not in stages:
            yield missing(("triggers", index, "stage"), "stage", trigger.stage, stages)
        for change in ("add", "remove"):
            for number, name in enumerate(getattr(trigger.audiences, change)):
                if name not in audiences:
                    yield missing(("triggers", index, "audiences", change, number), "audience", name, audiences)


def _check_groups(document: Playbook) -> Iterator[Finding]:
    caps = document.scoring.intent.caps
    named = [(("behaviours", name), match) for name, match in document.behaviours.items()]
    named += [(("patterns", name), pattern) for name, pattern in document.patterns.items()]  # type: ignore[misc]  # both are Counted
    for path, counted in named:
        if counted.group is not None and counted.group not in caps:
            hint = did_you_mean(counted.group, caps) or "; add it there"
            message = f"scoring.intent.caps has no cap for group “{counted.group}”{hint}"
            yield Finding((*path, "group"), "reference", message)
    for group in sorted(caps.keys() - {counted.group for _, counted in named}):
        yield warning(("scoring", "intent", "caps", group), "unused-cap", f"no behaviour is of group “{group}”")


def _check_patterns(document: Playbook) -> Iterator[Finding]:
    for name, pattern in document.patterns.items():
        way = next(way for way in ("all", "sequence", "any") if getattr(pattern, way))
        for number, part in enumerate(pattern.parts):
            path: Path = ("patterns", name, way, number)
            if part in document.patterns:
                message = f"“{part}” is a pattern, and patterns are made of behaviours; name its behaviours here"
                yield Finding(path, "pattern", message)
            elif part not in document.behaviours:
                yield missing(path, "behaviour", part, document.behaviours)


def _check_experiments(document: Playbook) -> Iterator[Finding]:
    known = steps(document)
    for index, experiment in enumerate(document.experiments):
        for number, name in enumerate(experiment.steps):
            if name not in known:
                yield missing(("experiments", index, "steps", number), "step", name, known)
        for number, variant in enumerate(experiment.variants):
            if variant.asset is not None and variant.asset not in document.assets:
                path: Path = ("experiments", index, "variants", number, "asset")
                yield _missing_asset(path, variant.asset, document.assets)
