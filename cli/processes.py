"""``tendril api``, ``tendril worker``, ``tendril migrate``: one process of a deployment each."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import asyncpg
from typer import Option, echo

from cli.settings import read_settings
from domain.clock import ScaledClock
from domain.errors import Refused
from runtime.embedded.ports import require_free
from runtime.embedded.where import located
from runtime.settings import Settings
from storage import deployment
from storage.database import Database
from storage.schema import require_fitting

#: Seconds that open requests get when the API stops.
_LAST_REQUESTS = 3


def api(
    port: Annotated[int | None, Option(help="Port to listen on (8000).")] = None,
    host: Annotated[str | None, Option(help="Address to listen on (127.0.0.1).")] = None,
) -> None:
    """Run the API alone, against the database and Temporal that the settings name."""
    settings = located(read_settings(api_port=port, api_host=host))
    require_free(settings.api_port, "API", "--port")
    _run(_serve(settings))


def worker() -> None:
    """Run the worker alone, against the database and Temporal that the settings name."""
    from runtime.worker import run_worker  # noqa: PLC0415 - as below

    _run(run_worker(located(read_settings())))
    sys.stdout.flush()
    sys.stderr.flush()
    # The SDK's own threads can crash the interpreter while it winds down (temporalio/sdk-python#300).
    os._exit(0)


def migrate(
    playbook: Annotated[Path | None, Option(help="Also put this playbook directory in force for new journeys.")] = None,
) -> None:
    """Bring the database's tables to this build's version. Safe to run again, and by several at once."""
    settings = located(read_settings())
    _run(_migrate(settings, playbook))
    echo("The database is up to date.")


async def _serve(settings: Settings) -> None:
    # Read here: at the top they would take half of the time of every other command of the CLI.
    import uvicorn  # noqa: PLC0415

    from api.app import create_app  # noqa: PLC0415
    from runtime import temporal, tracing  # noqa: PLC0415
    from runtime.collecting import spare_the_collector  # noqa: PLC0415
    from runtime.link_secret import require_secret  # noqa: PLC0415
    from runtime.logs import configure_logging  # noqa: PLC0415
    from runtime.patience import patiently  # noqa: PLC0415
    from runtime.telemetry import watch_loop, watch_pool  # noqa: PLC0415

    require_secret(settings)
    configure_logging(settings)
    tracing.start(settings, "tendril-api")
    async with AsyncExitStack() as stack:
        database, clock = await patiently(lambda: _ready(settings, stack), "PostgreSQL")
        client = await temporal.connect(settings, lazy=True)
        app = create_app(settings, database, client, clock)
        config = uvicorn.Config(
            tracing.requests(app),
            host=settings.api_host,
            port=settings.api_port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_graceful_shutdown=_LAST_REQUESTS,
        )
        watch_pool(database.pool)
        measuring = asyncio.create_task(watch_loop())
        spare_the_collector()
        await uvicorn.Server(config).serve()
        measuring.cancel()
    tracing.stop()


async def _ready(settings: Settings, stack: AsyncExitStack) -> tuple[Database, ScaledClock]:
    """Raises what waiting does not mend, as a wrong password or a schema that does not fit."""
    async with AsyncExitStack() as opened:
        database = await opened.enter_async_context(_database(settings))
        await require_fitting(database.pool)
        clock = await deployment.clock(database)
        await stack.enter_async_context(opened.pop_all())
    return database, clock


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    database = await Database.connect(settings.database_url, max_size=settings.database_pool)
    try:
        yield database
    finally:
        await database.close()


async def _migrate(settings: Settings, playbook: Path | None) -> None:
    from runtime.playbooks import put_in_force  # noqa: PLC0415 - as above
    from storage import migrate as migrations  # noqa: PLC0415

    migrations.upgrade(settings.database_url)
    if playbook is not None:
        async with _database(settings) as database:
            clock = await deployment.clock(database)
            await put_in_force(database, playbook, clock.from_real(datetime.now(UTC)))


def _run(process: Coroutine[Any, Any, None]) -> None:
    """Run a process to its end. A database that can't be reached is one line, not a stack trace."""
    import uvloop  # noqa: PLC0415 - as above

    try:
        uvloop.run(process)
    except (OSError, asyncpg.PostgresError) as error:
        raise Refused(f"The database can't be used: {error}.", "See that TENDRIL_DATABASE_URL is right.") from error
