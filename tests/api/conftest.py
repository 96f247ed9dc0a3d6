"""The API over a real database, called in process; keys with each scope."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from api.app import create_app
from domain.clock import ScaledClock
from runtime.settings import Settings
from storage import keys, playbooks
from storage.database import Database
from tests.fixtures.playbooks import minimal_playbook

REAL = ScaledClock()
Call = Callable[..., Any]


@pytest.fixture
def settings() -> Settings:
    return Settings(public_url="https://journeys.example", secret="a-secret-of-this-test")


@pytest.fixture
def app(settings: Settings, database: Database) -> FastAPI:
    return create_app(settings, database, None, REAL)


@pytest_asyncio.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key. Errors inside the application are answers, as they are over a socket."""
    async with client_of(app) as client:
        yield client


@pytest_asyncio.fixture
async def key(database: Database) -> str:
    """A key that may do everything."""
    return await keys.create(database, "everything", ["read", "write", "operate"])


@pytest_asyncio.fixture
async def api(http: httpx.AsyncClient, key: str) -> httpx.AsyncClient:
    """A client whose key may do everything."""
    http.headers["Authorization"] = f"Bearer {key}"
    return http


@pytest_asyncio.fixture
async def playbook(database: Database) -> str:
    """The minimal playbook, in force; its name."""
    return await put_in_force(database)


async def put_in_force(database: Database) -> str:
    document = minimal_playbook()
    await playbooks.store(database, document, datetime.now(UTC), default=True)
    return document.name


def client_of(app: FastAPI, *, host: str = "127.0.0.1", base: str = "http://127.0.0.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(host, 4242))
    return httpx.AsyncClient(transport=transport, base_url=base)


def assert_problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """It is a problem document that says what to do, and shows nothing of the inside."""
    body: dict[str, Any] = answer.json()
    assert answer.status_code == status, body
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:tendril:problem:{kind}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["remedy"]
    assert body["instance"] == answer.request.url.path
    assert "Traceback" not in json.dumps(body)
    return body
