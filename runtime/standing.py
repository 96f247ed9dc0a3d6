"""``domain.standing.Standings`` on Temporal and PostgreSQL: reads a lead's histories, writes back what is missing."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.messages import SendTouch, TouchOutcome, TouchResult
from domain.ports import Clock
from domain.remembering import Carried, Decided, Memory, in_force
from domain.standing import lost
from domain.state import JourneyState
from domain.words import TouchStatus
from runtime.histories import Run, runs
from runtime.markers import decision
from runtime.running import begun_with
from storage import standing
from storage.database import Database
from workflows.messages import SEND_TOUCH

_STATUS = {
    TouchResult.SENT: TouchStatus.SENT,
    TouchResult.REFUSED: TouchStatus.REFUSED,
    TouchResult.WITHDRAWN: TouchStatus.WITHDRAWN,
    TouchResult.HELD: TouchStatus.PLANNED,
    TouchResult.FAILED: TouchStatus.FAILED,
    TouchResult.UNKNOWN: TouchStatus.UNKNOWN,
}
_log = structlog.get_logger("tendril.standing")


class PgStandings:
    """Any number may settle the same journey: what is there already is left as it is."""

    def __init__(self, database: Database, client: Client, clock: Clock) -> None:
        self._database = database
        self._client = client
        self._clock = clock

    async def settle(self, state: JourneyState, run: str, *, commands: bool) -> JourneyState:
        """As ``domain.standing.Standings`` says."""
        await self.recall(state.lead)
        stand = await standing.stand(self._database, state.lead, state.cycle, state.number)
        if stand is None:
            return state
        here, recorded = stand
        if lost(state, here, run, commands=commands):
            _log.warning("a workflow had lost its last decisions and goes on from the record", lead=state.lead)
            return recorded
        return state.model_copy(update={"cursor": recorded.cursor}) if here.number == state.number else state

    async def recall(self, lead: str) -> bool:
        """Write back what Temporal remembers of a lead and the database does not; True when there was something.

        Raises ``NotFound`` when the database does not know the lead, ``RPCError`` when Temporal does not answer.
        """
        written = await standing.recall(self._database, lead, await self.memory(lead), self._clock)
        if written:
            _log.warning("the database had forgotten part of a journey: written back from its history", lead=lead)
        return written

    async def memory(self, lead: str) -> Memory:
        """Everything that the histories of a lead's runs tell. Raises ``RPCError``."""
        decided: list[tuple[JourneyState, Sequence[Decided]]] = []
        carried: dict[str, Carried] = {}
        async for run in _runs(self._client, lead):
            reading = _Reading(self._client, self._clock, run.id)
            decided.append((await reading.read(run), reading.decisions))
            for key, touch in reading.touches.items():
                if key not in carried or touch.status is TouchStatus.SENT:
                    carried[key] = touch
        return Memory(in_force(decided), list(carried.values()))


async def _runs(client: Client, lead: str) -> AsyncIterator[Run]:
    try:
        async for run in runs(client, lead):
            yield run
    except RPCError as error:
        if error.status is not RPCStatusCode.UNIMPLEMENTED:  # a server that lists nothing: the one that skips time
            raise


class _Reading:
    """One run's history, read from its beginning."""

    def __init__(self, client: Client, clock: Clock, run: str) -> None:
        self._client = client
        self._clock = clock
        self._run = run
        self._asked: dict[int, str] = {}
        self.decisions: list[Decided] = []
        self.touches: dict[str, Carried] = {}

    async def read(self, run: Run) -> JourneyState:
        """Returns the state that the run began with."""
        begun = await begun_with(self._client, run.events[0])
        for event in run.events:
            await self._take(event, begun)
        return begun

    async def _take(self, event: HistoryEvent, begun: JourneyState) -> None:
        """That an activity was cancelled tells nothing: an attempt before may have sent the touch and not said so."""
        at = _time(event)
        match event.event_type:
            case EventType.EVENT_TYPE_MARKER_RECORDED:
                await self._decision(event)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                await self._handed_over(event, begun)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                done = event.activity_task_completed_event_attributes
                outcome: list[TouchOutcome] = await self._client.data_converter.decode(
                    done.result.payloads, [TouchOutcome]
                )
                self._ended(done.scheduled_event_id, _STATUS[outcome[0].result], at)

    async def _decision(self, event: HistoryEvent) -> None:
        result = await decision(event, self._client.data_converter)
        if result is None:
            return
        wake_at = self._clock.from_real(result.wake_at) if result.wake_at else None
        at = self._clock.from_real(_time(event))
        self.decisions.append(Decided(at, result.state, result.title, self._run, result.why, wake_at, result.cause))

    async def _handed_over(self, event: HistoryEvent, begun: JourneyState) -> None:
        asked = event.activity_task_scheduled_event_attributes
        if asked.activity_type.name != SEND_TOUCH:
            return
        touch: SendTouch = (await self._client.data_converter.decode(asked.input.payloads, [SendTouch]))[0]
        state = self.decisions[-1].state if self.decisions else begun
        real_at = _time(event)
        at = self._clock.from_real(real_at)
        self._asked[event.event_id] = touch.key
        self.touches[touch.key] = Carried(
            touch, state.cycle, state.number, state.playbook, TouchStatus.CLAIMED, at, real_at
        )

    def _ended(self, scheduled: int, status: TouchStatus, real_at: datetime) -> None:
        if key := self._asked.get(scheduled):
            self.touches[key] = replace(self.touches[key], status=status, at=self._clock.from_real(real_at))


def _time(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(UTC)
