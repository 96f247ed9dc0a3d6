"""Whether the process lives, whether it can serve, and what it counts."""

import asyncio
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from api.context import ApiContext, Context
from api.specification import problems
from domain.errors import Refused
from runtime.telemetry import CONTENT_TYPE, metrics_text
from storage.database import Database
from storage.schema import require_fitting

router = APIRouter(tags=["health"])
_PATIENCE_SECONDS = 2.0
#: Proxies and ingress controllers add one of them; who scrapes inside asks this process itself.
_OF_PROXIES = ("x-forwarded-for", "forwarded", "x-real-ip")


class Alive(BaseModel):
    status: Literal["alive"] = "alive"


class Check(BaseModel):
    ok: bool
    detail: str = Field("", description="What is wrong and what to do; empty when nothing is.")


class Readiness(BaseModel):
    ready: bool
    checks: dict[str, Check] = Field(description="database, migrations and temporal.")


@router.get("/healthz", summary="The process is alive")
async def healthz() -> Alive:
    """Answers while the process can answer anything; looks at nothing else."""
    return Alive()


@router.get("/readyz", summary="Everything the API needs is there", responses={503: {"model": Readiness}})
async def readyz(context: Context, response: Response) -> Readiness:
    """Names each thing the API needs and whether it is there; 503 when one is missing."""
    database, temporal = await asyncio.gather(
        _checked(_schema(context.database), "the database", "see that PostgreSQL runs at TENDRIL_DATABASE_URL"),
        _checked(_temporal(context), "Temporal", "see that it runs at TENDRIL_TEMPORAL_ADDRESS"),
    )
    checks = {**_database_checks(database), "temporal": _as_check(temporal)}
    ready = all(check.ok for check in checks.values())
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, checks=checks)


@router.get("/metrics", summary="Counters for Prometheus", response_class=PlainTextResponse, responses=problems(404))
async def metrics(request: Request) -> Response:
    """Prometheus text format. Holds no personal data and no ids. Who comes through a proxy is from outside: 404."""
    if any(name in request.headers for name in _OF_PROXIES):
        raise HTTPException(404)
    return Response(metrics_text(), media_type=CONTENT_TYPE)


async def _checked(asking: Awaitable[str], what: str, remedy: str) -> tuple[bool, str]:
    """(reached, what it said). Anything that goes wrong here is the answer, not an error."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return True, await asking
    except Exception as fault:  # noqa: BLE001 - whatever stops us from asking is what is to be told
        return False, f"{what} can't be reached ({type(fault).__name__}): {remedy}"


def _as_check(outcome: tuple[bool, str]) -> Check:
    reached, said = outcome
    return Check(ok=reached and not said, detail=said)


def _database_checks(outcome: tuple[bool, str]) -> dict[str, Check]:
    reached, said = outcome
    if not reached:
        return {"database": Check(ok=False, detail=said), "migrations": Check(ok=False, detail="not known")}
    return {"database": Check(ok=True), "migrations": Check(ok=not said, detail=said)}


async def _schema(database: Database) -> str:
    """What is wrong with the schema; empty when this build works with it, a newer one included."""
    try:
        await require_fitting(database.pool)
    except Refused as unfit:
        return f"{unfit} {unfit.remedy}"
    return ""


async def _temporal(context: ApiContext) -> str:
    if context.temporal is None:
        return "this API runs without Temporal: commands answer 503"
    healthy = await context.temporal.service_client.check_health()
    return "" if healthy else "Temporal is starting"
