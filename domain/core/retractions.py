"""Behaviour that was taken back since the last decision: the scores no longer have it, and here is why."""

from domain.core.draft import Draft
from domain.facts import RETRACTION

#: As many are named; a burst of a scanner's clicks can be long.
_NAMED = 5


def tell(draft: Draft) -> None:
    """One reason for all of them. What they were and why they went is evidence, for it may be somebody's words."""
    taken = [
        behaviour.properties
        for behaviour in draft.facts.behaviours
        if behaviour.kind == RETRACTION and behaviour.trusted and behaviour.position > draft.before.cursor
    ]
    if taken:
        number = (
            "one behaviour was retracted and counts"
            if len(taken) == 1
            else f"{len(taken)} behaviours were retracted and count"
        )
        told = dict.fromkeys(f"{one.get('event', '')} ({one.get('reason', '')})" for one in taken)
        draft.because("retracted", f"{number} no more", events="; ".join(list(told)[:_NAMED]))
