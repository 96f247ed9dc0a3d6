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
from domain.state import JourneyState
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
#: Kinds that leave the lead no journey of which anything could be foretold from its present state.
_BEGINS_ANEW = frozenset({OperationKind.RE_ENROL})


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
    """The core's word on a sample, spread evenly over those who would be commanded; None where it has none."""
    if kind in _BEGINS_ANEW or not able:
        return None
    size = min(len(able), SAMPLE)
    places = [index * len(able) // size for index in range(size)]
    given, at = dict(able[place] for place in places), {able[place][0]: turns.of(place) for place in places}
    back = {lead: own["to"] for lead, own in given.items() if own.get("to")}
    recorded = await operation_standing.recorded(db.pool, back) if back else {}
    counted = _Counted(PgPlaybooks(db), turns.now)
    async for standing in in_flight.standing(db, list(given), turns.now):
        lead = standing.state.lead
        command = command_of(operation, kind, request, given[lead])
        known = _knowing(standing, command, recorded.get(lead), turns.lifting)
        await counted.add(known, command, at[lead])
    return counted.told()


def _knowing(standing: Standing, command: OperatorCommand, recorded: JourneyState | None, lifting: str) -> Standing:
    """With the state that a rewind goes back to among the facts, and without the hold that will be lifted."""
    state, facts = standing.state, standing.facts
    if lifting:
        holds = tuple(hold for hold in facts.holds if hold.scope != lifting)
        standing = Standing(state, facts.model_copy(update={"holds": holds}), standing.wakes)
    if command.to is None:
        return standing
    back = recorded or JourneyState.begin(state.lead, state.cycle, state.playbook, state.started)
    return Standing(state, facts.model_copy(update={"past": {command.to: back}}), standing.wakes)


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
        self._sample += 1
        until = self._now + HORIZON
        playbook = await self._playbook(standing, [command])
        for step in onward(playbook, standing.state, standing.facts, at, max(at, until), commands={at: [command]}):
            self._count(step.decision, command, first=step.decision.at == at)
        wakes = max(standing.wakes, self._now)
        if wakes <= until:
            playbook = await self._playbook(standing, [])
            for step in onward(playbook, standing.state, standing.facts, wakes, until):
                self._otherwise.update(touch.channel.value for touch in step.decision.send)

    async def _playbook(self, standing: Standing, commands: Sequence[OperatorCommand]) -> CompiledPlaybook:
        own = await self._playbooks.compiled(standing.state.playbook)
        return await self._playbooks.compiled(version_in_force(own, standing.facts, commands))

    def _count(self, decision: Decision, command: OperatorCommand, *, first: bool) -> None:
        when = next((word for word, within in WHEN.items() if decision.at <= self._now + within), LATER)
        self._touches[when].update(touch.channel.value for touch in decision.send)
        self._handoffs += decision.open_handoff is not None
        if first:
            self._assets.update(touch.asset or touch.step for touch in decision.send)
            self._declined.update(one.why for one in decision.rejected if one.what == command.kind)
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
