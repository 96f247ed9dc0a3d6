"""Waiting for something to do costs no history, and hands over when its worker stops."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities.messages import Watch
from activities.watching import Watching
from storage.audiences import PgAudiences
from storage.ledger import PgLedger
from storage.lists import PgLists
from storage.playbooks import PgPlaybooks
from storage.retention import PgRetention
from tests.activities.conftest import START, Bench


@pytest_asyncio.fixture
async def watching(bench: Bench) -> AsyncIterator[Watching]:
    yield Watching(
        PgLists(bench.database),
        PgLedger(bench.database, PgPlaybooks(bench.database)),
        PgRetention(bench.database),
        PgAudiences(bench.database, []),
    )


async def test_with_nothing_to_do_it_watches_until_its_time_is_over(watching: Watching):
    began = time.monotonic()
    assert await ActivityEnvironment().run(watching.outstanding, Watch(every=0.05, lasting=0.3)) == []
    assert 0.25 <= time.monotonic() - began < 5


async def test_it_ends_as_soon_as_there_is_something_to_do(bench: Bench, watching: Watching):
    watched = asyncio.create_task(ActivityEnvironment().run(watching.outstanding, Watch(every=0.05, lasting=60.0)))
    await bench.decide(await bench.enrol(), START)
    async with asyncio.timeout(60):
        assert "push_crm" in await watched


async def test_after_a_round_it_leaves_vendors_alone_for_a_while(bench: Bench, watching: Watching):
    await bench.decide(await bench.enrol(), START)
    began = time.monotonic()
    assert await ActivityEnvironment().run(watching.outstanding, Watch(after=0.3, every=0.3, lasting=1.0))
    assert time.monotonic() - began >= 0.3


async def test_a_worker_that_stops_hands_over_at_once(watching: Watching):
    environment = ActivityEnvironment()
    watched = asyncio.create_task(environment.run(watching.outstanding, Watch(every=60.0, lasting=600.0)))
    await asyncio.sleep(0)
    environment.worker_shutdown()
    async with asyncio.timeout(60):
        with pytest.raises(ApplicationError) as handed_over:
            await watched
    assert handed_over.value.category is ApplicationErrorCategory.BENIGN
    assert not handed_over.value.non_retryable
