"""Behaviour that was taken back since the last decision, or given back: the scores say so, and here is why."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.core.draft import Draft
from domain.facts import RESTORED, RETRACTION

#: As many are named; a burst of a scanner's clicks can be long.
_NAMED = 5


def tell(draft: Draft) -> None:
    """One reason for all of a kind. What they were and why is evidence, for it may be somebody's words."""
    said = [
        behaviour
        for behaviour in draft.facts.behaviours
        if behaviour.kind == RETRACTION and behaviour.trusted and behaviour.position > draft.before.cursor
    ]
    taken = [one.properties for one in said if one.name != RESTORED]
    given_back = [one.properties for one in said if one.name == RESTORED]
    if taken:
        draft.because("retracted", f"{_number(taken, 'retracted and count')} no more", events=_named(taken))
    if given_back:
        draft.because("restored", f"{_number(given_back, 'restored and count')} again", events=_named(given_back))


def _number(events: Sequence[Mapping[str, Any]], done: str) -> str:
    return f"one behaviour was {done}s" if len(events) == 1 else f"{len(events)} behaviours were {done}"


def _named(events: Sequence[Mapping[str, Any]]) -> str:
    told = dict.fromkeys(f"{one.get('event', '')} ({one.get('reason', '')})" for one in events)
    return "; ".join(list(told)[:_NAMED])
