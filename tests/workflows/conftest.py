"""Fixtures for tests of journeys."""

from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from storage.database import Database
from tests.fixtures.playbooks import minimal_playbook
from tests.workflows.running import Running, running_worker


@pytest_asyncio.fixture
async def running(time_skipping: WorkflowEnvironment, database: Database) -> AsyncIterator[Running]:
    """A worker on the server that skips time, with the minimal playbook."""
    async with running_worker(time_skipping, database, minimal_playbook()) as running:
        yield running
