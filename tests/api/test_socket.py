"""Over a real socket: what only a real server shows."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI

from api.limits import EVENT_BYTES
from storage.database import Database
from tests.api.conftest import assert_problem
from tests.api.world import eventually

TRACK = {"anonymousId": "visitor-1", "event": "Looked"}


@pytest_asyncio.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    """Where the API listens: a free port of this machine."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve([listening]))

        async def started() -> bool:
            return server.started

        await eventually(started)
        yield "http://{}:{}".format(*listening.getsockname())
        server.should_exit = True
        await serving


@pytest_asyncio.fixture
async def client(address: str, key: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=20) as opened:
        yield opened


async def test_many_senders_at_once_lose_nothing(client: httpx.AsyncClient, database: Database):
    answers = await asyncio.gather(
        *(client.post("/v1/track", json=TRACK | {"messageId": f"m-{n}"}) for n in range(200))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert await database.pool.fetchval("select count(*) from behaviour") == 200


async def test_an_endless_body_is_cut_and_the_server_goes_on(client: httpx.AsyncClient):
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * (EVENT_BYTES // 16)

    answer = await client.post("/v1/track", content=endless(), headers={"Content-Type": "application/json"})

    assert_problem(answer, 413, "body-too-large")
    assert (await client.get("/healthz")).json() == {"status": "alive"}


async def test_a_sender_that_leaves_half_way_harms_nobody(address: str, client: httpx.AsyncClient, key: str):
    host, port = address.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /v1/track HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    assert (await client.post("/v1/track", json=TRACK)).status_code == 200


@pytest.mark.parametrize("added", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_metrics_are_not_for_whoever_comes_through_a_proxy(client: httpx.AsyncClient, added: str):
    answer = await client.get("/metrics", headers={added: "for=203.0.113.7"})

    assert_problem(answer, 404, "not-found")
    assert "tendril_" not in answer.text


async def test_metrics_count_by_route_and_hold_no_ids(client: httpx.AsyncClient):
    await client.get("/v1/leads/ld_secretsecret")

    metrics = (await client.get("/metrics")).text

    assert 'route="/v1/leads/{lead_id}"' in metrics
    assert "tendril_api_events" in metrics
    assert "ld_secretsecret" not in metrics
