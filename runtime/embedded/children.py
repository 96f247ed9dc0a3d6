"""One child process: started in a group of its own, watched, started again when it dies, stopped when asked."""

import asyncio
import contextlib
import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import Any

from runtime.embedded.identity import Identity

_PR_SET_PDEATHSIG = 1
#: Loaded before any fork: between fork and exec there is no time to look for a library.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_FIRST_DELAY, _LONGEST_DELAY = 0.3, 15.0
#: A child that lived this long, in seconds, has earned a short delay again.
_STEADY = 30.0
_LOG_LIMIT = 20 * 1024 * 1024


#: Asks a program whether it works. Raising counts as no.
Health = Callable[[], Awaitable[bool]]


class Condition(StrEnum):
    """How a child is, in the words of the live view."""

    WAITING = "waiting"
    STARTING = "starting"
    HEALTHY = "healthy"
    SILENT = "not answering"
    DOWN = "restarting"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Program:
    """What to run. ``before`` runs before each start; ``healthy`` is asked each second.

    A ``service`` is used by the others, and stopped after them.
    """

    name: str
    command: Sequence[str]
    healthy: Health
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], None] | None = None
    stop: signal.Signals = signal.SIGTERM
    user: str | None = None
    patience: float = 120.0
    service: bool = False


@dataclass
class Child:
    """A program being kept alive. ``tell`` hears, in words, of every death and every return."""

    program: Program
    log: Path
    tell: Callable[[str], None]
    changed: Callable[[], None]
    condition: Condition = Condition.WAITING
    restarts: int = 0
    identity: Identity | None = None
    _process: asyncio.subprocess.Process | None = None
    _stopping: bool = False
    _started: float = 0.0
    _delay: float = _FIRST_DELAY

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int | None:
        return self.identity.pid if self.identity else None

    async def keep(self) -> None:
        """Run the program until ``stop``; start it again, ever more slowly, when it ends by itself."""
        while not self._stopping:
            code = await self._run_once()
            if self._stopping:
                break
            self.condition, self.restarts = Condition.DOWN, self.restarts + 1
            if monotonic() - self._started > _STEADY:
                self._delay = _FIRST_DELAY
            self.tell(f"{self.name} {ended(code)}; starting it again in {self._delay:.1f} s")
            await asyncio.sleep(self._delay)
            self._delay = min(self._delay * 2, _LONGEST_DELAY)
        self.condition = Condition.STOPPED

    async def check(self) -> None:
        """Ask whether the program works, and keep the answer as the child's condition."""
        if self._process is None or self._process.returncode is not None or self._stopping:
            return
        works = await self._works()
        if self._process is None or self._stopping:
            return
        if works:
            if self.condition is Condition.STARTING and self.restarts:
                self.tell(f"{self.name} is back")
            self.condition = Condition.HEALTHY
        elif self.condition is Condition.HEALTHY:
            self.condition = Condition.SILENT

    def ask_to_stop(self) -> None:
        self._stopping = True
        self._signal(self.program.stop)

    async def stopped(self, deadline: float) -> None:
        """Wait until it has ended; from ``deadline`` (``time.monotonic``) on, kill it."""
        self._stopping = True
        if self._process is not None and self._process.returncode is None:
            try:
                async with asyncio.timeout(max(0.0, deadline - monotonic())):
                    await self._process.wait()
            except TimeoutError:
                self.tell(f"{self.name} did not stop in time and was killed")
                self._signal(signal.SIGKILL)
                await self._process.wait()
        self.condition = Condition.STOPPED

    def kill(self) -> None:
        self._stopping = True
        self._signal(signal.SIGKILL)

    async def _run_once(self) -> int:
        """Start the program and wait for its end. Its exit code; negative for a signal."""
        self.condition, self._started = Condition.STARTING, monotonic()
        try:
            await self._start()
        except OSError as error:
            self.tell(f"{self.name} can't be started: {error.strerror or error}")
            return 127
        assert self._process is not None  # noqa: S101 - just started
        code = await self._process.wait()
        self.identity = None
        return code

    async def _start(self) -> None:
        if self.program.before is not None:
            await asyncio.to_thread(self.program.before)
        shorten(self.log)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self.program.environment,
                start_new_session=True,
                **as_user(self.program.user),
                preexec_fn=_dies_with_parent(self.program.stop),
            )
        self.identity = Identity.of(self._process.pid)
        self.changed()
        if self._stopping:
            self._signal(self.program.stop)

    async def _works(self) -> bool:
        try:
            async with asyncio.timeout(5):
                return await self.program.healthy()
        except Exception:  # noqa: BLE001 - whatever the way of failing, the answer is no
            return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def as_user(name: str | None) -> dict[str, Any]:
    """Arguments of ``subprocess`` that give up root's rights, groups included, for those of the user."""
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []} if name else {}


def ended(code: int) -> str:
    """An exit code, in words."""
    if code >= 0:
        return f"ended (exit code {code})"
    return f"was killed ({signal.Signals(-code).name})"


def shorten(log: Path) -> None:
    """Keep one older log beside a log that has grown too long. Its writer appends, so it may go on writing."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_LIMIT:
            log.with_suffix(".log.1").write_bytes(log.read_bytes())
            os.truncate(log, 0)


def last_line(log: Path) -> str:
    """What the program said last, as a hint at why it ended."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:]
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _dies_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What the child does before it becomes the program: ask Linux for ``number`` when its parent dies.

    Elsewhere children of a killed supervisor stay until the next ``tendril up`` finds them by ``run.json``.
    """
    if _LIBC is None:
        return None
    libc, parent = _LIBC, os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask
