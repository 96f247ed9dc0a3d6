"""What would move a lead forward, in words a seller reads (C20, C32)."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import chain, islice, zip_longest
from typing import NamedTuple
from weakref import WeakKeyDictionary

from domain.core import profiling
from domain.core.draft import Draft
from domain.core.phases import NURTURING, WITH_SALES
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.conditions import Batch
from domain.playbook.phrases import phrases_of
from domain.playbook.syntax import demands
from domain.words import BuyerStage, Phase

_MOST = 4
#: Screens cut what is longer.
_LONGEST = 160
#: However long a label is, so much is left for the condition.
_SHORTEST = 40


class _Way(NamedTuple):
    """One way forward: where it leads, its condition, and what that demands together."""

    to: str
    when: str
    demands: tuple[str, ...]


def describe(draft: Draft) -> tuple[str, ...]:
    """At most four sentences, nearest first; none once the journey has ended."""
    state = draft.state
    if state.ended:
        return ()
    if state.paused_since is not None:
        return ("resume the journey",)
    if draft.hold is not None:
        return (f"lift the hold on {draft.hold.scope}",)
    if state.phase in WITH_SALES:
        return ("sales accepts or rejects the handoff",)
    sentences = []
    if state.phase is Phase.RE_ENGAGEMENT:
        sentences.append("any visit, click or reply brings it back to nurture")
    if state.profiling:
        sentences.append(f"answers to what is missing: {profiling.missing_words(draft)}")
    stage = state.stage if state.phase in NURTURING else None
    sentences += _map_of(draft.playbook).nearest(draft, stage, _MOST - len(sentences))
    return tuple(sentences)


class _Map:
    """The ways forward of one playbook. What they demand is asked together, and the sentences are made once."""

    def __init__(self, playbook: CompiledPlaybook) -> None:
        self._phrases = phrases_of(playbook)
        self._handoffs = [
            _way(f"to sales ({rule.label.rstrip('.')})", rule.when) for rule in playbook.document.handoff.rules
        ]
        self._moves: dict[BuyerStage | None, list[_Way]] = {
            stage.id: [_way(f"to {_spaced(move.to)}", move.when) for move in stage.transitions]
            for stage in playbook.document.stages
        }
        self._asked: dict[BuyerStage | None, Batch] = {
            stage: playbook.conditions.batch(_worth_asking([*self._moves.get(stage, ()), *self._handoffs]))
            for stage in (None, *self._moves)
        }
        self._told = lru_cache(maxsize=1024)(self._tell)

    def nearest(self, draft: Draft, stage: BuyerStage | None, most: int) -> tuple[str, ...]:
        """Ways out of the stage and ways to sales in turn; those of which a larger part already holds come first."""
        answers = self._asked.get(stage, self._asked[None]).answers(draft.values)
        return self._told(stage, most, frozenset(part for part, holds in answers.items() if holds))

    def _tell(self, stage: BuyerStage | None, most: int, held: frozenset[str]) -> tuple[str, ...]:
        moves, handoffs = _nearest(self._moves.get(stage, ()), held), _nearest(self._handoffs, held)
        in_turn = chain.from_iterable(zip_longest(moves, handoffs))
        return tuple(self._sentence(way, held) for way in islice(filter(None, in_turn), most))

    def _sentence(self, way: _Way, held: AbstractSet[str]) -> str:
        """Only what is still wanting; all of it where nothing is, and something else holds the lead back."""
        wanting = _wanting(way, held)
        partly = 0 < len(wanting) < len(way.demands)
        condition = " && ".join(f"({part}\n)" for part in wanting) if partly else way.when
        return f"{way.to}: {self._phrases.say(condition, max(_LONGEST - len(way.to) - 2, _SHORTEST))}"


def _way(to: str, when: str) -> _Way:
    return _Way(to, when, demands(when))


def _worth_asking(ways: Iterable[_Way]) -> list[str]:
    """What demands a single thing lacks that: else the lead would be there already."""
    return [part for way in ways if len(way.demands) > 1 for part in way.demands]


def _wanting(way: _Way, held: AbstractSet[str]) -> list[str]:
    return [part for part in way.demands if part not in held]


def _nearest(ways: Iterable[_Way], held: AbstractSet[str]) -> list[_Way]:
    return sorted(ways, key=lambda way: len(_wanting(way, held)) / len(way.demands))


_maps: WeakKeyDictionary[CompiledPlaybook, _Map] = WeakKeyDictionary()


def _map_of(playbook: CompiledPlaybook) -> _Map:
    found = _maps.get(playbook)
    if found is None:
        found = _maps[playbook] = _Map(playbook)
    return found


def _spaced(stage: BuyerStage) -> str:
    return stage.value.replace("_", " ")
