"""A server of each kind on empty data, for one measure, and processes of the bench beside them."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import psutil
from temporalio.client import Client

from runtime.embedded.children import Program, as_user
from runtime.embedded.ports import any_free
from runtime.embedded.postgres import EmbeddedPostgres
from runtime.embedded.temporal import temporal_program
from runtime.settings import Settings
from runtime.temporal import connect, register_search_attributes
from storage.database import Database
from storage.migrate import upgrade

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Stack:
    """Servers, their settings and where their data are."""

    settings: Settings
    database: Database
    client: Client
    directory: Path
    servers: tuple[psutil.Process, psutil.Process]

    @property
    def temporal_file(self) -> Path:
        return self.directory / "temporal.db"

    def disk(self) -> int:
        """Bytes on disk of both servers' data, after a checkpoint."""
        files = [path for path in self.directory.rglob("*") if path.is_file() and "pg_wal" not in path.parts]
        return sum(path.stat().st_size for path in files)

    def cpu(self, worker: psutil.Process) -> dict[str, float]:
        """Seconds of processor time so far: ``Temporal``, ``PostgreSQL``, ``worker``, and ``client`` (this process)."""
        spent = {"Temporal": 0.0, "PostgreSQL": 0.0, "worker": 0.0, "client": _seconds(psutil.Process())}
        spent["worker"] = _seconds(worker)
        spent["Temporal"] = _seconds(self.servers[1])
        postgres = self.servers[0]
        with suppress(psutil.Error):
            spent["PostgreSQL"] = sum(map(_seconds, (postgres, *postgres.children())))
        return spent

    @contextmanager
    def worker(self, which: str, *arguments: object) -> Iterator[psutil.Process]:
        """``bench.worker`` with these settings, stopped at the end."""
        with self._running(which, "bench.worker", which, *map(str, arguments)) as process:
            yield process

    @asynccontextmanager
    async def serving(self, module: str, *arguments: str) -> AsyncIterator[int]:
        """A Python module that serves HTTP on the port that is its last argument; the port, once it listens."""
        port = any_free()
        with self._running(module, module, *arguments, str(port)):
            await _listens(port)
            yield port

    @contextmanager
    def _running(self, name: str, module: str, *arguments: str) -> Iterator[psutil.Process]:
        given = self.settings.model_dump(
            include={"database_url", "temporal_address", "worker_cached_workflows", "tracking_rate"}
        )
        environment = os.environ | {f"TENDRIL_{setting.upper()}": str(value) for setting, value in given.items()}
        log = (self.directory / f"{name}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], env=environment, cwd=ROOT, stdout=log, stderr=log
        )
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()
            process.wait()
            log.close()


@asynccontextmanager
async def stack(**changes: object) -> AsyncIterator[Stack]:
    """PostgreSQL and Temporal on fresh data in a temporary directory, gone at the end."""
    directory = Path(tempfile.mkdtemp(prefix="tendril-bench-"))
    directory.chmod(0o755)
    postgres = EmbeddedPostgres(directory / "postgres")
    postgres.prepare()
    port, ui_port = any_free(), any_free()
    temporal = temporal_program(directory / "temporal.db", port=port, ui_port=ui_port)
    started = [await _start(postgres.program(), directory), await _start(temporal, directory)]
    try:
        await postgres.create_database()
        await asyncio.to_thread(upgrade, postgres.url())
        settings = Settings.model_validate(
            {"database_url": postgres.url(), "temporal_address": f"127.0.0.1:{port}", **changes}
        )
        database = await Database.connect(settings.database_url)
        client = await connect(settings)
        await register_search_attributes(client)
        servers = (psutil.Process(started[0].pid), psutil.Process(started[1].pid))
        yield Stack(settings, database, client, directory, servers)
        await database.close()
    finally:
        for process, number in zip(reversed(started), (signal.SIGTERM, signal.SIGINT), strict=True):
            process.send_signal(number)
        for process in started:
            process.wait(20)
        shutil.rmtree(directory, ignore_errors=True)


async def _listens(port: int) -> None:
    deadline = monotonic() + 60
    while monotonic() < deadline:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


async def _start(program: Program, directory: Path) -> "subprocess.Popen[bytes]":
    log = (directory / f"{program.name}.log").open("wb")
    process = subprocess.Popen(program.command, stdout=log, stderr=log, **as_user(program.user))
    deadline = monotonic() + 60
    while monotonic() < deadline:
        with suppress(Exception):
            if await program.healthy():
                return process
        await asyncio.sleep(0.1)
    raise RuntimeError(f"{program.name} did not come up")


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
