"""The ledger as a decision may rely on it, though decisions were taken back and epochs rose.

A decision is taken back when it is made again (after a reset, or when the first attempt's answer was lost), and when
the journey is rewound behind it. ``last`` is the number of the last one that is not.
"""

from datetime import datetime

from domain.facts import Facts, TouchFact
from domain.keys import TouchKey
from domain.state import JourneyState
from domain.words import DIRECT_CHANNELS, REPLANNABLE, TouchStatus


def planned_by(state: JourneyState, touch: TouchFact, last: int) -> bool:
    """Whether such a decision planned the touch."""
    return touch.cycle == state.cycle and touch.number > last


def without(state: JourneyState, facts: Facts, last: int) -> Facts:
    """What such a decision planned and nobody began counts for nothing: this decision plans it again, or does not."""
    kept = tuple(t for t in facts.touches if t.status is not TouchStatus.PLANNED or not planned_by(state, t, last))
    return facts if len(kept) == len(facts.touches) else facts.model_copy(update={"touches": kept})


def anchor(state: JourneyState, facts: Facts, last: int) -> datetime:
    """The next gap counts from the last touch, even when the decision that planned that touch was taken back."""
    left = [
        touch.at
        for touch in facts.touches
        if touch.channel in DIRECT_CHANNELS and touch.status not in REPLANNABLE and planned_by(state, touch, last)
    ]
    return max([state.anchor, *left])


def key(state: JourneyState, facts: Facts, step: str, occurrence: int) -> str:
    """The key under which the ledger knows the touch, the newest where it was sent again; else the present epoch's.

    So an epoch that has risen, or fell with a reset, makes nothing unsent.
    """
    parsed = [TouchKey.parse(touch.key) for touch in facts.touches if (touch.cycle, touch.step) == (state.cycle, step)]
    known = [one for one in parsed if one is not None and one.occurrence == occurrence]
    unsent = TouchKey(state.lead, state.cycle, state.epoch, step, occurrence)
    return str(max(known, key=lambda one: one.epoch, default=unsent))
