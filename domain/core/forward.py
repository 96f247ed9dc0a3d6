"""What would move a lead forward, in words a seller reads (C20, C32)."""

from collections.abc import Mapping, Sequence
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
    """The ways forward of one playbook. What they demand is asked together, and each sentence is made once."""

    def __init__(self, playbook: CompiledPlaybook) -> None:
        self._stages = playbook.stages
        self._rules = playbook.document.handoff.rules
        self._batch = playbook.conditions.batch
        self._phrases = phrases_of(playbook)
        self._ways: dict[BuyerStage | None, tuple[list[_Way], list[_Way], Batch]] = {}
        self._sentences: dict[tuple[_Way, tuple[str, ...]], str] = {}

    def nearest(self, draft: Draft, stage: BuyerStage | None, most: int) -> list[str]:
        """Ways out of the stage and ways to sales in turn; those of which a larger part already holds come first."""
        if stage not in self._ways:
            here = self._stages.get(stage) if stage else None
            moves = [_way(f"to {_spaced(move.to)}", move.when) for move in (here.transitions if here else ())]
            handoffs = [_way(f"to sales ({rule.label.rstrip('.')})", rule.when) for rule in self._rules]
            asked = self._batch([part for way in (*moves, *handoffs) for part in way.demands])
            self._ways[stage] = (moves, handoffs, asked)
        moves, handoffs, asked = self._ways[stage]
        answers = asked.answers(draft.values)
        in_turn = chain.from_iterable(zip_longest(_nearest(moves, answers), _nearest(handoffs, answers)))
        return [self._sentence(*one) for one in islice(filter(None, in_turn), most)]

    def _sentence(self, way: _Way, parts: tuple[str, ...]) -> str:
        """Only what is still wanting; all of it where nothing is, and something else holds the lead back."""
        parts = parts or way.demands
        if (way, parts) not in self._sentences:
            missing = way.when if parts == way.demands else " && ".join(f"({part}\n)" for part in parts)
            words = self._phrases.say(missing, max(_LONGEST - len(way.to) - 2, 40))
            self._sentences[way, parts] = f"{way.to}: {words}"
        return self._sentences[way, parts]


def _way(to: str, when: str) -> _Way:
    return _Way(to, when, demands(when))


def _nearest(ways: Sequence[_Way], answers: Mapping[str, bool]) -> list[tuple[_Way, tuple[str, ...]]]:
    """Each way with what is still wanting, in order of how large a part that is."""
    wanting = [(way, tuple(part for part in way.demands if not answers.get(part))) for way in ways]
    return sorted(wanting, key=lambda one: len(one[1]) / len(one[0].demands))


_maps: WeakKeyDictionary[CompiledPlaybook, _Map] = WeakKeyDictionary()


def _map_of(playbook: CompiledPlaybook) -> _Map:
    found = _maps.get(playbook)
    if found is None:
        found = _maps[playbook] = _Map(playbook)
    return found


def _spaced(stage: BuyerStage) -> str:
    return stage.value.replace("_", " ")
