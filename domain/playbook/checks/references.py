"""What is named exists: assets, segments, stages, behaviours, audiences, groups."""

from collections.abc import Iterable, Iterator

from domain.playbook.checks.finding import Finding, Path, did_you_mean
from domain.playbook.models import Playbook, Touch, TriggerTouch
from domain.words import DIRECT_CHANNELS, Channel


def touches(document: Playbook) -> Iterator[tuple[Path, Touch | TriggerTouch]]:
    """Every touch a playbook can plan, with its path."""
    for index, track in enumerate(document.tracks):
        for number, touch in enumerate(track.touches):
            yield ("tracks", index, "touches", number), touch
    for index, trigger in enumerate(document.triggers):
        if trigger.touch is not None:
            yield ("triggers", index, "touch"), trigger.touch
    for number, touch in enumerate(document.re_engagement.touches):
        yield ("re_engagement", "touches", number), touch


def check_references(document: Playbook) -> Iterator[Finding]:
    yield from _check_touches(document)
    yield from _check_unused_assets(document)
    yield from _check_tracks(document)
    yield from _check_stages(document)
    yield from _check_triggers(document)
    yield from _check_groups(document)


def _missing(path: Path, kind: str, name: str, known: Iterable[str]) -> Finding:
    return Finding(path, "reference", f"there is no {kind} “{name}”{did_you_mean(name, known)}")


def _check_touches(document: Playbook) -> Iterator[Finding]:
    for path, touch in touches(document):
        if touch.asset is None:
            if touch.channel in DIRECT_CHANNELS:
                yield Finding(path, "asset", f"a touch by {touch.channel} needs an asset: a file in content/")
            elif not touch.note:
                yield Finding(path, "note", f"a touch by {touch.channel} needs a note that says what to do")
        elif touch.asset not in document.assets:
            yield _missing((*path, "asset"), "asset", touch.asset, document.assets)


def _check_unused_assets(document: Playbook) -> Iterator[Finding]:
    used = {touch.asset for _, touch in touches(document)}
    for name in document.assets:
        if name not in used:
            yield Finding(("assets", name), "unused", "no touch uses this asset", "warning")


def emailed_assets(document: Playbook) -> set[str]:
    """Assets that some touch sends as e-mail."""
    return {touch.asset for _, touch in touches(document) if touch.asset and touch.channel is Channel.EMAIL}


def _check_tracks(document: Playbook) -> Iterator[Finding]:
    segments = {segment.id for segment in document.segments} | {"*"}
    stages = {stage.id for stage in document.stages}
    for index, track in enumerate(document.tracks):
        if track.segment not in segments:
            yield _missing(("tracks", index, "segment"), "segment", track.segment, segments)
        if track.stage not in stages:
            yield _missing(("tracks", index, "stage"), "stage", track.stage, stages)


def _check_stages(document: Playbook) -> Iterator[Finding]:
    stages = {stage.id for stage in document.stages}
    for index, stage in enumerate(document.stages):
        for number, transition in enumerate(stage.transitions):
            path: Path = ("stages", index, "transitions", number, "to")
            if transition.to not in stages:
                yield _missing(path, "stage", transition.to, stages)
            elif transition.to == stage.id:
                yield Finding(path, "stage", f"leads from {stage.id} to itself")


def _check_triggers(document: Playbook) -> Iterator[Finding]:
    audiences = {audience.id for audience in document.audiences}
    stages = {stage.id for stage in document.stages}
    for index, trigger in enumerate(document.triggers):
        if trigger.behaviour not in document.behaviours:
            path: Path = ("triggers", index, "behaviour")
            yield _missing(path, "behaviour", trigger.behaviour, document.behaviours)
        if trigger.stage is not None and trigger.stage not in stages:
            yield _missing(("triggers", index, "stage"), "stage", trigger.stage, stages)
        for change in ("add", "remove"):
            for number, name in enumerate(getattr(trigger.audiences, change)):
                if name not in audiences:
                    yield _missing(("triggers", index, "audiences", change, number), "audience", name, audiences)


def _check_groups(document: Playbook) -> Iterator[Finding]:
    caps = document.scoring.intent.caps
    for name, behaviour in document.behaviours.items():
        if behaviour.group is not None and behaviour.group not in caps:
            hint = did_you_mean(behaviour.group, caps) or "; add it there"
            message = f"scoring.intent.caps has no cap for group “{behaviour.group}”{hint}"
            yield Finding(("behaviours", name, "group"), "reference", message)
    grouped = {behaviour.group for behaviour in document.behaviours.values()}
    for group in caps.keys() - grouped:
        path = ("scoring", "intent", "caps", group)
        yield Finding(path, "unused", f"no behaviour is of group “{group}”", "warning")
