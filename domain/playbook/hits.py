"""Raw behaviour → the playbook's named behaviours.

A *hit* is one trusted behaviour that the playbook names, or the completion of one of its patterns. Where several
entries match a raw event, the most particular wins (``_particular``); what none matches is kept in the inbox but means
nothing to this playbook.

Opened mails are hits, so that conditions of audiences and steps may ask about them, and nothing else: they give no
points, fill no pattern, and are nobody's activity, whatever the playbook says (C13).
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from domain.facts import Behaviour
from domain.playbook.conditions import NEVER
from domain.playbook.models import BehaviourMatch, Pattern, Playbook
from domain.playbook.patterns import completions
from domain.words import DeliveryKind

_WEEK, _MONTH = timedelta(days=7), timedelta(days=30)


class Hit(NamedTuple):
    """One named behaviour. ``name`` is its id in the playbook; a pattern's is placed where its last part is."""

    name: str
    position: int
    at: datetime
    match: BehaviourMatch | Pattern

    @property
    def meaningful(self) -> bool:
        """Whether it counts as activity."""
        return self.match.meaningful and not self.match.of_opens


def newest_activity(hits: Iterable[Hit]) -> Hit | None:
    """The newest meaningful behaviour; the first of several at the same time."""
    last: Hit | None = None
    for hit in hits:
        if hit.meaningful and (last is None or hit.at > last.at):
            last = hit
    return last


class Matcher:
    """Finds the named behaviours of raw ones. Made once per playbook; remembers what it has seen."""

    def __init__(self, playbook: Playbook) -> None:
        self._behaviours = sorted(playbook.behaviours.items(), key=_particular)
        self._patterns = sorted(playbook.patterns.items())
        self._groups = {name: match.group or name for name, match in playbook.behaviours.items()}
        self._candidates = lru_cache(maxsize=4096)(self._find)

    def hits(self, behaviours: Iterable[Behaviour]) -> list[Hit]:
        """Hits in the order given, those of patterns after all others; what is not trusted never counts."""
        found = []
        for behaviour in behaviours:
            if behaviour.trusted:
                for name, match in self._candidates(behaviour.kind, behaviour.name):
                    if not match.where or all(behaviour.properties.get(k) == v for k, v in match.where.items()):
                        found.append(Hit(name, behaviour.position, behaviour.at, match))
                        break
        return found + self._completed([hit for hit in found if not hit.match.of_opens])

    def _completed(self, hits: list[Hit]) -> list[Hit]:
        times = Counter(hit.name for hit in hits)
        possible = [(name, pattern) for name, pattern in self._patterns if pattern.possible(times)]
        if not possible:
            return []
        in_time = sorted(hits, key=lambda hit: (hit.at, hit.position))
        return [
            Hit(name, max(hit.position for hit in parts), parts[-1].at, pattern)
            for name, pattern in possible
            for parts in completions(pattern, in_time, self._groups)
        ]

    def _find(self, kind: str, name: str) -> tuple[tuple[str, BehaviourMatch], ...]:
        return tuple(
            (key, match)
            for key, match in self._behaviours
            if match.on == kind
            and fnmatchcase(name, match.path if kind == "page" else match.event)
            and (match.of_opens or kind != "delivery" or name != DeliveryKind.OPENED)
        )


def _particular(item: tuple[str, BehaviourMatch]) -> tuple[int, bool, int, str]:
    """Sorts the most particular first: the meaning of a playbook must not hang on the order of its keys."""
    name, match = item
    glob = match.path or match.event
    return (-len(match.where), "*" in glob, -len(glob.replace("*", "")), name)


def counts(names: Iterable[str], hits: Iterable[Hit], now: datetime) -> dict[str, int]:
    """The ``behaviour.*`` variables of conditions, for every named behaviour and pattern."""
    nothing, keys = _none(tuple(names))
    values = dict(nothing)
    for hit in hits:
        (in_all, in_30d, in_7d, days_ago), age = keys[hit.name], now - hit.at
        values[in_all] += 1
        if age <= _MONTH:
            values[in_30d] += 1
            if age <= _WEEK:
                values[in_7d] += 1
        if age.days < values[days_ago]:
            values[days_ago] = max(age.days, 0)
    return values


@lru_cache(maxsize=64)
def _none(names: tuple[str, ...]) -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
    """The variables of someone who has done nothing, and how those of each behaviour are called."""
    suffixes = {"": 0, ".in_30d": 0, ".in_7d": 0, ".days_ago": NEVER}
    keys = {name: tuple(f"behaviour.{name}{suffix}" for suffix in suffixes) for name in names}
    return {key: value for of in keys.values() for key, value in zip(of, suffixes.values(), strict=True)}, keys
