"""The API with a real Temporal, a worker that decides, and a relay: what commands need."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.deciding import Deciding
from api.app import create_app
from domain.clock import ScaledClock
from runtime.relay import Relay
from runtime.settings import Settings
from storage.database import Database
from storage.journeys import PgJourneys
from storage.playbooks import PgPlaybooks
from tests.api.conftest import client_of
from workflows.lead_journey import LeadJourney

CLOCK = ScaledClock()
_DEADLINE = 60.0


@asynccontextmanager
async def working(client: Client, database: Database, settings: Settings) -> AsyncIterator[None]:
    """Journeys begin and decide in here. Nothing is sent: touches wait for a worker that can."""
    deciding = Deciding(PgJourneys(database), PgPlaybooks(database), CLOCK)
    worker = Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[LeadJourney],
        activities=[deciding.decide],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    relay = Relay(database, client, CLOCK, settings)
    async with worker:
        running = asyncio.create_task(relay.run())
        yield
        relay.stop()
        await running


@asynccontextmanager
async def served(
    client: Client | None, database: Database, settings: Settings, key: str
) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(settings, database, client, CLOCK)) as http:
        http.headers["Authorization"] = f"Bearer {key}"
        yield http


async def eventually(what: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it is so. Fails after a deadline."""
    async with asyncio.timeout(_DEADLINE):
        while not await what():  # noqa: ASYNC110 - a database and a server have no event to wait for
            await asyncio.sleep(0.02)


async def begun(http: httpx.AsyncClient, database: Database, email: str = "ann@acme.example") -> str:
    """A lead whose journey has made its first decision."""
    lead: str = (await http.post("/v1/leads", json={"email": email})).json()["id"]

    async def decided() -> bool:
        query = "select decision_number > 0 from journey where lead_id = $1"
        return bool(await database.pool.fetchval(query, lead))

    await eventually(decided)
    return lead
