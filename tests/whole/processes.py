"""Real processes for a test: started, waited for, killed by their ids, and none left at the end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias, TypeVar

from runtime.embedded.children import Program, _dies_with_parent, as_user, last_line
from runtime.embedded.plan import ROOT
from tests.fixtures.forked import Forked

Process: TypeAlias = "subprocess.Popen[bytes] | Forked"
T = TypeVar("T")
#: Generous: a machine may be busy with other tests. Nothing waits this long unless something is broken.
PATIENCE = 90.0


async def eventually(look: Callable[[], Awaitable[T | None]], otherwise: str, within: float = PATIENCE) -> T:
    """What ``look`` gives as soon as it is something. Failures to look (a server that is down) count as nothing."""
    deadline, problem = time.monotonic() + within, ""
    while True:
        found = None
        try:
            found = await look()
        except AssertionError:
            raise
        except Exception as error:  # noqa: BLE001 whatever is wrong may pass
            problem = f" ({type(error).__name__}: {error})"
        if found:
            return found
        assert time.monotonic() < deadline, otherwise + problem
        await asyncio.sleep(0.03)


class Processes:
    """Children of the test. Each is killed by the kernel too, should the test itself be killed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._running: list[tuple[Program, Process]] = []

    async def serve(self, program: Program) -> Process:
        """Start a program and wait until it works; started again as its supervisor would, should it not come up."""
        process = self.start(program)

        async def works() -> bool:
            nonlocal process
            if process.poll() is not None:
                process = self.start(program)
            return await program.healthy()

        try:
            await eventually(works, f"{program.name} does not come up")
        except AssertionError as error:
            raise AssertionError(f"{error}: {last_line(self.log(program.name))}") from None
        return process

    def start(self, program: Program) -> Process:
        if program.before is not None:
            program.before()
        process = self._forked(program) if program.command[0] == sys.executable else self._spawned(program)
        self._running.append((program, process))
        return process

    def _forked(self, program: Program) -> Process:
        """Of ours: what it imports is there already."""
        return Forked(program.command[1:], _environment() | dict(program.environment), self.log(program.name))

    def _spawned(self, program: Program) -> Process:
        with self.log(program.name).open("ab") as log:
            return subprocess.Popen(
                program.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=_environment() | dict(program.environment),
                start_new_session=True,
                **as_user(program.user),
                preexec_fn=_dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 calls nothing but prctl
            )

    def log(self, name: str) -> Path:
        return self.home / f"{name}.log"

    def stop_all(self) -> None:
        """Killed, the last started first: nothing of theirs is kept. PostgreSQL may give its shared memory back."""
        for program, process in reversed(self._running):
            (stop if program.stop is signal.SIGINT else kill)(process)
        self._running.clear()


def kill(process: Process) -> None:
    """kill -9, and its children with it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)


def stop(process: Process) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
    kill(process)


def python(name: str, *arguments: str, environment: dict[str, str], healthy: Callable[[], Awaitable[bool]]) -> Program:
    return Program(name=name, command=[sys.executable, *arguments], healthy=healthy, environment=environment)


def _environment() -> dict[str, str]:
    """The machine's, without anybody's settings of Tendril."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TENDRIL_")}
