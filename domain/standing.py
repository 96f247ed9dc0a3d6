"""Where a journey stands, by its workflow and by the database, and when the two differ.

Normally the database is at the workflow's decision, or one ahead of it: a decision is recorded before it lands in
history. After one of them was restored from a backup it is behind, and would decide again what was decided, or send
again what was sent. So before anything is decided, whichever is behind is brought up to the other:

- **The database is behind** (its decision number is lower, or it has no such journey): decisions, touches with what
  became of them, handoffs and endings are written back from the workflow's history.
- **The database may be behind**: a touch of the last decision is open in the ledger, and no activity carries it any
  more. Either nobody ever sent it, or the ledger has forgotten that somebody did: the history knows.
- **The workflow is behind**: the database has decisions that this very run made and whose history it has lost. It goes
  on from the recorded state. (Another run made them where a journey was reset, on purpose: it decides again.)

What was recorded before decision N is in the database with N: everything of a transaction is, and of those before it.
That is why only touches under way at the last decision can be in doubt.
"""

from collections.abc import Collection
from typing import Protocol

from domain.facts import Facts, Standing, TouchFact
from domain.state import JourneyState
from domain.words import TouchStatus

_OPEN = frozenset({TouchStatus.PLANNED, TouchStatus.CLAIMED})


class Standings(Protocol):
    """Brings both sides together (``runtime.standing``)."""

    async def settle(self, state: JourneyState, run: str, *, commands: bool) -> JourneyState:
        """The state to go on from, once whichever side was behind is not any more. Raises ``NotFound``: no such lead.

        It may have ended; its cursor may be lower than the state's, where behaviour was lost.
        """
        ...


def lost(state: JourneyState, standing: Standing, run: str, *, commands: bool) -> bool:
    """Whether the run has lost decisions that it made itself.

    One more may be its last try at this very decision, cut off before it was told: it is made again. But not when a
    command led to it and no command is there (``commands``): that one was answered.
    """
    if not run or standing.next_run != run:
        return False
    return standing.number > state.number + 1 or (standing.commanded and not commands)


def differ(
    state: JourneyState,
    facts: Facts,
    in_flight: Collection[str],
    outcomes: Collection[str],
    run: str,
    *,
    commands: bool = False,
) -> bool:
    """Whether the database and the workflow, run ``run``, at ``state`` may be at odds.

    ``in_flight`` are keys of touches that activities carry now, ``outcomes`` those that have just been told of.
    """
    recorded = facts.standing
    if recorded is None or recorded.number < state.number:
        return True
    if lost(state, recorded, run, commands=commands):
        return True
    settled = {*in_flight, *outcomes}
    return any(_doubtful(touch, state) and touch.key not in settled for touch in facts.touches)


def _doubtful(touch: TouchFact, state: JourneyState) -> bool:
    """Open in the ledger, and was under way at the last decision."""
    own = touch.cycle == state.cycle and touch.status in _OPEN
    return own and (touch.number == state.number > 0 or touch.key in state.in_flight)
