"""``carry_out``: commands an operation's leads, some side by side, at its rate, for one stretch of it.

All that it knows is in the database: a worker that dies leaves leads that were taken and not settled, and whoever goes
on looks for each of those whether its journey has considered the command (``Operations.considered``). Temporal knows
an update's id only as long as the run that took it; the decision that considered it is kept for good. A journey that
begins again is settled in the transaction in which it does.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from temporalio import activity

from domain.operating import (
    NEVER_ENROLLED,
    NEXT_BEGAN,
    Batch,
    Commanding,
    Fate,
    Member,
    OperationKind,
    Operations,
    OperationStatus,
    Outcome,
    command_of,
    ended,
)
from domain.ports import Clock

#: Journeys commanded side by side. More would only wait in the same workers' queues, before other journeys' wakes.
LANES = 32
#: Seconds after which the activity ends and another goes on: what an operator sees in Temporal is then no older.
STRETCH = 600.0
_LOOK = 1.0  # most seconds between two looks at the operation, and between heartbeats
_SOON = 0.25  # seconds until those are asked again who did not answer


@dataclass(frozen=True, slots=True)
class Operating:
    """The activity of the workflow ``Operate``."""

    operations: Operations
    commanding: Commanding
    clock: Clock

    @activity.defn(name="carry_out")
    async def carry_out(self, operation: str) -> OperationStatus:
        """Go on with an operation until it is over, an operator stops it, this worker stops, or a stretch has passed:
        then it is still running. Raises ``ConnectionError`` while Temporal can't be reached, and what the database
        raises: tried again until it works.
        """
        await self.operations.begin(operation)
        return await _Stretch(self, operation).run()


@dataclass(slots=True)
class _Stretch:
    by: Operating
    operation: str
    running: set[asyncio.Task[list[Fate]]] = field(default_factory=set)
    status: OperationStatus = OperationStatus.RUNNING
    until: float = field(default_factory=lambda: monotonic() + STRETCH)
    settled: int = 0

    async def run(self) -> OperationStatus:
        try:
            while True:
                batch = await self._take() if self._may_take() else None
                if not self.running and (batch is None or await self._is_over(batch)):
                    return self.status
                await self._settle()
                activity.heartbeat(self.settled)
        finally:
            for task in self.running:
                task.cancel()

    def _may_take(self) -> bool:
        going_on = self.status is OperationStatus.RUNNING and monotonic() < self.until
        return going_on and not activity.is_worker_shutdown() and len(self.running) <= LANES // 2

    async def _take(self) -> Batch:
        batch = await self.by.operations.take(self.operation, LANES - len(self.running), datetime.now(UTC))
        self.status = batch.status
        if batch.members:
            self.running |= {asyncio.create_task(work) for work in await self._work(batch)}
        return batch

    async def _is_over(self, batch: Batch) -> bool:
        """Whether nothing is left to do. When something is, but not now, wait a little."""
        if self.status is OperationStatus.RUNNING and not batch.wait:
            self.status = await self.by.operations.finish(self.operation, self._now())
        if self.status is OperationStatus.RUNNING:
            await asyncio.sleep(min(batch.wait or _SOON, _LOOK))
        return self.status is not OperationStatus.RUNNING

    async def _settle(self) -> None:
        """Record what has become of those who answered by now; wait for one when nobody has."""
        if not self.running:
            return
        done, self.running = await asyncio.wait(self.running, timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
        failures = [error for task in done if (error := task.exception()) is not None]
        fates = [fate for task in done if task.exception() is None for fate in task.result()]
        if fates:
            await self.by.operations.settle(self.operation, fates, self._now(), datetime.now(UTC))
            self.settled += len(fates)
        if failures:
            raise failures[0]

    def _now(self) -> datetime:
        return self.by.clock.from_real(datetime.now(UTC))

    # --- the leads of a batch ------------------------------------------------------------------------------------

    async def _work(self, batch: Batch) -> list[Coroutine[Any, Any, list[Fate]]]:
        leads = [member.lead for member in batch.members]
        if batch.kind is OperationKind.RE_ENROL:
            return [self.by.operations.re_enrol(self.operation, leads, self._now(), anyway=batch.request.anyway)]
        again = [member.lead for member in batch.members if member.again]
        id_ = command_of(self.operation, batch.kind, batch.request, {}).id
        known = await self.by.operations.considered(again, id_) if again else {}
        return [self._command(batch, member, known.get(member.lead)) for member in batch.members]

    async def _command(self, batch: Batch, member: Member, known: Fate | None) -> list[Fate]:
        """``known`` is what a journey that was asked before has made of it, as it is recorded. While that journey runs
        it is asked all the same: a decision cut off before history had it may be made again without the command.
        """
        if known and known.cycle != member.cycle:
            return [known]
        fate = no_journey(member)
        if fate is None:
            command = command_of(self.operation, batch.kind, batch.request, member.given)
            answered = await self.by.commanding.command(member.lead, command)
            fate = answered or known or await self.by.operations.not_running(member.lead)
        if known and fate.outcome is Outcome.REFUSED:
            fate = known
        return [fate.model_copy(update={"cycle": fate.cycle or member.cycle})]


def no_journey(member: Member) -> Fate | None:
    """Refused at once where no journey can answer."""
    if member.given and member.meant is not None and member.meant != member.cycle:
        why = NEXT_BEGAN
    elif member.cycle is not None and not member.ending:
        return None
    else:
        why = ended(member.ending) if member.ending else NEVER_ENROLLED
    return Fate(lead=member.lead, outcome=Outcome.REFUSED, detail=why)
