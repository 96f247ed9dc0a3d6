"""Two API processes, three workers, PostgreSQL, Temporal and the sandbox: each can die and come back by itself."""

import asyncio
import logging
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from temporalio.client import Client

from domain.clock import ScaledClock
from domain.playbook.models import Playbook
from runtime.embedded import ports
from runtime.embedded.children import Program
from runtime.embedded.plan import environment
from runtime.embedded.postgres import DATABASE, EmbeddedPostgres
from runtime.embedded.temporal import temporal_program
from runtime.settings import Settings
from runtime.temporal import connect, prepare_namespace
from storage import deployment, keys, playbooks
from storage.database import Database
from storage.migrate import upgrade
from tests.chaos import witness
from tests.chaos.disk import Disk
from tests.chaos.forwarders import Forwarder, to_port, to_socket
from tests.chaos.kept import Kept, Supervisor
from tests.whole.processes import Processes, eventually, python
from tests.whole.stack import _settings

WORKERS, APIS = ("worker-1", "worker-2", "worker-3"), ("api-1", "api-2")
SERVERS = ("postgres", "temporal", "sandbox")
#: Exit codes of a process that was asked to leave: uvicorn raises the signal again at its end, and whoever has only
#: just been started does not hear it yet.
_IN_ORDER = (0, -signal.SIGTERM)
#: Megabytes of the disk that PostgreSQL has, and how it keeps its log of changes small enough for that.
_DISK, _WAL = 1024, {"max_wal_size": "192MB", "min_wal_size": "32MB"}


@dataclass
class Scene:
    """All of it, while it runs. ``settings`` and the clients here go to the servers themselves; processes reach
    PostgreSQL, Temporal and the mail server through ``network``.
    """

    home: Path
    settings: Settings
    processes: Processes
    disk: Disk
    kept: dict[str, Kept]
    supervisor: Supervisor
    network: dict[str, Forwarder]
    database: Database
    client: Client
    clock: ScaledClock
    sandbox: httpx.AsyncClient
    apis: dict[str, httpx.AsyncClient]
    left_badly: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        """Deployment time."""
        return self.clock.from_real(datetime.now(UTC))

    async def healthy(self, *names: str, within: float = 90) -> None:
        """Wait until these processes (all of them by default) work. Raises ``AssertionError`` when one never does."""
        for name in names or tuple(self.kept):
            await eventually(self.kept[name].program.healthy, f"{name} does not come back", within)

    async def jump(self, hours: float) -> None:
        """The deployment's clock moves forward, and every process reads it anew."""
        further = timedelta(hours=hours)
        await self._set_clock(
            lambda: replace(self.clock, virtual_anchor=self.clock.virtual_anchor + further), *WORKERS, *APIS
        )

    async def slow_down(self) -> None:
        """From now on deployment time passes as real time does: nothing falls due for a while. Nobody talks to the
        API any more, whose processes stay as they are.
        """

        def slow() -> ScaledClock:
            real = datetime.now(UTC)
            return ScaledClock(1.0, real, self.clock.from_real(real))

        await self._set_clock(slow, *WORKERS)

    async def _set_clock(self, wanted: Callable[[], ScaledClock], *names: str) -> None:
        """Stop these processes in good order, set it, start them again and wait until they work."""
        ours = [self.kept[name] for name in names]
        for one, code in zip(ours, await asyncio.gather(*(one.leave() for one in ours)), strict=True):
            if code not in _IN_ORDER:
                self.left_badly.append(f"{one.name} left with {code} when it was asked to stop")
        self.clock = wanted()
        await deployment.anchor_clock(self.database, self.clock)
        for one in ours:
            one.start()
        await self.healthy(*names)

    def heal(self) -> None:
        """Whatever is broken on purpose is mended; what is down is started."""
        self.disk.free()
        for forwarder in self.network.values():
            forwarder.heal()
        for one in self.kept.values():
            one.go_on()
            if not one.wanted:
                one.start()


@asynccontextmanager
async def scene(playbook: Playbook, scale: float) -> AsyncIterator[Scene]:
    """Everything running, with a playbook in force and a clock ``scale`` times as fast. All ends with the block."""
    with tempfile.TemporaryDirectory(prefix="tendril-chaos-", ignore_cleanup_errors=True) as directory:
        home = Path(directory)
        disk, processes = Disk(home / "disk", _DISK), Processes(home)
        try:
            async with _running(home, disk, processes, playbook, scale) as running:
                yield running
        finally:
            processes.stop_all()
            disk.unmount()


@asynccontextmanager
async def _running(
    home: Path, disk: Disk, processes: Processes, playbook: Playbook, scale: float
) -> AsyncIterator[Scene]:
    postgres = EmbeddedPostgres(disk.place / "postgres")
    direct = _settings(postgres.url(), home)
    network = _network(direct, str(disk.place / "postgres"))
    for forwarder in network.values():
        await forwarder.open()
    kept = {name: Kept(program, processes) for name, program in _servers(home, direct, postgres).items()}
    supervisor, database = await _served(kept, postgres, direct)
    watching = asyncio.create_task(supervisor.run())
    clock = await deployment.set_clock(database, scale, datetime.now(UTC))
    await playbooks.store(database, playbook, clock.from_real(datetime.now(UTC)), default=True)
    client = await connect(direct)
    theirs = _through(direct, network)
    kept |= {name: Kept(program, processes) for name, program in _ours(theirs).items()}
    key = await keys.create(database, "chaos", ["read", "write", "operate"])
    apis = {name: _http(_port_of(kept[name]), key) for name in APIS}
    playing = Scene(
        home,
        direct,
        processes,
        disk,
        kept,
        supervisor,
        network,
        database,
        client,
        clock,
        _http(direct.inbox_port),
        apis,
    )
    for name in (*WORKERS, *APIS):
        kept[name].start()
    try:
        await playing.healthy()
        yield playing
    finally:
        playing.heal()
        watching.cancel()
        for forwarder in network.values():
            forwarder.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(database.close(), 5)


async def _served(kept: dict[str, Kept], postgres: EmbeddedPostgres, direct: Settings) -> tuple[Supervisor, Database]:
    """The servers run and are ready for our processes."""
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)  # of our own pool, whose server dies and comes back
    await asyncio.to_thread(postgres.prepare)
    for one in kept.values():
        one.start()
    await eventually(kept["postgres"].program.healthy, "PostgreSQL does not come up")
    await postgres.create_database()
    await asyncio.to_thread(upgrade, postgres.url())
    database = await Database.connect(postgres.url(), max_size=4)
    await witness.install(database)
    await eventually(kept["sandbox"].program.healthy, "the sandbox does not come up")

    async def prepared() -> bool:
        await prepare_namespace(await connect(direct), direct)
        return True

    await eventually(prepared, "Temporal's namespace can't be prepared")
    return Supervisor(kept), database


def _servers(home: Path, direct: Settings, postgres: EmbeddedPostgres) -> dict[str, Program]:
    async def inbox_answers() -> bool:
        async with _http(direct.inbox_port) as client:
            return (await client.get("/api/messages", params={"limit": 0})).is_success

    listening = ("--port", str(direct.inbox_port), "--smtp-port", str(direct.smtp_port))
    sandbox = ("-m", "sandbox", *listening, "--data", str(home / "sandbox"))
    database, tuned = postgres.program(), [part for name, value in _WAL.items() for part in ("-c", f"{name}={value}")]
    return {
        "postgres": replace(database, command=[*database.command, *tuned]),
        "temporal": temporal_program(home / "temporal.db", port=direct.temporal_port, ui_port=direct.temporal_ui_port),
        "sandbox": python("sandbox", *sandbox, environment={}, healthy=inbox_answers),
    }


def _network(direct: Settings, sockets: str) -> dict[str, Forwarder]:
    return {
        "postgres": Forwarder(ports.any_free(), to_socket(f"{sockets}/.s.PGSQL.5432")),
        "temporal": Forwarder(ports.any_free(), to_port(direct.temporal_port)),
        "smtp": Forwarder(ports.any_free(), to_port(direct.smtp_port)),
    }


def _through(direct: Settings, network: dict[str, Forwarder]) -> Settings:
    """The settings of our processes: each server behind its forwarder."""
    url = f"postgresql://postgres@127.0.0.1:{network['postgres'].port}/{DATABASE}?sslmode=disable"
    places = {
        "database_url": url,
        "temporal_address": f"127.0.0.1:{network['temporal'].port}",
        "smtp_port": network["smtp"].port,
        "crm_interval": 2.0,
        "worker_drain": 8.0,
        "log_format": "console",
    }
    return Settings.model_validate({name: getattr(direct, name) for name in direct.model_fields_set} | places)


def _ours(theirs: Settings) -> dict[str, Program]:
    workers = {name: _program(name, theirs, "metrics_port", "worker.py") for name in WORKERS}
    return workers | {name: _program(name, theirs, "api_port", "-m", "cli", "api") for name in APIS}


def _program(name: str, theirs: Settings, listens: str, *command: str) -> Program:
    """One that listens on a port of its own, by which it is asked whether it works."""
    port = theirs.api_port if name == APIS[0] else ports.any_free()
    path = "/healthz" if listens == "api_port" else "/readyz"

    async def answers() -> bool:
        async with _http(port) as client:
            return (await client.get(path)).is_success

    settled = environment(theirs) | {f"TENDRIL_{listens.upper()}": str(port)}
    return python(name, *command, environment=settled, healthy=answers)


def _port_of(kept: Kept) -> int:
    return int(kept.program.environment["TENDRIL_API_PORT"])


def _http(port: int, key: str = "") -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=12, headers=headers)
