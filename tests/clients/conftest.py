"""The API on a real socket behind a front door that fails on demand."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from fastapi import FastAPI

from api.app import create_app
from domain.clock import ScaledClock
from runtime.settings import Settings
from storage import keys
from storage.database import Database
from tests.adapters.running import serving
from tests.clients.front import Front


@pytest.fixture
def app(database: Database) -> FastAPI:
    return create_app(Settings(secret="a-secret-of-this-test"), database, None, ScaledClock())


@pytest.fixture
def front(app: FastAPI) -> Front:
    return Front(app)


@pytest_asyncio.fixture
async def address(front: Front) -> AsyncIterator[str]:
    async with serving(front) as opened:
        yield opened


@pytest_asyncio.fixture
async def write_key(database: Database) -> str:
    return await keys.create(database, "website", ["write"])
