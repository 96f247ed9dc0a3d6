"""The invented sellers of the demo: they answer handoffs in the sandbox CRM, from where Tendril reads the answers."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import httpx
import structlog

from domain.clock import ScaledClock
from runtime.embedded.script import sellers_answers
from storage.database import Database

_log = structlog.get_logger("tendril.sellers")
#: What passes by itself: the database or the sandbox is away, or a connection broke between two of its steps.
_TROUBLE = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    httpx.TransportError,
)
#: Real seconds between two looks at the list of open handoffs.
_LOOK_EVERY = 0.25
_OPEN = """
select t.vendor_id as task, l.external_id as lead, h.opened_at, h.number
from (select *, row_number() over (partition by lead_id order by opened_at, id) as number from handoff) h
join lead l on l.id = h.lead_id
join touch t on t.key = h.touch_key
where h.status = 'open' and t.status = 'sent' and l.external_id like 'sample-%'
"""


@dataclass(frozen=True)
class Task:
    """A seller's to-do in the CRM; ``number`` counts the lead's handoffs from 1."""

    id: str
    lead: str
    number: int
    opened_at: datetime


class Sellers:
    """Answer each open handoff that the script has an answer for, when its hours have passed."""

    def __init__(self, database: Database, sandbox: httpx.AsyncClient, clock: ScaledClock) -> None:
        self._database, self._sandbox, self._clock = database, sandbox, clock
        self._answers = sellers_answers()
        self._answered: set[str] = set()

    async def work(self) -> None:
        while True:
            try:
                for task in await self._open():
                    await self._consider(task)
            except _TROUBLE as error:
                _log.warning("a seller could not work", error=type(error).__name__)
            await asyncio.sleep(_LOOK_EVERY)

    async def _open(self) -> list[Task]:
        rows = await self._database.pool.fetch(_OPEN)
        return [Task(row["task"], row["lead"], row["number"], row["opened_at"]) for row in rows]

    async def _consider(self, task: Task) -> None:
        answer = self._answers.get((task.lead, task.number))
        now = self._clock.from_real(datetime.now(UTC))
        if answer is None or task.id in self._answered or now < task.opened_at + answer.after:
            return
        form = {"outcome": "accepted" if answer.accepts else "rejected", "reason": answer.reason}
        done = await self._sandbox.post(f"/sellers/tasks/{task.id}", data=form)
        if done.is_error:
            _log.warning("an answer was refused", task=task.id, status=done.status_code, answer=done.text[:300])
        self._answered.add(task.id)
