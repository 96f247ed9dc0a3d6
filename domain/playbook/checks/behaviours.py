"""What people do can be told apart, and can happen at all."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations, islice

from domain.durations import format_duration
from domain.playbook.checks.finding import Finding, Path, warning
from domain.playbook.models import BehaviourMatch, Pattern, Playbook

#: Behaviour is remembered for so long (``domain.facts.Facts``): a longer window would never be seen whole.
REMEMBERED = timedelta(days=180)
#: More than people write; a check takes bounded time whatever the playbook.
_MOST_PAIRS = 20_000
_LONGEST = 400


def check_behaviours(document: Playbook) -> Iterator[Finding]:
    for name, match in document.behaviours.items():
        yield from _check_match(name, match)
    for name, other in shadowed(document).items():
        message = f"never happens: “{other}” is for exactly the same events, and they count as that one"
        yield warning(("behaviours", name), "shadowed-behaviour", message)
    yield from _check_ties(document)
    for name, pattern in document.patterns.items():
        yield from _check_pattern(document, name, pattern)


def _check_match(name: str, match: BehaviourMatch) -> Iterator[Finding]:
    needs, not_used = ("path", "event") if match.on == "page" else ("event", "path")
    if not getattr(match, needs):
        yield Finding(("behaviours", name), "behaviour", f"on: {match.on} needs “{needs}”")
    if getattr(match, not_used):
        yield Finding(("behaviours", name, not_used), "behaviour", f"on: {match.on} uses “{needs}”, not “{not_used}”")
    if match.on == "page" and match.path and match.path[0] not in "/*":
        yield Finding(("behaviours", name, "path"), "behaviour", "a path begins with / (or *)")


def shadowed(document: Playbook) -> dict[str, str]:
    """Behaviours that never happen → the one that takes their events: of equals the first by name (``hits``)."""
    taken: dict[str, str] = {}
    found = {}
    for name, match in sorted(document.behaviours.items()):
        same = match.model_dump_json(include={"on", "path", "event", "where"})
        if same in taken:
            found[name] = taken[same]
        taken.setdefault(same, name)
    return found


def never_happen(document: Playbook) -> set[str]:
    """Behaviours, and patterns of them, that can't happen."""
    never = set(shadowed(document))
    for name, pattern in document.patterns.items():
        lost = [part for part in pattern.parts if part in never]
        if len(lost) == len(pattern.parts) or (lost and not pattern.any):
            never.add(name)
    return never


def _check_ties(document: Playbook) -> Iterator[Finding]:
    known = [(name, match) for name, match in sorted(document.behaviours.items()) if match.path or match.event]
    for (first, one), (second, other) in islice(combinations(known, 2), _MOST_PAIRS):
        if _tied(one, other):
            message = (
                f"some events are as much “{first}” as “{second}”, and count as “{first}”, only because of its name; "
                "make one more particular: a longer name, or `where`"
            )
            yield warning(("behaviours", second), "tied-behaviours", message)


def _tied(one: BehaviourMatch, other: BehaviourMatch) -> bool:
    """Whether one event may match both, with nothing but the name to choose by. Equal ones are another rule's."""
    if one.on != other.on or (one.path, one.event, one.where) == (other.path, other.event, other.where):
        return False
    globs = (one.path or one.event, other.path or other.event)
    alike = _particularity(one) == _particularity(other)
    agree = all(other.where.get(key, value) == value for key, value in one.where.items())
    return alike and agree and not _apart(*globs) and _meet(*globs)


def _particularity(match: BehaviourMatch) -> tuple[int, bool, int]:
    glob = match.path or match.event
    return len(match.where), "*" in glob, len(glob.replace("*", ""))


def _apart(one: str, other: str) -> bool:
    """Whether they differ before the first ``*`` or after the last already, as most do."""
    heads = one.partition("*")[0], other.partition("*")[0]
    tails = one.rpartition("*")[2], other.rpartition("*")[2]
    begin, end = min(map(len, heads)), min(map(len, tails))
    return heads[0][:begin] != heads[1][:begin] or tails[0][len(tails[0]) - end :] != tails[1][len(tails[1]) - end :]


def _meet(one: str, other: str) -> bool:
    """Whether some text matches both, ``*`` being any run of characters. Of names too long to ask, no."""
    ahead, seen = [(0, 0)], set[tuple[int, int]]()
    while ahead and len(one) + len(other) <= _LONGEST:
        i, j = ahead.pop()
        left, right = one[i : i + 1], other[j : j + 1]
        if not left and not right:
            return True
        steps = []
        if left == "*" or right == "*":
            steps = [(i + (left != ""), j)] if left == "*" else []
            steps += [(i, j + 1)] if right == "*" else []
            steps += [(i, j + 1)] if left == "*" and right else []
            steps += [(i + 1, j)] if right == "*" and left else []
        elif left == right:
            steps = [(i + 1, j + 1)]
        ahead += [step for step in steps if step not in seen]
        seen.update(steps)
    return False


def _check_pattern(document: Playbook, name: str, pattern: Pattern) -> Iterator[Finding]:
    path: Path = ("patterns", name)
    if pattern.within > REMEMBERED:
        message = f"behaviour is remembered for {format_duration(REMEMBERED)}, so the window can be no longer"
        yield Finding((*path, "within"), "pattern", message)
    twice = [part for part, times in Counter(pattern.all).items() if times > 1]
    if twice:
        message = f"“{twice[0]}” is there twice; for the same behaviour several times write any: [{twice[0]}], times: 2"
        yield Finding((*path, "all"), "pattern", message)
    parts = [document.behaviours[part] for part in pattern.any if part in document.behaviours]
    groups = {match.group or part for part, match in zip(pattern.any, parts, strict=False)}
    if len(parts) == len(pattern.any) and pattern.groups > max(len(groups), 1):
        message = f"never happens: its behaviours are of {len(groups)} groups, and it wants {pattern.groups}"
        yield Finding((*path, "groups"), "pattern", message)
