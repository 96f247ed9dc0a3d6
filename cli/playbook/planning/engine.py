"""Foretelling thousands of journeys: read from where they stand, lived on by the core, counted. Nothing is written.

A journey costs about 6 ms (1.6 of reading, the rest deciding, measured on ``playbooks/b2b-saas``), so more than a few
hundred are shared among processes, one for each core.
"""

import asyncio
import multiprocessing
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from cli.importing.progress import Shown
from domain.core.steps import step_of
from domain.planning.prospects import Change
from domain.planning.totals import Totals
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from domain.playbook.places import touches
from storage.database import Database
from storage.in_flight import standing

#: Journeys that a process takes at once. Below a few of these, starting processes takes longer than they save.
_BATCH = 50
_FEW = 8 * _BATCH


@dataclass(frozen=True)
class Job:
    """What is foretold, as it travels to another process: documents as JSON."""

    database_url: str
    before: str
    after: str
    versions: tuple[str, ...]
    now: datetime


async def foretell(job: Job, leads: Sequence[str], show: Shown) -> Totals:
    """Every one of these leads' journeys under each policy."""
    totals = Totals()
    async for part in _parts(job, leads):
        totals.add(part)
        show(totals.journeys + totals.endless)
    return totals


async def _parts(job: Job, leads: Sequence[str]) -> AsyncIterator[Totals]:
    batches = [leads[first : first + _BATCH] for first in range(0, len(leads), _BATCH)]
    cores = os.cpu_count() or 1
    if len(leads) <= _FEW or cores == 1:
        for batch in batches:
            yield await _counted(job, batch)
        return
    # a fresh process: one that is forked from here would share the database's sockets
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(cores, len(batches)), mp_context=spawn) as pool:
        loop = asyncio.get_running_loop()
        for part in asyncio.as_completed([loop.run_in_executor(pool, _in_process, job, batch) for batch in batches]):
            yield await part


def _in_process(job: Job, leads: Sequence[str]) -> Totals:
    return asyncio.run(_counted(job, leads))


async def _counted(job: Job, leads: Sequence[str]) -> Totals:
    change, gone = _prepared(job)
    totals = Totals()
    database = await Database.connect(job.database_url, max_size=1)
    try:
        async for one in standing(database, leads, job.now):
            try:
                totals.count(change.prospect(one), gone)
            except RuntimeError:  # decisions without end
                totals.endless += 1
    finally:
        await database.close()
    return totals


@cache
def _prepared(job: Job) -> tuple[Change, frozenset[str]]:
    """The versions compiled, once in a process; and the steps that the new one does not have."""
    after = CompiledPlaybook(Playbook.model_validate_json(job.after))
    others = [CompiledPlaybook(Playbook.model_validate_json(text)) for text in job.versions]
    old = set[str]().union(*(_steps(version.document) for version in others))
    change = Change(job.before, after, {version.hash: version for version in (*others, after)}, job.now)
    return change, frozenset(old - _steps(after.document))


def _steps(document: Playbook) -> set[str]:
    return {touch.id for _, touch in touches(document)} | {step_of(one.id) for one in document.triggers if one.touch}
