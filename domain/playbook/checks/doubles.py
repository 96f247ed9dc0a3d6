"""Names are unique where they must be told apart: in reasons, in conditions, in the touch's key."""

from collections.abc import Iterable, Iterator

from domain.playbook.checks.finding import Finding, Path
from domain.playbook.models import Playbook
from domain.playbook.places import touches

#: Lists of named parts: what one is called, and where the list is.
_LISTS: tuple[tuple[str, Path], ...] = (
    ("segment", ("segments",)),
    ("length", ("lengths",)),
    ("situation", ("situations",)),
    ("stage", ("stages",)),
    ("triage rule", ("triage",)),
    ("disqualify rule", ("disqualify",)),
    ("fit rule", ("scoring", "fit", "rules")),
    ("entry-intent rule", ("scoring", "intent", "entry")),
    ("handoff rule", ("handoff", "rules")),
    ("audience", ("audiences",)),
    ("experiment", ("experiments",)),
    ("pace", ("cadence", "paces")),
)


def check_doubles(document: Playbook) -> Iterator[Finding]:
    for kind, path in _LISTS:
        yield from _doubles(_ids(document, path), kind)
    for index, experiment in enumerate(document.experiments):
        named = [(("experiments", index, "variants", n, "id"), v.id) for n, v in enumerate(experiment.variants)]
        yield from _doubles(named, "variant")
    tracks = [(("tracks", index), f"{track.segment} × {track.stage}") for index, track in enumerate(document.tracks)]
    yield from _doubles(tracks, "track for")
    yield from _doubles(_steps(document), "step or trigger")
    yield from _behaviours(document)
    yield from _questions(document)
    if len(set(document.cadence.days)) < len(document.cadence.days):
        yield Finding(("cadence", "days"), "duplicate", "a day is written twice")


def _doubles(named: Iterable[tuple[Path, str]], kind: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for path, name in named:
        if name in seen:
            yield Finding(path, "duplicate", f"there is already a {kind} “{name}”")
        seen.add(name)


def _ids(document: Playbook, path: Path) -> list[tuple[Path, str]]:
    part: object = document
    for name in path:
        part = getattr(part, str(name))
    return [((*path, index, "id"), item.id) for index, item in enumerate(part)]  # type: ignore[arg-type,var-annotated]  # reached by name


def _steps(document: Playbook) -> list[tuple[Path, str]]:
    """Steps and triggers share the touch's key, so their names must differ in the whole playbook."""
    steps: list[tuple[Path, str]] = [((*path, "id"), step.id) for path, step in touches(document)]
    own_last = sorted(steps, key=lambda step: step[0][0] == "tracks")  # a track's double is blamed, not what all share
    return [*own_last, *_ids(document, ("triggers",))]


def _behaviours(document: Playbook) -> Iterator[Finding]:
    """Conditions and triggers name patterns and behaviours alike."""
    for name in document.patterns:
        if name in document.behaviours:
            yield Finding(("patterns", name), "duplicate", f"there is already a behaviour “{name}”; rename the pattern")


def _questions(document: Playbook) -> Iterator[Finding]:
    if document.profile is None:
        return
    fields = [(("profile", "questions", n, "field"), q.field) for n, q in enumerate(document.profile.questions)]
    yield from _doubles(fields, "question for")
    for number, question in enumerate(document.profile.questions):
        path: Path = ("profile", "questions", number, "options")
        values = [((*path, n, "value"), str(option.value)) for n, option in enumerate(question.options)]
        yield from _doubles(values, "option with value")
