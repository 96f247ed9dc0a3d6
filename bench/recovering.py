"""Recovering: many journeys reset, and histories replayed.

``python -m bench.recovering JOURNEYS`` measures with fewer than 1,000 journeys.
"""

import argparse
import asyncio
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

from rich.console import Console
from temporalio.client import WorkflowHistory

from bench import leads
from bench.journeys import _until
from bench.report import Figure, Progress, show
from bench.stack import Stack, stack
from runtime import histories, replaying
from runtime.replaying import Recorded
from runtime.resetting import Batch, Resetting
from runtime.settings import Settings
from storage import resets

_JOURNEYS = 1000
_AT_ONCE = 32
_TOUCHES = 3


async def recovering(progress: Progress, number: int = _JOURNEYS) -> list[Figure]:
    """Journeys that sent three touches, one a second, go back to before the first; then their histories replay."""
    async with stack() as on:
        await leads.apply(on, leads.playbook(gap="1s", touches=_TOUCHES))
        with on.worker("tendril"):
            progress(f"{number} journeys send {_TOUCHES} touches each")
            ids = await leads.enrol(on, number)
            await _until(lambda: leads.touched(on), _TOUCHES * number)
            progress("histories are fetched")
            recorded = [await _recorded(on, lead) for lead in ids]
            progress(f"{number} journeys are reset")
            began = perf_counter()
            await _all_reset(on, ids)
            seconds = perf_counter() - began
            await _until(lambda: _decided_again(on), number)
            again = perf_counter() - began
            await asyncio.sleep(5)  # whatever would be sent twice has the time for it
            repeated = await _repeated(on)
        progress("histories are replayed")
    return [
        Figure(f"messages repeated by the reset of {number:,} journeys", repeated, "", target="== 0"),
        Figure("journeys reset", number / seconds, "/s"),
        Figure("journeys reset and decided again", number / again, "/s"),
        *_replayed(recorded),
    ]


async def _all_reset(on: Stack, ids: list[str]) -> None:
    resetting, batch, gate = Resetting(on.client, on.database), Batch("bench", "bench"), asyncio.Semaphore(_AT_ONCE)
    standings = await resets.standings(on.database, ids)

    async def one(lead: str) -> None:
        async with gate:
            plan = await resetting.plan(standings[lead][-1], 1, batch)
            await resetting.reset(plan, batch, plan.consequences.again[0].at)

    await asyncio.gather(*map(one, ids))


async def _decided_again(on: Stack) -> int:
    query = "select count(distinct lead_id) from decision where number = 1 and revision > 1"
    count: int = await on.database.pool.fetchval(query)
    return count


async def _repeated(on: Stack) -> int:
    """Keys that reached the vendor more than once, as the worker's channel counted them: an attempt is a message."""
    count: int = await on.database.pool.fetchval("select coalesce(sum(attempts - 1), 0) from touch where attempts > 0")
    return count


async def _recorded(on: Stack, lead: str) -> Recorded:
    async for run in histories.runs(on.client, lead):
        return Recorded(lead, data=run.serialized())
    raise RuntimeError(f"{lead} has no history")


def _replayed(recorded: list[Recorded]) -> list[Figure]:
    """In a process of its own, as ``tendril replay`` does on each core."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(replaying.replay_chunk, recorded[:20], Settings()).result()
        seconds, events, broken = pool.submit(_timed, recorded).result()
        with tempfile.TemporaryDirectory() as directory:
            kept = [_kept(Path(directory), one) for one in recorded]
            from_files, _, _ = pool.submit(_timed, kept).result()
    return [
        Figure(
            f"histories of {events / len(recorded):.0f} events replayed on one core",
            len(recorded) / seconds,
            "/s",
            ">= 200",
        ),
        Figure("the same, read from JSON", len(recorded) / from_files, "/s"),
        Figure("histories that break", broken, "", target="== 0"),
    ]


def _timed(recorded: list[Recorded]) -> tuple[float, int, int]:
    """Seconds of processor time, so that others on the machine don't count."""
    before = os.times()
    done = replaying.replay_chunk(recorded, Settings())
    after = os.times()
    return after.user + after.system - before.user - before.system, done.events, len(done.broken)


def _kept(directory: Path, one: Recorded) -> Recorded:
    file = directory / f"{one.workflow}.json"
    file.write_text(WorkflowHistory(one.workflow, one.read().events).to_json(), encoding="utf-8")
    return Recorded(one.workflow, file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.recovering", description=__doc__)
    parser.add_argument("journeys", type=int)
    console = Console()
    show(asyncio.run(recovering(console.print, parser.parse_args().journeys)), console)
