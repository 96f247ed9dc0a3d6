"""Raw behaviour → the playbook's named behaviours.

A *hit* is one trusted behaviour that the playbook names, or the completion of one of its patterns. Where several
entries match a raw event, the most particular wins (``_particular``); what none matches is kept in the inbox but means
nothing to this playbook.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache

from domain.facts import Behaviour
from domain.playbook.conditions import NEVER
from domain.playbook.models import BehaviourMatch, Counted, Playbook
from domain.playbook.patterns import completions

_WEEK, _MONTH, _DAY = timedelta(days=7), timedelta(days=30), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hit:
    """One named behaviour. ``name`` is its id in the playbook; a pattern's is placed where its last part is."""

    name: str
    position: int
    at: datetime
    match: Counted

    @property
    def meaningful(self) -> bool:
        """Whether it counts as activity. A pattern's parts speak for themselves."""
        return isinstance(self.match, BehaviourMatch) and self.match.meaningful


class Matcher:
    """Finds the named behaviours of raw ones. Made once per playbook; remembers what it has seen."""

    def __init__(self, playbook: Playbook) -> None:
        self._behaviours = sorted(playbook.behaviours.items(), key=_particular)
        self._patterns = playbook.patterns
        self._groups = {name: match.group or name for name, match in playbook.behaviours.items()}
        self._candidates = lru_cache(maxsize=4096)(self._find)

    def hits(self, behaviours: Iterable[Behaviour]) -> list[Hit]:
        """Hits in the order given, those of patterns after all others; what is not trusted never counts."""
        found = []
        for behaviour in behaviours:
            if behaviour.trusted:
                for name, match in self._candidates(behaviour.kind, behaviour.name):
                    if all(behaviour.properties.get(key) == value for key, value in match.where.items()):
                        found.append(Hit(name, behaviour.position, behaviour.at, match))
                        break
        return found + self._completed(found)

    def _completed(self, hits: list[Hit]) -> list[Hit]:
        if not (self._patterns and hits):
            return []
        in_time = sorted(hits, key=lambda hit: (hit.at, hit.position))
        return [
            Hit(name, max(hit.position for hit in parts), parts[-1].at, pattern)
            for name, pattern in self._patterns.items()
            for parts in completions(pattern, in_time, self._groups)
        ]

    def _find(self, kind: str, name: str) -> tuple[tuple[str, BehaviourMatch], ...]:
        return tuple(
            (key, match)
            for key, match in self._behaviours
            if match.on == kind and fnmatchcase(name, match.path if kind == "page" else match.event)
        )


def _particular(item: tuple[str, BehaviourMatch]) -> tuple[int, bool, int, str]:
    """Sorts the most particular first: the meaning of a playbook must not hang on the order of its keys."""
    name, match = item
    glob = match.path or match.event
    return (-len(match.where), "*" in glob, -len(glob.replace("*", "")), name)


def counts(names: Iterable[str], hits: Iterable[Hit], now: datetime) -> dict[str, int]:
    """The ``behaviour.*`` variables of conditions, for every named behaviour and pattern."""
    ages: dict[str, list[timedelta]] = {name: [] for name in names}
    for hit in hits:
        ages[hit.name].append(now - hit.at)
    values: dict[str, int] = {}
    for name, of in ages.items():
        key = f"behaviour.{name}"
        values[key] = len(of)
        values[key + ".in_7d"] = sum(age <= _WEEK for age in of)
        values[key + ".in_30d"] = sum(age <= _MONTH for age in of)
        values[key + ".days_ago"] = max(min(of) // _DAY, 0) if of else NEVER
    return values
