"""What an operation would send when: decided by the core itself, on a sample of those it would command.

Each has the command obeyed when its turn comes, and fourteen days pass. What is told are counts of the sample.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from domain.core.decide import version_in_force
from domain.core.outlook import Standing
from domain.core.simulate import onward
from domain.decision import Decision
from domain.facts import OperatorCommand
from domain.operating import OperationKind, OperationRequest, command_of
from domain.playbook.compiled import CompiledPlaybook
from domain.ports import Clock
from storage import in_flight, operation_standing
from storage.database import Database
from storage.playbooks import PgPlaybooks

#: Leads on whom the core decides, and how far ahead.
SAMPLE = 100
HORIZON = timedelta(days=14)
#: Until when a touch leaves, in words; in order.
WHEN: Mapping[str, timedelta] = {
    "within a minute": timedelta(minutes=1),
    "within an hour": timedelta(hours=1),
    "within a day": timedelta(days=1),
    "within 3 days": timedelta(days=3),
    "within a week": timedelta(days=7),
    "within 14 days": HORIZON,
}
LATER = "later"


class Foretold(BaseModel):
    """What the core decides for ``sample`` leads out of those who would be commanded, each when its turn comes.

    ``touches``: when → channel → how many in the sample; ``assets``: the commonest of those that the command itself
    sends.
    ``otherwise``: touches of the same fourteen days without the operation, by channel. ``endings`` and ``handoffs``
    are leads of the sample; ``declined`` those whom the command would do nothing for, by why.
    """

    sample: int
    touches: dict[str, dict[str, int]]
    assets: dict[str, int]
    otherwise: dict[str, int]
    endings: dict[str, int]
    handoffs: int
    declined: dict[str, int]


@dataclass(frozen=True, slots=True)
class Turns:
    """When whose turn comes, on the deployment's clock. Without a rate everybody's is now."""

    now: datetime
    clock: Clock
    rate: float
    lifting: str

    def of(self, place: int) -> datetime:
        seconds = timedelta(seconds=place / self.rate if self.rate else 0.0)
        return self.clock.from_real(self.clock.to_real(self.now) + seconds)


async def foretell(
    db: Database,
    operation: str,
    kind: OperationKind,
    request: OperationRequest,
    able: Sequence[tuple[str, dict[str, Any]]],
    turns: Turns,
) -> Foretold | None:
    """The core's word on a sample, spread evenly over those who would be commanded; None where there is nobody."""
    if not able:
        return None
    size = min(len(able), SAMPLE)
    places = [index * len(able) // size for index in range(size)]
    given, at = dict(able[place] for place in places), {able[place][0]: turns.of(place) for place in places}
    counted = _Counted(PgPlaybooks(db), turns.now)
    if kind is OperationKind.RE_ENROL:
        for lead, turn in at.items():
            if begun := await operation_standing.begun_again(db.pool, lead, turn, turns.now):
                await counted.begin(begun)
        return counted.told()
    async for standing in in_flight.standing(db, list(given), turns.now):
        lead = standing.state.lead
        command = command_of(operation, kind, request, given[lead])
        known = await _knowing(db, standing, command, turns)
        await counted.add(known, command, at[lead])
    return counted.told()


async def _knowing(db: Database, standing: Standing, command: OperatorCommand, turns: Turns) -> Standing:
    """With the state that a rewind goes back to among the facts, and without the hold that will be lifted."""
    if command.to is not None:
        standing = await operation_standing.rewound(db.pool, standing, command.to, turns.now)
    if not turns.lifting:
        return standing
    holds = tuple(hold for hold in standing.facts.holds if hold.scope != turns.lifting)
    return Standing(standing.state, standing.facts.model_copy(update={"holds": holds}), standing.wakes)


class _Counted:
    """What becomes of a sample, lead by lead."""

    def __init__(self, playbooks: PgPlaybooks, now: datetime) -> None:
        self._playbooks = playbooks
        self._now = now
        self._sample = self._handoffs = 0
        self._touches: dict[str, Counter[str]] = {when: Counter() for when in (*WHEN, LATER)}
        self._assets: Counter[str] = Counter()
        self._otherwise: Counter[str] = Counter()
        self._endings: Counter[str] = Counter()
        self._declined: Counter[str] = Counter()

    async def add(self, standing: Standing, command: OperatorCommand, at: datetime) -> None:
        """``at`` is when the lead's turn comes; before that nothing is taken to happen."""
        await self._live(standing, at, [command])
        until, wakes = self._now + HORIZON, max(standing.wakes, self._now)
        if wakes <= until:
            playbook = await self._playbook(standing, [])
            for step in onward(playbook, standing.state, standing.facts, wakes, until):
                self._otherwise.update(touch.channel.value for touch in step.decision.send)

    async def begin(self, standing: Standing) -> None:
        """A journey that begins when it wakes. Without the operation nothing is sent."""
        await self._live(standing, standing.wakes, [])

    async def _live(self, standing: Standing, at: datetime, commands: Sequence[OperatorCommand]) -> None:
        self._sample += 1
        until = max(at, self._now + HORIZON)
        playbook = await self._playbook(standing, commands)
        asked = {at: commands} if commands else {}
        for step in onward(playbook, standing.state, standing.facts, at, until, commands=asked):
            self._count(step.decision, commands, first=step.decision.at == at)

    async def _playbook(self, standing: Standing, commands: Sequence[OperatorCommand]) -> CompiledPlaybook:
        own = await self._playbooks.compiled(standing.state.playbook)
        return await self._playbooks.compiled(version_in_force(own, standing.facts, commands))

    def _count(self, decision: Decision, commands: Sequence[OperatorCommand], *, first: bool) -> None:
        when = next((word for word, within in WHEN.items() if decision.at <= self._now + within), LATER)
        self._touches[when].update(touch.channel.value for touch in decision.send)
        self._handoffs += decision.open_handoff is not None
        if first:
            self._assets.update(touch.asset or touch.step for touch in decision.send)
            kinds = {command.kind.value for command in commands}
            self._declined.update(one.why for one in decision.rejected if one.what in kinds)
        if decision.state.ending:
            self._endings[decision.state.ending.value] += 1

    def told(self) -> Foretold:
        return Foretold(
            sample=self._sample,
            touches={when: dict(counted) for when, counted in self._touches.items()},
            assets=dict(self._assets.most_common(5)),
            otherwise=dict(self._otherwise),
            endings=dict(self._endings),
            handoffs=self._handoffs,
            declined=dict(self._declined),
        )
