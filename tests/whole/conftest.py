"""One stack a test, on a database of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.whole.stack import Stack, whole_stack
from tests.whole.story import at_any_hour


@pytest_asyncio.fixture
async def stack(database_url: str, tmp_path: Path) -> AsyncIterator[Stack]:
    """The stack in real time."""
    async with whole_stack(database_url, tmp_path, at_any_hour()) as running:
        yield running


@pytest_asyncio.fixture
async def hurried(database_url: str, tmp_path: Path) -> AsyncIterator[Stack]:
    """The stack on a demo clock: an hour a second. Slow enough that sales has two minutes to answer a handoff."""
    async with whole_stack(database_url, tmp_path, at_any_hour(), scale=3600.0) as running:
        yield running
