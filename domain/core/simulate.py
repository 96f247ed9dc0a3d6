"""One lead's journey without a server: the core, a clock that jumps from wake to wake, and touches that always arrive.

Used by the import's dry run and by tests. What differs from real life: no vendor fails, nobody else is at the account,
and behaviour arrives at the moment it happens.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from domain.core.decide import decide
from domain.decision import Decision
from domain.facts import Behaviour, Facts, OperatorCommand, TouchFact
from domain.playbook.compiled import CompiledPlaybook
from domain.state import JourneyState
from domain.words import TouchStatus

#: Far above what a year of any playbook takes; reaching it means that decisions follow each other without end.
MOST_DECISIONS = 5000


def simulate(
    playbook: CompiledPlaybook,
    entry: Facts,
    behaviours: Iterable[Behaviour],
    start: datetime,
    until: datetime,
    commands: Mapping[datetime, Sequence[OperatorCommand]] | None = None,
) -> Iterator[Decision]:
    """Every decision from ``start`` until the journey ends or ``until`` is reached.

    ``entry`` are the facts at the start (its behaviours happened before); ``behaviours`` follow, in order of time, with
    positions after those of ``entry``. Raises ``RuntimeError`` when decisions follow each other without end.
    """
    coming = sorted(behaviours, key=lambda behaviour: (behaviour.at, behaviour.position))
    asked = dict(sorted((commands or {}).items()))
    state, now, facts = JourneyState.begin(entry.lead.id, 1, playbook.hash, start), start, entry
    for _ in range(MOST_DECISIONS):
        arrived = [behaviour for behaviour in coming if behaviour.at <= now]
        coming = coming[len(arrived) :]
        facts = facts.model_copy(update={"behaviours": (*facts.behaviours, *arrived)})
        due = [command for at in [at for at in asked if at <= now] for command in asked.pop(at)]
        decision = decide(playbook, state, facts, now, due)
        yield decision
        state, facts = decision.state, _carried_out(decision, facts)
        moments = [decision.next_wake.at if decision.next_wake else None, coming[0].at if coming else None, *asked]
        following = min((moment for moment in moments if moment is not None), default=None)
        if state.ended or following is None or following > until:
            return
        now = max(now, following)
    raise RuntimeError(f"more than {MOST_DECISIONS} decisions by {now:%Y-%m-%d}: something wakes without end")


def _carried_out(decision: Decision, facts: Facts) -> Facts:
    """The ledger after every touch of the decision arrived."""
    sent = [
        TouchFact(
            key=touch.key,
            cycle=decision.state.cycle,
            step=touch.step,
            asset=touch.asset,
            channel=touch.channel,
            status=TouchStatus.SENT,
            at=decision.at,
        )
        for touch in decision.send
    ]
    keys = {touch.key for touch in sent}
    kept = [touch for touch in facts.touches if touch.key not in keys]
    return facts.model_copy(update={"touches": (*kept, *sent)})
