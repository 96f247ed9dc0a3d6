"""Every condition and every step of a document with its place: compiling and checking walk the same list."""

from collections.abc import Iterator

from domain.playbook.conditions import Level
from domain.playbook.models import Playbook, Touch

#: Keys and indices from the document's root: ``("tracks", 0, "touches", 2, "asset")``.
Path = tuple[str | int, ...]

#: Lists of parts with a ``when``, by the level at which it is asked.
_LISTS: tuple[tuple[Level, tuple[str, ...]], ...] = (
    (Level.SCORING, ("scoring", "fit", "rules")),
    (Level.SCORING, ("scoring", "intent", "entry")),
    (Level.SITUATIONS, ("segments",)),
    (Level.SITUATIONS, ("lengths",)),
    (Level.SITUATIONS, ("situations",)),
    (Level.ALL, ("triage",)),
    (Level.ALL, ("disqualify",)),
    (Level.ALL, ("triggers",)),
    (Level.ALL, ("audiences",)),
    (Level.ALL, ("experiments",)),
    (Level.ALL, ("cadence", "paces")),
    (Level.ALL, ("handoff", "rules")),
)


def conditions(document: Playbook) -> Iterator[tuple[Path, str, Level]]:
    """Every condition with its path and what it may ask about."""
    for level, path in _LISTS:
        part: object = document
        for name in path:
            part = getattr(part, name)
        for index, item in enumerate(part):  # type: ignore[arg-type,var-annotated]  # reached by name
            if item.when is not None:
                yield (*path, index, "when"), item.when, level
    for index, stage in enumerate(document.stages):
        for number, transition in enumerate(stage.transitions):
            yield ("stages", index, "transitions", number, "when"), transition.when, Level.ALL
    for place, touch in touches(document):
        if touch.when is not None:
            yield (*place, "when"), touch.when, Level.ALL


def touches(document: Playbook) -> Iterator[tuple[Path, Touch]]:
    """Every step with its path: of tracks, profiling and re-engagement."""
    for index, track in enumerate(document.tracks):
        for number, touch in enumerate(track.touches):
            yield ("tracks", index, "touches", number), touch
    for number, touch in enumerate(document.profile.touches if document.profile else ()):
        yield ("profile", "touches", number), touch
    for number, touch in enumerate(document.re_engagement.touches):
        yield ("re_engagement", "touches", number), touch
