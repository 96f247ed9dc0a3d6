"""Opened mails move nobody (C13): programs and gateways fetch the picture of most mails, whoever looks or does not.

Conditions of audiences, paces, experiments and steps may ask about them: what those choose is what is sent, or shown,
not where somebody stands. ``domain.playbook.hits`` keeps to it whatever a stored playbook says.
"""

import re
from collections.abc import Iterator

from domain.playbook.checks.finding import Finding, Path
from domain.playbook.models import Playbook
from domain.playbook.places import conditions, touches

#: Parts whose conditions say where somebody stands, by themselves or through what asks about them in turn.
_MOVING = frozenset(
    {"scoring", "segments", "lengths", "situations", "triage", "disqualify", "stages", "triggers", "handoff"}
)
_WHY = "programs open most mails, so an opened one moves nobody; take what people do, such as a click"


def check_opens(document: Playbook) -> Iterator[Finding]:
    opens = frozenset(name for name, match in document.behaviours.items() if match.of_opens)
    if not opens:
        return
    for name in opens:
        if document.behaviours[name].points:
            yield _finding(("behaviours", name, "points"), name, "gives no points")
    for path, name, what in _uses(document):
        if name in opens:
            yield _finding(path, name, what)
    asked = re.compile(rf"\bbehaviour\.({'|'.join(sorted(opens))})\b")
    for path, text, _ in conditions(document):
        if path[0] in _MOVING and (found := asked.search(text)):
            yield _finding(path, found[1], "is not to be asked about here")


def _uses(document: Playbook) -> Iterator[tuple[Path, str, str]]:
    """Every place that names a behaviour outside conditions: its path, the name, and what an open there does not do."""
    for name, pattern in document.patterns.items():
        way = next(way for way in ("all", "sequence", "any") if getattr(pattern, way))
        for number, part in enumerate(pattern.parts):
            yield ("patterns", name, way, number), part, "is no part of a pattern"
    for index, trigger in enumerate(document.triggers):
        yield ("triggers", index, "behaviour"), trigger.behaviour, "fires no trigger"
    for path, touch in touches(document):
        for number, name in enumerate(touch.wait.behaviours if touch.wait else ()):
            yield (*path, "wait", "behaviours", number), name, "ends no wait"


def _finding(path: Path, name: str, what: str) -> Finding:
    return Finding(path, "opens", f"“{name}” {what}: {_WHY}")
