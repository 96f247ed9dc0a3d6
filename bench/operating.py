"""A command to many journeys, beside bare signals to the same ones: each makes every journey decide once."""

import asyncio
from datetime import UTC, datetime
from time import perf_counter

from bench import leads
from bench.report import Figure, Progress
from bench.stack import Stack, stack
from domain.operating import OperationKind, OperationStatus
from runtime.operating import Starting
from storage import operations
from workflows.messages import WAKE, workflow_id

#: Signals under way at once: more than the server takes at a time.
_AT_ONCE = 64
_LOOK = 0.05
_ROUNDS = (OperationKind.PAUSE, OperationKind.RESUME)


async def operating(progress: Progress, number: int = 5000) -> list[Figure]:
    """Rounds of both in turn on one server; the best of each counts. A round ends when every journey has decided."""
    commanded: list[float] = []
    signalled: list[float] = []
    async with stack() as on:
        await leads.apply(on, leads.playbook())
        with on.worker("tendril"):
            starting = Starting(on.database, on.client, on.settings.task_queue)
            working = asyncio.create_task(starting.run())
            progress(f"{number} journeys begin")
            ids = await leads.enrol(on, number)
            await _decided(on, number)
            for turn, kind in enumerate(_ROUNDS, start=1):
                progress(f"bare signals, round {turn} of {len(_ROUNDS)}")
                signalled.append(number / await _signals(on, ids))
                progress(f"{kind} of all, round {turn} of {len(_ROUNDS)}")
                commanded.append(number / await _operation(on, kind))
            starting.stop()
            await working
    return [
        Figure(f"batch command over {number:,} journeys, answered and recorded", max(commanded), "/s"),
        Figure("bare signals to the same journeys, decided", max(signalled), "/s"),
        Figure("ratio of batch commands", max(commanded) / max(signalled), "", target=">= 0.7"),
    ]


async def _signals(on: Stack, ids: list[str]) -> float:
    before = await _sum(on)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def wake(lead: str) -> None:
        async with gate:
            await on.client.get_workflow_handle(workflow_id(lead)).signal(WAKE, ["bench"])

    start = perf_counter()
    await asyncio.gather(*map(wake, ids))
    await _decided(on, before + len(ids))
    return perf_counter() - start


async def _operation(on: Stack, kind: OperationKind) -> float:
    start = perf_counter()
    async with on.database.pool.acquire() as connection, connection.transaction():
        id_ = await operations.create(connection, kind=kind, by="bench", now=datetime.now(UTC), where="!ended")
    while (await operations.get(on.database, id_)).status is not OperationStatus.DONE:
        await asyncio.sleep(_LOOK)
    return perf_counter() - start


async def _sum(on: Stack) -> int:
    made: int = await on.database.pool.fetchval("select coalesce(sum(decision_number), 0) from journey")
    return made


async def _decided(on: Stack, wanted: int, seconds: float = 900) -> None:
    deadline = perf_counter() + seconds
    while (made := await _sum(on)) < wanted:
        if perf_counter() > deadline:
            raise RuntimeError(f"only {made} of {wanted} decisions after {seconds:.0f} s")
        await asyncio.sleep(_LOOK)
