"""From the request to the recorded decision: at half of what the worker can decide, and while others flood it.

Real processes on fresh data: PostgreSQL, Temporal, the worker with its relay, the API, and the client.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from bench import leads
from bench.load import Line, connect, paced, request, send_all
from bench.report import Figure, Progress
from bench.stack import Stack, stack
from storage import keys
from workflows.messages import workflow_id

_BURST = 10_000
_FLOODED, _OTHERS = 1_000, 100
_AT_MOST = 400  # events to measure the greatest rate of decisions with
_SECONDS = 8.0
_ALONE = 11.0  # seconds until those who have just enrolled are nobody's company any more (``runtime.company``)
_LOOK = 0.005  # seconds between looks at what has been decided
_CURSORS = "select lead_id, cursor from journey where lead_id = any($1::text[])"


@dataclass(frozen=True)
class Scene:
    """A running system with two keys, and journeys whose first decision is made."""

    on: Stack
    port: int
    key: str
    flooding: str
    others: list[str]
    flooded: list[str]


async def bursts(progress: Progress) -> list[Figure]:
    async with _scene(progress) as scene:
        progress("decisions at full and at half rate")
        most = await _greatest_rate(scene)
        half = await _latencies(scene, most / 2, int(most / 2 * _SECONDS))
        progress("others' decisions without a flood")
        quiet = await _latencies(scene, _OTHERS / _SECONDS, _OTHERS)
        progress(f"{_BURST:,} events on one lead")
        one = await _burst_on_one(scene)
        progress(f"others' decisions while {_BURST:,} events come on {_FLOODED:,} leads")
        loud, drained = await _beside_a_flood(scene)
    calm, crowded = _p99(quiet), _p99(loud)
    return [
        Figure("events decided at most, each a wake of its own", most, "/s"),
        Figure("accept to decision at half of that rate, p50", median(half) * 1000, "ms"),
        Figure("accept to decision at half of that rate, p99", _p99(half) * 1000, "ms"),
        *one,
        Figure("others' accept to decision without a flood, p99", calm * 1000, "ms"),
        Figure("others' accept to decision beside a flood on 1,000 leads, p99", crowded * 1000, "ms"),
        Figure("ratio of these", crowded / calm, "", target="<= 2"),
        Figure("the flood of 10,000 events on 1,000 leads, until all is considered", drained, "s"),
    ]


@asynccontextmanager
async def _scene(progress: Progress) -> AsyncIterator[Scene]:
    async with stack(tracking_rate=0) as on, AsyncExitStack() as running:
        await leads.apply(on, leads.playbook(gap="90d"))
        key, flooding = [await keys.create(on.database, name, ["write"]) for name in ("others", "flooding")]
        running.enter_context(on.worker("tendril"))
        port = await running.enter_async_context(on.serving("cli", "api", "--port"))
        progress(f"{_FLOODED + _OTHERS:,} journeys begin")
        ids = await leads.enrol(on, _FLOODED + _OTHERS)
        await _until(on, "select count(*) from touch where status = 'sent'", len(ids))
        await asyncio.sleep(_ALONE)
        yield Scene(on, port, key, flooding, ids[:_OTHERS], ids[_OTHERS:])


async def _greatest_rate(scene: Scene) -> float:
    """One event for each of many journeys, all at once, until all are decided."""
    ids = scene.flooded[:_AT_MOST]
    wanted = await _expected(scene, ids)
    began = perf_counter()
    await send_all(scene.port, [_visit(scene.key, lead) for lead in ids], 16)
    await _considered(scene.on, wanted)
    return len(ids) / (perf_counter() - began)


async def _latencies(scene: Scene, rate: float, number: int) -> list[float]:
    """Seconds from sending to the recorded decision of so many events, one lead's after another's."""
    ids = [scene.others[index % _OTHERS] for index in range(number)]
    watch = Watch(scene.on, await _cursors(scene.on, scene.others))
    lines = [await connect(scene.port) for _ in range(32)]
    free: asyncio.LifoQueue[Line] = asyncio.LifoQueue()
    for line in lines:
        free.put_nowait(line)

    async def send(index: int) -> None:
        line = await free.get()
        if line.closed:  # it was free for long, and would never answer
            line = await connect(scene.port)
        watch.sent(ids[index])
        assert await line.send(_visit(scene.key, ids[index])) == 200
        free.put_nowait(line)

    watching = asyncio.create_task(watch.run(number))
    await paced(rate, number / rate, send)
    times = await asyncio.wait_for(watching, 120)
    for line in lines:
        line.close()
    return times


class Watch:
    """Sees when what was sent to leads has been considered."""

    def __init__(self, on: Stack, cursors: dict[str, int]) -> None:
        self._on = on
        self._positions = dict(cursors)
        self._open: dict[str, list[tuple[int, float]]] = {lead: [] for lead in cursors}

    def sent(self, lead: str) -> None:
        self._positions[lead] += 1
        self._open[lead].append((self._positions[lead], perf_counter()))

    async def run(self, number: int) -> list[float]:
        """Seconds of each of so many."""
        times: list[float] = []
        while len(times) < number:
            await asyncio.sleep(_LOOK)
            waiting = [lead for lead, sent in self._open.items() if sent]
            cursors = await _cursors(self._on, waiting) if waiting else {}
            now = perf_counter()
            for lead, cursor in cursors.items():
                times += [now - at for position, at in self._open[lead] if position <= cursor]
                self._open[lead] = [(position, at) for position, at in self._open[lead] if position > cursor]
        return times


async def _burst_on_one(scene: Scene) -> list[Figure]:
    """Ten thousand events, a request each, on one lead."""
    lead = scene.flooded[-1]
    before, wakes = await _history(scene, lead), await _decisions(scene, lead)
    wanted = await _expected(scene, [lead], _BURST)
    load = await send_all(scene.port, [_visit(scene.flooding, lead) for _ in range(_BURST)], 64)
    await _considered(scene.on, wanted)
    await asyncio.sleep(0.5)  # until the last decision's touches are carried out
    return [
        Figure("10,000 events on one lead: accepted", load.rate, "/s"),
        Figure("wakes of its journey", await _decisions(scene, lead) - wakes, "", target="<= 20"),
        Figure("growth of its history", await _history(scene, lead) - before, "events", target="<= 300"),
        Figure("events considered", (await _cursors(scene.on, [lead]))[lead] - wanted[lead] + _BURST, "", "== 10000"),
    ]


async def _beside_a_flood(scene: Scene) -> tuple[list[float], float]:
    """Latencies of the others, and seconds until all of the flood is considered."""
    each = _BURST // _FLOODED
    wanted = await _expected(scene, scene.flooded, each)
    order = [lead for _ in range(each) for lead in scene.flooded]
    flood = [_batch(scene.flooding, order[at : at + 100]) for at in range(0, _BURST, 100)]
    began = perf_counter()
    measuring = asyncio.create_task(_latencies(scene, _OTHERS / _SECONDS, _OTHERS))
    await send_all(scene.port, flood, 8)
    await _considered(scene.on, wanted)
    drained = perf_counter() - began
    return await measuring, drained


def _visit(key: str, lead: str) -> bytes:
    return request("/v1/page", _json(_page(lead)), key)


def _batch(key: str, ids: Sequence[str]) -> bytes:
    return request("/v1/batch", _json({"batch": [_page(lead) | {"type": "page"} for lead in ids]}), key)


def _page(lead: str) -> dict[str, Any]:
    return {"userId": lead, "properties": {"path": "/docs"}}


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


async def _cursors(on: Stack, ids: Sequence[str]) -> dict[str, int]:
    return {row["lead_id"]: row["cursor"] for row in await on.database.pool.fetch(_CURSORS, list(ids))}


async def _expected(scene: Scene, ids: Sequence[str], events: int = 1) -> dict[str, int]:
    """The cursor of each when so many more events have been considered."""
    return {lead: cursor + events for lead, cursor in (await _cursors(scene.on, ids)).items()}


async def _considered(on: Stack, wanted: dict[str, int]) -> None:
    async def all_are() -> bool:
        cursors = await _cursors(on, list(wanted))
        return all(cursors[lead] >= cursor for lead, cursor in wanted.items())

    await _wait(all_are)


async def _until(on: Stack, query: str, wanted: int) -> None:
    async def reached() -> bool:
        return bool(await on.database.pool.fetchval(query) >= wanted)

    await _wait(reached)


async def _wait(so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(180):
        while not await so():
            await asyncio.sleep(0.02)


async def _decisions(scene: Scene, lead: str) -> int:
    count: int = await scene.on.database.pool.fetchval("select count(*) from decision where lead_id = $1", lead)
    return count


async def _history(scene: Scene, lead: str) -> int:
    described = await scene.on.client.get_workflow_handle(workflow_id(lead)).describe()
    return described.history_length


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]
