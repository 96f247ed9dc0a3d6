"""Raw behaviour → the playbook's named behaviours.

A *hit* is one trusted behaviour that the playbook names. The first named behaviour that matches, in the playbook's
order, wins; what no entry matches is kept in the inbox but means nothing to this playbook.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache

from domain.facts import Behaviour
from domain.playbook.conditions import NEVER
from domain.playbook.models import BehaviourMatch, Playbook

_WEEK, _MONTH, _DAY = timedelta(days=7), timedelta(days=30), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hit:
    """One named behaviour. ``name`` is its id in the playbook."""

    name: str
    position: int
    at: datetime
    match: BehaviourMatch


class Matcher:
    """Finds the named behaviour of a raw one. Made once per playbook; remembers what it has seen."""

    def __init__(self, playbook: Playbook) -> None:
        self._behaviours = playbook.behaviours
        self._candidates = lru_cache(maxsize=4096)(self._find)

    def hits(self, behaviours: Iterable[Behaviour]) -> list[Hit]:
        """Hits in the order given; what is not trusted never counts."""
        found = []
        for behaviour in behaviours:
            if behaviour.trusted:
                for name, match in self._candidates(behaviour.kind, behaviour.name):
                    if all(behaviour.properties.get(key) == value for key, value in match.where.items()):
                        found.append(Hit(name, behaviour.position, behaviour.at, match))
                        break
        return found

    def _find(self, kind: str, name: str) -> tuple[tuple[str, BehaviourMatch], ...]:
        return tuple(
            (key, match)
            for key, match in self._behaviours.items()
            if match.on == kind and fnmatchcase(name, match.path if kind == "page" else match.event)
        )


def counts(names: Iterable[str], hits: Iterable[Hit], now: datetime) -> dict[str, int]:
    """The ``behaviour.*`` variables of conditions, for every named behaviour."""
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
