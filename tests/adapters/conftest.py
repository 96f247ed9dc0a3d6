"""Fixtures of the adapters' tests."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.adapters.running import Sandbox, running_sandbox


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox() as running:
        yield running
