"""The API, put together: problems, limits, measures, and a router for each noun."""

from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from temporalio.client import Client

from api import about, problems
from api.codec import CodecServer, FromTemporalUi
from api.context import ApiContext
from api.declared import AsDeclared
from api.heads import Heads
from api.keyring import Keyring
from api.limits import BodyLimit
from api.metrics import Measured
from api.quick import Quick
from api.rates import KeyRates
from api.routers import (
    audiences,
    audit,
    cloud_events,
    codec,
    commands,
    console,
    dead_letters,
    forms,
    handoffs,
    health,
    journeys,
    leads,
    links,
    merges,
    operations,
    people,
    playbooks,
    preferences,
    questions,
    retractions,
    tracking,
    unsubscribe,
    webhooks,
)
from api.segment import SegmentDialect
from api.services.accepting import ALONE, Accepting
from api.specification import Specified
from domain.clock import ScaledClock
from runtime.inbound import inbounds
from runtime.settings import Settings
from storage.database import Database
from storage.playbooks import PgPlaybooks

_DESCRIPTION = """
Tendril runs B2B lead nurturing as durable journeys. Leads come in here, behaviour comes in here, and every decision
that followed can be read here, with its reasons.

**Keys.** Send `Authorization: Bearer KEY`. A key has scopes: `read`, `write` (leads and behaviour), `operate`
(commands and handoffs), `track` (behaviour, from pages that everybody can read), `decode` (what is encrypted in
Temporal). Make one with `tendril keys create NAME --scope read --scope write`.

**Errors** are `application/problem+json` (RFC 9457) and say what to do in `remedy`.

**Times** are ISO-8601 in UTC, on the deployment's clock, which a demo runs faster than the wall clock: answers that
show times show the clock's scale beside them.
"""
_TAGS = [
    {"name": "leads", "description": "People, and their way into a journey."},
    {"name": "tracking", "description": "Behaviour, in the shape of Segment's HTTP API."},
    {"name": "webhooks", "description": "What vendors tell."},
    {"name": "journeys", "description": "Where everyone is, and why."},
    {"name": "commands", "description": "What an operator tells a journey."},
    {"name": "operations", "description": "Commands to many journeys, and the log of what operators did."},
    {"name": "handoffs", "description": "Leads given to sales, and the sellers' answers."},
    {"name": "playbooks", "description": "What is in force, its versions, and what differs between them."},
    {"name": "codec", "description": "Temporal's payloads, decrypted for its UI and CLI."},
    {"name": "health", "description": "For probes and Prometheus; no key."},
]
#: Behaviour first: it comes most often, and routes are tried in this order.
_ROUTERS = (
    tracking,
    leads,
    people,
    merges,
    journeys,
    cloud_events,
    forms,
    webhooks,
    dead_letters,
    retractions,
    audit,
    audiences,
    commands,
    operations,
    handoffs,
    playbooks,
    health,
    unsubscribe,
    preferences,
    questions,
    links,
    codec,
    console,
)


def create_app(settings: Settings, database: Database, temporal: Client | None, clock: ScaledClock) -> FastAPI:
    """The API over parts that the caller opened and will close. Without ``temporal`` commands answer 503."""
    app = Specified(
        title="Tendril",
        version="0.1.0",
        summary="Lead nurturing as durable, explainable software.",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        dependencies=[Depends(about.of_path)],
        docs_url=None,  # FastAPI's page loads scripts from elsewhere: blank offline, and against our own policy
        redoc_url=None,
    )
    half = max(1, database.pool.get_max_size() // 2)
    rates, accepting = KeyRates(settings.tracking_rate, half - ALONE.groups), Accepting(database, half)
    keyring, playbooks_read = Keyring(database), PgPlaybooks(database)
    app.state.context = ApiContext(settings, database, temporal, clock, keyring, rates, accepting, playbooks_read)
    app.state.inbounds = inbounds()
    app.state.codec = CodecServer(settings)
    problems.install(app)
    for module in _ROUTERS:
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_middleware(BodyLimit)
    app.add_middleware(Measured)
    app.add_middleware(Heads)
    app.add_middleware(FromTemporalUi, settings=settings)
    app.add_middleware(SegmentDialect)
    app.add_middleware(AsDeclared)
    app.add_middleware(Quick, routes=[route for route in tracking.router.routes if isinstance(route, APIRoute)])
    return app
