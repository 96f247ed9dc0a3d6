"""The whole stack as its processes: PostgreSQL, Temporal, sandbox, worker, API. Tests talk to it as the world does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client, WorkflowHandle

from domain.clock import ScaledClock
from domain.playbook.models import Playbook
from runtime.embedded import ports
from runtime.embedded.plan import environment
from runtime.embedded.temporal import temporal_program
from runtime.settings import Settings
from runtime.temporal import connect, prepare_namespace
from storage import deployment, keys, playbooks
from storage.database import Database
from storage.leads import LeadInput, upsert
from tests.whole.processes import PATIENCE, Process, Processes, eventually, python
from workflows.messages import JourneyEnd, workflow_id

REAL = ScaledClock()


@dataclass
class Stack:
    """Running servers, and how to start the processes that use them."""

    processes: Processes
    settings: Settings
    database: Database
    clock: ScaledClock
    sandbox: httpx.AsyncClient
    api: httpx.AsyncClient
    temporal_program: Any
    temporal: Process
    running: dict[str, Process] = field(default_factory=dict)
    _client: Client | None = None

    def now(self) -> datetime:
        """Deployment time."""
        return self.clock.from_real(datetime.now(UTC))

    # --- processes ---------------------------------------------------------------------------------------------

    def start_worker(self, *command: str, **variables: str) -> Process:
        """A worker, not waited for: tests wait for what it does."""
        program = python(
            "worker", *(command or ("worker.py",)), environment=environment(self.settings) | variables, healthy=_always
        )
        self.running["worker"] = self.processes.start(program)
        return self.running["worker"]

    async def serve_api(self, **variables: str) -> None:
        async def answers() -> bool:
            return (await self.api.get("/healthz")).is_success

        settled = environment(self.settings) | variables
        program = python("api", "-m", "cli", "api", environment=settled, healthy=answers)
        self.running["api"] = await self.processes.serve(program)

    async def start_api(self, **variables: str) -> None:
        """The API, and a key for it."""
        await self.serve_api(**variables)
        self.api.headers["Authorization"] = "Bearer " + await keys.create(
            self.database, "whole", ["read", "write", "operate"]
        )

    async def client(self) -> Client:
        if self._client is None:
            self._client = await connect(self.settings, lazy=True)
        return self._client

    # --- what happened -----------------------------------------------------------------------------------------

    async def enrol(self, email: str = "ada@acme.example", **profile: Any) -> str:
        return (await upsert(self.database, LeadInput(email=email, **profile), self.now())).lead_id

    async def journey(self, lead: str) -> WorkflowHandle[Any, JourneyEnd]:
        return (await self.client()).get_workflow_handle(workflow_id(lead), result_type=JourneyEnd)

    async def mails(self, to: str = "") -> list[dict[str, Any]]:
        """What arrived for an address, oldest first."""
        answer = (await self.sandbox.get("/api/messages", params={"to": to, "limit": 10_000})).json()
        return list(reversed(answer["items"]))

    async def mail_arrives(self, to: str, number: int = 1) -> dict[str, Any]:
        """The ``number``-th message to an address, whole."""

        async def there() -> list[dict[str, Any]] | None:
            found = await self.mails(to)
            return found if len(found) >= number else None

        found = await eventually(there, f"mail {number} to {to} never arrived")
        message: dict[str, Any] = (await self.sandbox.get(f"/api/messages/{found[number - 1]['number']}")).json()
        return message

    async def repeated(self) -> int:
        """Message-IDs that arrived more than once: Tendril's promise is none."""
        repeated: int = (await self.sandbox.get("/api/messages", params={"limit": 0})).json()["repeated"]
        return repeated

    async def until(self, query: str, *arguments: Any, otherwise: str, within: float = PATIENCE) -> Any:
        """The first value that a query gives, as soon as it is true."""
        return await eventually(lambda: self.database.pool.fetchval(query, *arguments), otherwise, within)

    async def ended(self, lead: str) -> str:
        query = "select ending from journey where lead_id = $1 and ended_at is not null"
        ending: str = await self.until(query, lead, otherwise=f"the journey of {lead} never ended")
        return ending

    async def touches(self, lead: str) -> dict[str, str]:
        """Step → status."""
        rows = await self.database.pool.fetch("select step, status from touch where lead_id = $1", lead)
        return {row["step"]: row["status"] for row in rows}

    async def fails(self, vendor: str, kind: str, **options: Any) -> None:
        (await self.sandbox.post("/_faults", json={"vendor": vendor, "kind": kind, **options})).raise_for_status()

    async def fails_no_more(self) -> None:
        (await self.sandbox.delete("/_faults")).raise_for_status()


@asynccontextmanager
async def whole_stack(
    database_url: str,
    home: Path,
    playbook: Playbook,
    *,
    scale: float = 1.0,
    processes: Processes | None = None,
    dynamic: Sequence[str] = (),
) -> AsyncIterator[Stack]:
    """Temporal and the sandbox on free ports, over a migrated database. Everything ends with the block.

    ``dynamic`` is configuration of the Temporal server beside the embedded stack's own.
    """
    processes = processes or Processes(home)
    settings = _settings(database_url, home)
    try:
        temporal = temporal_program(
            home / "temporal.db", port=settings.temporal_port, ui_port=settings.temporal_ui_port
        )
        extra = [word for value in dynamic for word in ("--dynamic-config-value", value)]
        temporal = replace(temporal, command=[*temporal.command, *extra])
        started, _ = await asyncio.gather(processes.serve(temporal), _serve_sandbox(processes, settings, home))
        database = await Database.connect(database_url, max_size=4)
        clock = await _set_clock(database, scale)
        await playbooks.store(database, playbook, clock.from_real(datetime.now(UTC)), default=True)
        await _prepare(settings)
        async with _http(settings.inbox_port) as sandbox, _http(settings.api_port) as api:
            yield Stack(processes, settings, database, clock, sandbox, api, temporal, started)
        await database.close()
    finally:
        processes.stop_all()


def _settings(database_url: str, home: Path) -> Settings:
    api, temporal, ui, inbox, smtp = (ports.any_free() for _ in range(5))
    sandbox = f"http://127.0.0.1:{inbox}"
    return Settings.model_validate(
        {
            "database_url": database_url,
            "database_pool": 6,
            "data_dir": home,
            "temporal_address": f"127.0.0.1:{temporal}",
            "temporal_port": temporal,
            "temporal_ui_port": ui,
            "reconcile_interval": 1.0,
            # A claim's lease is five seconds longer: an attempt that died is asked about soon.
            "send_timeout": 5.0,
            "worker_drain": 1.0,
            "smtp_host": "127.0.0.1",
            "smtp_port": smtp,
            "smtp_lookup_url": sandbox,
            "inbox_port": inbox,
            "hubspot_base_url": f"{sandbox}/hubspot",
            "linkedin_base_url": f"{sandbox}/linkedin",
            "direct_mail_url": f"{sandbox}/webhooks/direct-mail",
            "alert_url": f"{sandbox}/webhooks/alerts",
            "webhook_lookup_url": f"{sandbox}/webhooks",
            "api_port": api,
            "public_url": f"http://127.0.0.1:{api}",
            "secret": "a-secret-of-this-test",
        }
    )


async def _set_clock(database: Database, scale: float) -> ScaledClock:
    if scale == 1.0:
        return REAL
    return await deployment.set_clock(database, scale, datetime.now(UTC))


async def _serve_sandbox(processes: Processes, settings: Settings, home: Path) -> None:
    async def answers() -> bool:
        async with _http(settings.inbox_port) as client:
            return (await client.get("/api/messages")).is_success

    ports_ = ("--port", str(settings.inbox_port), "--smtp-port", str(settings.smtp_port))
    arguments = ("-m", "sandbox", *ports_, "--data", str(home / "sandbox"))
    await processes.serve(python("sandbox", *arguments, environment={}, healthy=answers))


async def _prepare(settings: Settings) -> None:
    """The dev server answers before its namespace does."""

    async def prepared() -> bool:
        await prepare_namespace(await connect(settings), settings)
        return True

    await eventually(prepared, "the namespace can't be prepared")


def _http(port: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=15)


async def _always() -> bool:
    return True
