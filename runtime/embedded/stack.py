"""The stack of ``tendril up``: its parts, in the order in which they need each other."""

import asyncio
import sys
from dataclasses import dataclass, field

import httpx

from domain.clock import ScaledClock
from runtime import temporal
from runtime.embedded import ports
from runtime.embedded.children import Health, Program
from runtime.embedded.clock import ClockFile, continued, real_now
from runtime.embedded.datadir import DataDirectory
from runtime.embedded.plan import (
    ROOT,
    Options,
    clock_scale,
    environment,
    owns_postgres,
    owns_temporal,
    settle,
)
from runtime.embedded.postgres import EmbeddedPostgres
from runtime.embedded.supervisor import Supervisor
from runtime.embedded.temporal import temporal_program
from runtime.encryption import payload_keys
from runtime.link_secret import require_secret
from runtime.mail_in import embedded_port
from runtime.playbooks import put_in_force, read_directory
from runtime.settings import Settings
from storage import deployment, migrate
from storage.database import Database

_CLOCK_NOTED_EVERY = 2.0


@dataclass
class Stack:
    """Everything that one ``tendril up`` runs. ``database`` and ``clock`` are there once PostgreSQL is."""

    directory: DataDirectory
    given: Settings
    options: Options
    supervisor: Supervisor = field(init=False)
    settings: Settings = field(init=False)
    database: Database | None = None
    clock: ScaledClock = field(default_factory=ScaledClock)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._postgres = EmbeddedPostgres(self.directory.postgres)
        url = self._postgres.url() if owns_postgres(self.given) else self.given.database_url
        self.settings = settle(self.given, self.options, self.directory, url)
        self.supervisor = Supervisor(self.directory, addresses(self.settings))

    def require_all(self) -> None:
        """Look for what could be in the way before anything starts. Raises ``Refused`` for the first that is."""
        require_secret(self.settings)
        self._require_ports()
        if owns_postgres(self.given):
            self._postgres.check()
        if owns_temporal(self.given):
            self._temporal()
        read_directory(self.options.playbook)

    def _require_ports(self) -> None:
        given = self.given
        ports.require_free(given.api_port, "API and console", "--api-port")
        if owns_temporal(given):
            ports.require_free(given.temporal_port, "Temporal", "--temporal-port")
            ports.require_free(given.temporal_ui_port, "Temporal UI", "--ui-port")
        ports.require_free(given.inbox_port, "inbox and sandbox vendors", "--inbox-port")
        ports.require_free(self.settings.smtp_port, "the inbox's SMTP", "--smtp-port")
        if imap := embedded_port():
            ports.require_free(imap, "the inbox's IMAP", "TENDRIL_IMAP_PORT")

    async def start(self) -> None:
        """Bring everything up, in order. Raises ``Refused`` when a part can't be."""
        await self._start_postgres()
        await self._start_temporal()
        await self._apply_playbook()
        await self.supervisor.start(self._sandbox())
        await asyncio.gather(self.supervisor.start(self._worker()), self.supervisor.start(self._api()))
        if self.options.demo:
            await self.supervisor.start(self._visitors())
        if payload_keys(self.given) and not self.settings.demo:
            sign_in = f"http://127.0.0.1:{self.settings.api_port}/codec/sign-in"
            self.supervisor.tell(f"payloads are encrypted: to read them in the Temporal UI, sign in at {sign_in}")

    async def close(self) -> None:
        """Stop everything; the clock's last time is noted first."""
        if self.database is not None:
            ClockFile(self.directory.clock).note(self.clock, real_now())
            await self.database.close()
        await self.supervisor.stop()
        self.closed.set()

    async def _start_postgres(self) -> None:
        if owns_postgres(self.given):
            await asyncio.to_thread(self._postgres.prepare)
            await self.supervisor.start(self._postgres.program())
            await self._postgres.create_database()
        await asyncio.to_thread(migrate.upgrade, self.settings.database_url)
        self.database = await Database.connect(self.settings.database_url, max_size=3)
        await self._set_clock(self.database)

    async def _set_clock(self, database: Database) -> None:
        file = ClockFile(self.directory.clock)
        self.clock = continued(clock_scale(self.given, self.options), file.last_known(), real_now())
        await deployment.anchor_clock(database, self.clock)
        self.supervisor.spawn(self._note_clock(file))

    async def _note_clock(self, file: ClockFile) -> None:
        while True:
            file.note(self.clock, real_now())
            await asyncio.sleep(_CLOCK_NOTED_EVERY)

    async def _start_temporal(self) -> None:
        if owns_temporal(self.given):
            await self.supervisor.start(self._temporal())
        client = await temporal.connect(self.settings)
        await temporal.prepare_namespace(client, self.settings)

    async def _apply_playbook(self) -> None:
        assert self.database is not None  # noqa: S101 - PostgreSQL is started first
        now = self.clock.from_real(real_now())
        playbook = await put_in_force(self.database, self.options.playbook, now)
        self.supervisor.tell(f"playbook {playbook.name} applies to new journeys")

    def _temporal(self) -> Program:
        given = self.given
        codec = f"http://127.0.0.1:{given.api_port}/codec" if payload_keys(given) else ""
        return temporal_program(
            self.directory.temporal, port=given.temporal_port, ui_port=given.temporal_ui_port, codec=codec
        )

    def _sandbox(self) -> Program:
        settings = self.settings
        listens = ["--port", str(settings.inbox_port), "--smtp-port", str(settings.smtp_port)]
        listens += ["--imap-port", str(embedded_port())]
        arguments = ["-m", "sandbox", *listens, "--data", str(self.directory.sandbox)]
        return self._python("sandbox", arguments, _answering(settings.inbox_port, "/"), service=True)

    def _worker(self) -> Program:
        port = self.settings.metrics_port or ports.any_free()
        healthy = _answering(port, "/readyz")
        return self._python("worker", [str(ROOT / "worker.py")], healthy, TENDRIL_METRICS_PORT=str(port))

    def _api(self) -> Program:
        return self._python("api", ["-m", "cli", "api"], _answering(self.settings.api_port, "/healthz"))

    def _visitors(self) -> Program:
        return self._python("visitors", ["-m", "runtime.embedded.demo"], _always)

    def _python(
        self, name: str, arguments: list[str], healthy: Health, *, service: bool = False, **more: str
    ) -> Program:
        return Program(
            name=name,
            command=[sys.executable, *arguments],
            healthy=healthy,
            environment=environment(self.settings) | more,
            service=service,
        )


def addresses(settings: Settings) -> dict[str, str]:
    """Where people, and other commands, find the parts."""
    return {
        "api": settings.public_url,
        "temporal_ui": settings.temporal_ui_url or settings.temporal_address,
        "inbox": f"http://127.0.0.1:{settings.inbox_port}",
        "smtp_port": str(settings.smtp_port),
        "vendors": f"http://127.0.0.1:{settings.inbox_port}/vendors",
        "temporal_address": settings.temporal_address,
        "database_url": settings.database_url,
    }


def _answering(port: int, path: str) -> Health:
    """Healthy is: answers an HTTP request, whatever the answer, as long as it is not a server error."""

    async def answers() -> bool:
        async with httpx.AsyncClient(timeout=4) as client:
            return not (await client.get(f"http://127.0.0.1:{port}{path}")).is_server_error

    return answers


async def _always() -> bool:
    return True
