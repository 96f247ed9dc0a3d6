"""Processes kept alive as a supervisor would: started again whenever they end, and asked whether that was our doing."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import psutil

from runtime.embedded.children import Program, ended, last_line
from tests.whole.processes import Processes

#: Seconds between two looks, and before a process that ended by itself is started again.
_LOOK, _DELAY = 0.1, 0.3


@dataclass
class Kept:
    """One process that should run. ``starts`` counts how often it was started."""

    program: Program
    processes: Processes
    wanted: bool = True
    starts: int = 0
    process: Any = None  # what ``Processes.start`` gives
    _again: float = 0.0
    _stopped: list[psutil.Process] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.program.name

    def start(self) -> None:
        """Nothing when it runs."""
        if self.process is not None and self.process.poll() is None:
            self.wanted = True
            return
        self.wanted, self.starts = True, self.starts + 1
        self.process = self.processes.start(self.program)

    def kill(self) -> None:
        """kill -9, with all its children at once. It stays dead until it is started."""
        self.wanted = False
        for one in self._family():
            with suppress(psutil.NoSuchProcess):
                one.kill()
        if self.process is not None:
            self.process.wait(20)

    def pause(self) -> None:
        """SIGSTOP, the parent first: it makes no more children."""
        self._stopped = list(self._family())
        for one in self._stopped:
            with suppress(psutil.NoSuchProcess):
                one.suspend()

    def go_on(self) -> None:
        for one in self._stopped:
            with suppress(psutil.NoSuchProcess):
                one.resume()
        self._stopped = []

    async def leave(self) -> int | None:
        """SIGTERM, and wait until it has left: its exit code, None when it had to be killed."""
        self.wanted = False
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        deadline = monotonic() + 30
        while self.process.poll() is None:
            if monotonic() > deadline:
                self.kill()
                return None
            await asyncio.sleep(0.05)
        return int(self.process.returncode)

    def gave_up(self) -> str:
        """How it ended, when nobody told it to; "" while it runs, or should not."""
        if not self.wanted or self.process is None or (code := self.process.poll()) is None:
            return ""
        return f"{self.name} {ended(code)}: {last_line(self.processes.log(self.name))}"

    def due(self, now: float) -> bool:
        """Whether one that ended by itself may be started again."""
        self._again = self._again or now + _DELAY
        if now < self._again:
            return False
        self._again = 0.0
        return True

    def _family(self) -> Iterator[psutil.Process]:
        if self.process is None or self.process.poll() is not None:
            return
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            yield parent
            yield from parent.children(recursive=True)


@dataclass
class Supervisor:
    """Starts again what ended. ``given_up`` has everything that ended by itself, said once each time; those that are
    ``excused`` may.
    """

    kept: dict[str, Kept]
    given_up: list[str] = field(default_factory=list)
    excused: set[str] = field(default_factory=set)
    _said: set[int] = field(default_factory=set)

    async def run(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(_LOOK)

    def look(self) -> None:
        for one in self.kept.values():
            self._look_at(one)

    def _look_at(self, one: Kept) -> None:
        how = one.gave_up()
        if not how or one.process is None:
            return
        if one.process.pid not in self._said and one.name not in self.excused:
            self._said.add(one.process.pid)
            self.given_up.append(how)
        if one.due(monotonic()):
            one.start()
