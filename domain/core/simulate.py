"""One lead's journey without a server: the core, a clock that jumps from wake to wake, and touches that always arrive.

Used by the import's dry run, by traces and scenarios, and by tests. What differs from real life: no vendor fails,
nobody else is at the account unless ``changes`` say so, and behaviour arrives at the moment it happens.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from domain.core.decide import decide
from domain.decision import Decision
from domain.facts import MEMORY, MOST_READ, Behaviour, Facts, OperatorCommand, TouchFact
from domain.playbook.compiled import CompiledPlaybook
from domain.state import JourneyState
from domain.words import TouchStatus

T = TypeVar("T")
#: Something else that becomes known: the facts before → the facts after.
Change = Callable[[Facts], Facts]
#: Far above what a year of any playbook takes; reaching it means that decisions follow each other without end.
MOST_DECISIONS = 5000


@dataclass(frozen=True, slots=True)
class Step:
    """One decision, what it answered, and the facts once it was carried out."""

    decision: Decision
    arrived: tuple[Behaviour, ...]
    asked: tuple[OperatorCommand, ...]
    facts: Facts


def simulate(
    playbook: CompiledPlaybook,
    entry: Facts,
    behaviours: Iterable[Behaviour],
    start: datetime,
    until: datetime,
    commands: Mapping[datetime, Sequence[OperatorCommand]] | None = None,
) -> Iterator[Decision]:
    """Every decision of ``steps``."""
    return (step.decision for step in steps(playbook, entry, behaviours, start, until, commands))


def steps(
    playbook: CompiledPlaybook,
    entry: Facts,
    behaviours: Iterable[Behaviour],
    start: datetime,
    until: datetime,
    commands: Mapping[datetime, Sequence[OperatorCommand]] | None = None,
    *,
    changes: Mapping[datetime, Sequence[Change]] | None = None,
    variants: Mapping[str, str] | None = None,
) -> Iterator[Step]:
    """Every decision from ``start`` until the journey ends or ``until`` is reached.

    ``entry`` are the facts at the start (its behaviours happened before); ``behaviours`` follow, in order of time, with
    positions after those of ``entry``. ``changes`` are what else becomes known, and when: a profile that is completed,
    a colleague; ``variants`` are assigned beforehand. Raises ``RuntimeError`` when decisions follow each other without
    end.
    """
    state = JourneyState.begin(entry.lead.id, 1, playbook.hash, start)
    state = state.model_copy(update={"variants": dict(variants or {})})
    return onward(playbook, state, entry, start, until, behaviours=behaviours, commands=commands, changes=changes)


def onward(
    playbook: CompiledPlaybook,
    state: JourneyState,
    facts: Facts,
    now: datetime,
    until: datetime,
    *,
    behaviours: Iterable[Behaviour] = (),
    commands: Mapping[datetime, Sequence[OperatorCommand]] | None = None,
    changes: Mapping[datetime, Sequence[Change]] | None = None,
) -> Iterator[Step]:
    """As ``steps``, of a journey that stands at ``state`` and decides next at ``now``.

    It can be rewound to what it lives through from there, and to ``facts.past``.
    """
    coming = sorted(behaviours, key=lambda behaviour: (behaviour.at, behaviour.position))
    asked, changing = dict(sorted((commands or {}).items())), dict(sorted((changes or {}).items()))
    past = {**facts.past, state.number: state}
    for _ in range(MOST_DECISIONS):
        arrived = [behaviour for behaviour in coming if behaviour.at <= now]
        coming = coming[len(arrived) :]
        for change in _taken(changing, now):
            facts = change(facts)
        due = _taken(asked, now)
        back = [past[command.to].cursor for command in due if command.to in past]
        known = _remembered(facts.behaviours, min([state.cursor, *back]), now)
        facts = facts.model_copy(update={"behaviours": (*known, *arrived)})
        decision = decide(playbook, state, facts.model_copy(update={"past": past}) if due else facts, now, due)
        state, facts = decision.state, _carried_out(decision, facts)
        past[state.number] = state
        yield Step(decision, tuple(arrived), tuple(due), facts)
        moments = [decision.next_wake.at if decision.next_wake else None, coming[0].at if coming else None]
        following = min((at for at in (*moments, *asked, *changing) if at is not None), default=None)
        if state.ended or following is None or following > until:
            return
        now = max(now, following)
    raise RuntimeError(f"more than {MOST_DECISIONS} decisions by {now:%Y-%m-%d}: something wakes without end")


def _remembered(known: tuple[Behaviour, ...], cursor: int, now: datetime) -> tuple[Behaviour, ...]:
    """What is unread, and of what was read before as much as production reads again."""
    read = [one for one in known if one.position <= cursor and one.at > now - MEMORY]
    return (*read[-MOST_READ:], *(one for one in known if one.position > cursor))


def _taken(waiting: dict[datetime, Sequence[T]], now: datetime) -> list[T]:
    """What is due, taken out of what waits."""
    return [one for at in [at for at in waiting if at <= now] for one in waiting.pop(at)]


def _carried_out(decision: Decision, facts: Facts) -> Facts:
    """The ledger after every touch of the decision arrived, but for those that had left before."""
    before = {touch.key for touch in facts.touches if touch.status is TouchStatus.SENT}
    sent = [
        TouchFact(
            key=touch.key,
            cycle=decision.state.cycle,
            step=touch.step,
            asset=touch.asset,
            channel=touch.channel,
            variant=touch.variant,
            note=touch.note,
            status=TouchStatus.SENT,
            at=decision.at,
            number=decision.state.number,
        )
        for touch in decision.send
        if touch.key not in before
    ]
    keys = {touch.key for touch in sent}
    kept = [touch for touch in facts.touches if touch.key not in keys]
    return facts.model_copy(update={"touches": (*kept, *sent)})
