"""Journeys against the bare workflow: starts, wakes, latency, history, memory, disk."""

import asyncio
from collections.abc import Awaitable, Callable
from statistics import median, quantiles
from time import perf_counter

import psutil
from temporalio.client import Client

from bench import leads
from bench.bare import BARE_QUEUE, Bare
from bench.report import Figure, Progress
from bench.stack import Stack, stack
from workflows.messages import workflow_id

_MB = 1024 * 1024
_AT_ONCE = 48


async def rates(progress: Progress, number: int = 600, rounds: int = 3) -> list[Figure]:
    """Starts with the first touch, and behaviour → touch, each beside the bare workflow in turn on the same server."""
    starts: list[float] = []
    wakes: list[float] = []
    bare_starts: list[float] = []
    bare_wakes: list[float] = []
    async with stack() as on:
        await leads.apply(on, leads.playbook())
        for turn in range(rounds):
            with on.worker("bare") as worker:
                progress(f"bare workflows, round {turn + 1} of {rounds}")
                bare_starts.append(number / await _bare_starts(on.client, turn, number))
                before = on.cpu(worker)
                bare_wakes.append(number / await _bare_wakes(on.client, turn, number))
                bare_cpu = _per_one(before, on.cpu(worker), number)
            with on.worker("tendril") as worker:
                progress(f"journeys, round {turn + 1} of {rounds}")
                ids, seconds = await _starts(on, turn, number)
                starts.append(number / seconds)
                before = on.cpu(worker)
                wakes.append(number / await _wakes(on, turn, ids))
                cpu = _per_one(before, on.cpu(worker), number)
    best_start, best_wake = max(bare_starts), max(bare_wakes)
    return [
        Figure("journeys started with first touch", max(starts), "/s"),
        Figure("bare workflows started with one activity", best_start, "/s"),
        Figure("ratio of starts", max(starts) / best_start, "", target=">= 0.9"),
        Figure("behaviour to touch completed", max(wakes), "/s"),
        Figure("bare: signal to activity completed", best_wake, "/s"),
        Figure("ratio of wakes", max(wakes) / best_wake, "", target=">= 0.6"),
        *(Figure(f"processor time of one wake: {who} (bare {bare_cpu[who]:.1f})", cpu[who], "ms") for who in cpu),
    ]


def _per_one(before: dict[str, float], after: dict[str, float], number: int) -> dict[str, float]:
    """Milliseconds of processor time by process."""
    return {who: (after[who] - before[who]) / number * 1000 for who in after}


async def _starts(on: Stack, turn: int, number: int) -> tuple[list[str], float]:
    before, start = await leads.touched(on), perf_counter()
    ids = await leads.enrol(on, number, first=turn * number)
    await _until(lambda: leads.touched(on), before + number)
    return ids, perf_counter() - start


async def _wakes(on: Stack, turn: int, ids: list[str]) -> float:
    before, start = await leads.touched(on), perf_counter()
    lanes = [ids[lane::8] for lane in range(8)]
    await asyncio.gather(*(leads.visit(on, lane, f"w{turn}") for lane in lanes))
    await _until(lambda: leads.touched(on), before + len(ids))
    return perf_counter() - start


async def _bare_starts(client: Client, turn: int, number: int) -> float:
    start = perf_counter()
    await _all(number, lambda index: _start_bare(client, f"bare-{turn}-{index}"))
    await _bare_done(client, turn, number, activities=1)
    return perf_counter() - start


async def _bare_wakes(client: Client, turn: int, number: int) -> float:
    start = perf_counter()
    await _all(number, lambda i: client.get_workflow_handle(f"bare-{turn}-{i}").signal("wake"))
    await _bare_done(client, turn, number, activities=2)
    return perf_counter() - start


async def _start_bare(client: Client, id_: str, *, activities: bool = True) -> None:
    await client.start_workflow(Bare.run, activities, id=id_, task_queue=BARE_QUEUE)


async def _bare_done(client: Client, turn: int, number: int, activities: int) -> None:
    """The last hundred have completed that many activities: tasks are served in order, so the others have as well."""
    for index in range(number - 100, number):
        handle = client.get_workflow_handle(f"bare-{turn}-{index}")
        while await _completed(handle) < activities:
            await asyncio.sleep(0.02)


async def _completed(handle: object) -> int:
    history = await handle.fetch_history()  # type: ignore[attr-defined]  # WorkflowHandle of any type arguments
    return sum(event.HasField("activity_task_completed_event_attributes") for event in history.events)


async def _all(number: int, task: Callable[[int], Awaitable[object]]) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(index: int) -> None:
        async with gate:
            await task(index)

    await asyncio.gather(*map(one, range(number)))


async def _until(value: Callable[[], Awaitable[int]], wanted: int, seconds: float = 300) -> None:
    deadline = perf_counter() + seconds
    while (reached := await value()) < wanted:
        if perf_counter() > deadline:
            raise RuntimeError(f"only {reached} of {wanted} after {seconds:.0f} s")
        await asyncio.sleep(0.02)


async def latency(progress: Progress, number: int = 300) -> list[Figure]:
    """From accepting a behaviour to its decision recorded and its touch sent, one at a time on an idle system."""
    async with stack() as on:
        await leads.apply(on, leads.playbook())
        with on.worker("tendril"):
            ids = await leads.enrol(on, number)
            await _until(lambda: leads.touched(on), number)
            progress("wake latency")
            times = [await _one_wake(on, lead, count) for count, lead in enumerate(ids, start=number + 1)]
    cuts = quantiles(times, n=100)
    return [
        Figure("wake latency, behaviour accepted to touch sent, p50", median(times) * 1000, "ms"),
        Figure("wake latency, p99", cuts[98] * 1000, "ms"),
    ]


async def _one_wake(on: Stack, lead: str, wanted: int) -> float:
    start = perf_counter()
    await leads.visit(on, [lead], "latency")
    while await leads.touched(on) < wanted:
        await asyncio.sleep(0.001)
    return perf_counter() - start


async def history(progress: Progress, touches: int = 20) -> list[Figure]:
    """Events and bytes that one scheduled touch adds to a journey's history: the slope over ``touches`` touches."""
    progress("history per touch")
    async with stack() as on:
        await leads.apply(on, leads.playbook(gap="1s", touches=touches + 1))
        with on.worker("tendril"):
            (lead,) = await leads.enrol(on, 1)
            sizes = {}
            for count in (1, touches + 1):
                await _until(lambda: leads.touched(on), count)
                await asyncio.sleep(0.3)
                told = await on.client.get_workflow_handle(workflow_id(lead)).fetch_history()
                sizes[count] = (len(told.events), sum(event.ByteSize() for event in told.events))
    (events, size), (more_events, more_size) = sizes[1], sizes[touches + 1]
    return [
        Figure("history events per touch", (more_events - events) / touches, "", target="<= 13"),
        Figure("history per touch", (more_size - size) / touches / 1000, "KB", target="<= 2.5"),
    ]


async def sleeping(progress: Progress, number: int = 2000) -> list[Figure]:
    """Worker memory per 1,000 cached journeys, and disk per sleeping journey beside a bare one."""
    async with stack(worker_cached_workflows=number + 100) as on:
        await leads.apply(on, leads.playbook())
        with on.worker("bare"):
            progress(f"{number} bare workflows asleep")
            await _settled(on)
            empty = on.disk()
            await _all(number, lambda index: _start_bare(on.client, f"bare-0-{index}"))
            await _bare_done(on.client, 0, number, activities=1)
            bare = await _settled(on) - empty
        with on.worker("tendril") as process:
            progress(f"{number} journeys asleep")
            await leads.enrol(on, 10)
            await _until(lambda: leads.touched(on), 10)
            memory, before = _memory(process), await _settled(on)
            await leads.enrol(on, number, first=10)
            await _until(lambda: leads.touched(on), number + 10)
            ours, grown = await _settled(on) - before, _memory(process) - memory
    return [
        Figure("worker memory per 1,000 cached journeys", grown / number * 1000 / _MB, "MB"),
        Figure("disk per sleeping bare workflow", bare / number / 1000, "KB"),
        Figure("disk per sleeping journey (Temporal and PostgreSQL)", ours / number / 1000, "KB"),
        Figure("ratio of disk", ours / bare, "", target="<= 1.5"),
    ]


async def _settled(on: Stack) -> int:
    """Disk in use after both servers have written everything out."""
    await on.database.pool.execute("vacuum")
    await on.database.pool.execute("checkpoint")
    await asyncio.sleep(3)
    return on.disk()


def _memory(process: psutil.Process) -> int:
    used: int = process.memory_info().rss
    return used
