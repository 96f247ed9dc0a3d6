"""Many journeys asleep, and then 10,000 of them due in the same minute.

Starting 100,000 takes the better part of an hour where servers, worker and bench share two cores, so there are as many
as ten minutes allow; ``TENDRIL_BENCH_SLEEPERS`` says another number. Whether memory grows with sleeping journeys shows
between a quarter of them and all, for either is more than the worker caches.

Each has decided once and waits. 10,000 (three quarters of fewer) are due in the storm's minute, at twenty moments of
it: of ten, one is to be handed to sales, three have looked at pricing and are to be answered, and six have a scheduled
touch. The worker is started anew just before: it knows none of them and reads every history.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from time import perf_counter

import httpx
import psutil

from bench import leads
from bench.report import Figure, Progress
from bench.stack import Stack, stack
from domain.playbook.models import Playbook
from storage import inbox, keys
from storage.database import Connection
from storage.inbox import NewBehaviour

_SLEEPERS = int(os.environ.get("TENDRIL_BENCH_SLEEPERS", "13400"))
_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
_DUE = 10_000
_MOMENTS = 20
_WARM = 100  # journeys before anything is measured
_AHEAD = timedelta(seconds=15)  # the worker that sees the storm begins so long before it
_KB, _MB = 1000, 1024 * 1024
_HANDOFF, _ANSWER, _SCHEDULED = "handoff", "trigger-pricing", "t0"
_WORDS = {_HANDOFF: "handoffs", _ANSWER: "answers to behaviour", _SCHEDULED: "scheduled touches"}
_DECIDED = "select count(*) from journey where decision_number > 0"
_TAKEN = """
select t.step, extract(epoch from t.sent_at)::float8 as at,
    extract(epoch from t.sent_at - j.started_at - interval '1 day')::float8 as late
from touch t join journey j using (lead_id, cycle) where t.status = 'sent'
"""
#: Step → (when, in seconds since the epoch; seconds since it was due) of each touch.
Taken = Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class Weight:
    """Memory of worker and API, disk of Temporal and PostgreSQL, in bytes."""

    worker: int
    api: int
    temporal: int
    postgres: int


@dataclass(frozen=True)
class Scene:
    """Servers and an API, as a process and to be asked."""

    on: Stack
    api: psutil.Process
    http: httpx.AsyncClient

    async def weigh(self, worker: psutil.Process) -> Weight:
        """What everything takes, once the API has been asked for the list and the funnel."""
        for page in ("/v1/journeys", "/v1/journeys/funnel"):
            (await self.http.get(page)).raise_for_status()
        for statement in ("vacuum", "checkpoint"):
            await self.on.database.pool.execute(statement)
        await asyncio.sleep(3)
        temporal = sum(path.stat().st_size for path in self.on.directory.glob("temporal.db*"))
        return Weight(_memory(worker), _memory(self.api), temporal, self.on.disk() - temporal)


async def storm(progress: Progress, number: int = _SLEEPERS) -> list[Figure]:
    """Memory, disk and time of so many sleeping journeys; and how those due in the same minute are drained."""
    each = min(_DUE, number * 3 // 4) // _MOMENTS
    others = number - each * _MOMENTS
    quarter = number // 4
    async with _scene() as scene:
        with scene.on.worker("tendril") as worker:
            await _asleep(scene.on, _WARM)
            empty = await scene.weigh(worker)
            progress(f"{others:,} journeys fall asleep")
            seconds = await _asleep(scene.on, quarter, _WARM)
            some = await scene.weigh(worker)
            seconds += await _asleep(scene.on, others - quarter, _WARM + quarter)
            at = datetime.now(UTC) + (number - others) / others * timedelta(seconds=seconds) * 1.4 + _MINUTE
            progress(f"{number - others:,} more, due in the minute from {at:%H:%M:%S} on")
            seconds += await _due(scene.on, at, each, _WARM + others)
            full = await scene.weigh(worker)
        await _until(at - _AHEAD)
        with scene.on.worker("tendril"):
            progress(f"{number - others:,} are due")
            taken = await _drained(scene.on, number - others)
    return [*_sleeping(number, seconds, empty, some, full), *_storming(taken)]


@asynccontextmanager
async def _scene() -> AsyncIterator[Scene]:
    async with stack() as on:
        await leads.apply(on, _playbook())
        key = await keys.create(on.database, "bench", ["read"])
        async with on.serving("cli", "api", "--port") as port:
            api = next(child for child in psutil.Process().children() if str(port) in child.cmdline())
            headers = {"authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as http:
                yield Scene(on, api, http)


def _playbook() -> Playbook:
    """Of ten leads one is handed over after a day in the journey; the others are due a letter once they are back."""
    rule = {"id": "due", "when": "lead.employees % 10 == 0 && days.in_journey >= 1", "label": "a day has passed"}
    clock = {"sla": "1d", "remind": "12h", "expires": "2d", "recycle": {"cool_down": "1d"}}
    touch = {"channel": "sdr_task", "delay": "1h", "note": "looked at pricing"}
    trigger = {"id": "pricing", "behaviour": "pricing_visit", "cool_down": "0d", "touch": touch}
    step = {"id": _SCHEDULED, "channel": "direct_mail", "gap": "0d", "asset": "a", "window": "any"}
    tracks = [{"stage": "problem_awareness", "touches": [step]}]
    return leads.playbook(handoff={"rules": [rule], **clock}, triggers=[trigger], tracks=tracks)


async def _asleep(on: Stack, number: int, first: int = 0) -> float:
    """Begin journeys of which nothing is due for a day; seconds until all have decided."""
    began, now = perf_counter(), datetime.now(UTC)
    await leads.enrol(on, number, first, now=now, also=_away(now + _DAY))
    await _decided(on, first + number)
    return perf_counter() - began


async def _due(on: Stack, at: datetime, each: int, first: int) -> float:
    """Begin journeys that are due at moments of the minute from ``at`` on; seconds until all have decided."""
    began = perf_counter()
    for moment in range(_MOMENTS):
        due = at + moment * _MINUTE / _MOMENTS
        start = first + moment * each
        ids = await leads.enrol(on, each, start, now=due - _DAY, also=_away(due))
        visits = [_visit(lead, due - _HOUR) for index, lead in enumerate(ids, start) if 1 <= index % 900 % 10 <= 3]
        await inbox.accept(on.database, visits, datetime.now(UTC))
    await _decided(on, first + each * _MOMENTS)
    if datetime.now(UTC) + _AHEAD > at:
        raise RuntimeError("it took longer than foreseen to start the journeys: they were due before all of them slept")
    return perf_counter() - began


def _away(until: datetime) -> Callable[[Connection], Awaitable[None]]:
    """Until when those enrolled in the same transaction have asked for no mail."""

    async def set_(connection: Connection) -> None:
        await connection.execute("update lead set away_until = $1 where away_until is null", until)

    return set_


def _visit(lead: str, at: datetime) -> NewBehaviour:
    return NewBehaviour(message_id=f"v-{lead}", kind="page", name="/pricing", occurred_at=at, lead_id=lead)


async def _drained(on: Stack, number: int) -> Taken:
    deadline = perf_counter() + 600
    while await leads.touched(on) < number:
        if perf_counter() > deadline:
            raise RuntimeError(f"only {await leads.touched(on)} of {number} touches were sent")
        await asyncio.sleep(0.5)
    await asyncio.sleep(3)  # what is sent twice is sent by now
    rows = await on.database.pool.fetch(_TAKEN)
    return {step: [(row["at"], row["late"]) for row in rows if row["step"] == step] for step in _WORDS}


def _sleeping(number: int, seconds: float, empty: Weight, some: Weight, full: Weight) -> Iterator[Figure]:
    yield Figure("journeys asleep", number, "")
    yield Figure("journeys put to sleep", number / seconds, "/s")
    for name in ("worker", "api"):
        who = "API" if name == "api" else name
        yield Figure(f"memory of the {who} with a quarter of them asleep", getattr(some, name) / _MB, "MB")
        yield Figure(f"memory of the {who} with all asleep", getattr(full, name) / _MB, "MB")
        yield Figure(f"ratio of the {who}'s memory", getattr(full, name) / getattr(some, name), "", target="<= 1.1")
    for name, who in (("temporal", "Temporal"), ("postgres", "PostgreSQL")):
        grown = getattr(full, name) - getattr(empty, name)
        yield Figure(f"disk per journey asleep, {who}", grown / number / _KB, "KB")


def _storming(taken: Taken) -> Iterator[Figure]:
    late = {step: sorted(late for _, late in touches) for step, touches in taken.items()}
    at = {step: [at for at, _ in touches] for step, touches in taken.items()}
    for step, words in _WORDS.items():
        yield Figure(f"storm: {words}, due to sent, p50", median(late[step]), "s")
        yield Figure(f"storm: {words}, due to sent, p99", _p99(late[step]), "s")
        yield Figure(f"storm: {words}, the last", late[step][-1], "s")
    everything = [moment for moments in at.values() for moment in moments]
    yield Figure("storm: touches sent", len(everything) / (max(everything) - min(everything)), "/s")
    yield Figure("storm: p99 of handoffs / p50 of answers", _p99(late[_HANDOFF]) / median(late[_ANSWER]), "", "<= 1")
    yield Figure(
        "storm: p50 of answers / p50 of scheduled", median(late[_ANSWER]) / median(late[_SCHEDULED]), "", "<= 1"
    )
    first_half = sum(moment <= median(at[_SCHEDULED]) for moment in at[_HANDOFF]) / len(at[_HANDOFF])
    yield Figure("storm: handoffs done before half of the scheduled ones", first_half, "", ">= 0.99")


async def _decided(on: Stack, number: int) -> None:
    deadline = perf_counter() + 3600
    while await on.database.pool.fetchval(_DECIDED) < number:
        if perf_counter() > deadline:
            raise RuntimeError("the journeys did not all begin within an hour")
        await asyncio.sleep(0.1)


async def _until(at: datetime) -> None:
    await asyncio.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))


def _memory(process: psutil.Process) -> int:
    used: int = process.memory_info().rss
    return used


def _p99(times: Sequence[float]) -> float:
    return quantiles(times, n=100, method="inclusive")[98]
