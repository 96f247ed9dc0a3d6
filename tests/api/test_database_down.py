"""With the database away the API says so and loses nothing; with it back the API works again by itself."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio

from runtime.settings import Settings
from storage import keys
from storage.database import Database
from storage.migrate import upgrade
from tests.api.conftest import assert_problem
from tests.api.world import eventually, served
from tests.fixtures.postgres import Server


@pytest.fixture
def home() -> Iterator[Path]:
    """The directory of a PostgreSQL that this test may stop."""
    path = Path(tempfile.mkdtemp(prefix="tendril-pg-down-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest_asyncio.fixture
async def own_server(home: Path) -> AsyncIterator[list[Server]]:
    """A running server in a list, so that a test can put another in its place."""
    servers = [Server(home)]
    yield servers
    await asyncio.to_thread(servers[-1].stop)


async def test_a_stopped_database_is_a_503_until_it_is_back(home: Path, own_server: list[Server], settings: Settings):
    url = own_server[0].url("postgres")
    upgrade(url)
    database = await Database.connect(url, max_size=3)
    key = await keys.create(database, "everything", ["read", "write"])
    event = {"anonymousId": "v", "event": "Looked", "messageId": "m-1"}
    async with served(None, database, settings, key) as http:
        assert (await http.post("/v1/track", json=event | {"messageId": "m-0"})).status_code == 200

        await database.pool.execute("checkpoint")  # tests' servers do not flush by themselves
        await asyncio.to_thread(own_server[0].stop)
        lost = await http.post("/v1/track", json=event)
        readiness = await http.get("/readyz")
        alive = await http.get("/healthz")
        own_server.append(await asyncio.to_thread(Server, home))
        await eventually(lambda: _is_taken(http, event))
        stored = await database.pool.fetchval("select count(*) from behaviour")
    await database.close()

    assert_problem(lost, 503, "database-unavailable")
    assert int(lost.headers["retry-after"]) > 0
    assert (readiness.status_code, readiness.json()["checks"]["database"]["ok"]) == (503, False)
    assert alive.status_code == 200
    assert stored == 2


async def _is_taken(http: httpx.AsyncClient, event: dict[str, str]) -> bool:
    answer = await http.post("/v1/track", json=event)
    assert answer.status_code in {200, 503}
    return answer.status_code == 200


async def test_a_database_without_tables_is_not_ready(empty_database_url: str, settings: Settings):
    database = await Database.connect(empty_database_url)
    async with served(None, database, settings, "none") as http:
        checks = (await http.get("/readyz")).json()["checks"]
    await database.close()

    assert checks["database"]["ok"]
    assert "no tables" in checks["migrations"]["detail"]


async def test_a_database_of_another_version_is_not_ready(database: Database, settings: Settings):
    await database.pool.execute("update alembic_version set version_num = 'of-tomorrow'")
    async with served(None, database, settings, "none") as http:
        answer = await http.get("/readyz")

    assert answer.status_code == 503
    assert "of-tomorrow" in answer.json()["checks"]["migrations"]["detail"]


def test_every_error_of_the_driver_that_means_away_is_known():
    from api.problems import DATABASE_AWAY  # noqa: PLC0415 - beside its one use

    for fault in (asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError, ConnectionResetError, TimeoutError):
        assert issubclass(fault, DATABASE_AWAY)
