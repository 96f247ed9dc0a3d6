"""Fixtures of the sandbox's tests."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from tests.adapters.running import Sandbox, running_sandbox


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox() as running:
        yield running


@pytest_asyncio.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the sandbox's token."""
    headers = {"authorization": "Bearer sandbox", "linkedin-version": "202608"}
    async with httpx.AsyncClient(base_url=sandbox.url, headers=headers, trust_env=False) as client:
        yield client
