"""Keeps a set of children alive, in an order; stops them in the reverse order, within a time.

It knows nothing of what the children are. Each child's death is noticed at once (its exit is awaited, not polled), its
health once a second, and what happens is told in words, for the live view.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from runtime.embedded.children import Child, Condition, Program, last_line
from runtime.embedded.datadir import SPACE_TO_GO_ON, DataDirectory, read_json, require_space, write_json
from runtime.embedded.identity import Identity, stop_left_over
from runtime.embedded.trouble import CannotRun

#: How often a child may die before it has ever worked. The first time might be a race; the third is not.
_EARLY_DEATHS = 3
#: Seconds after which what still runs is killed: first what uses the services, then the services themselves.
_USERS_STOP_WITHIN, STOP_WITHIN = 5.0, 8.0


@dataclass
class Supervisor:
    """``addresses`` are for people and for ``run.json``; ``notes`` are the last things that happened, oldest first."""

    directory: DataDirectory
    addresses: dict[str, str]
    listener: Callable[[str], None] = field(default=lambda _: None)
    children: dict[str, Child] = field(default_factory=dict)
    notes: deque[tuple[datetime, str]] = field(default_factory=lambda: deque(maxlen=50))
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    def tell(self, text: str) -> None:
        self.notes.append((datetime.now(UTC), text))
        self.listener(text)

    async def start(self, program: Program) -> None:
        """Start a child and wait until it works. Raises ``CannotRun`` with its last words when it does not."""
        self.tell(f"{program.name} starts")
        child = Child(program, self.directory.logs / f"{program.name}.log", self.tell, self._record)
        self.children[program.name] = child
        self.spawn(child.keep())
        deadline = monotonic() + program.patience
        while child.condition is not Condition.HEALTHY:
            if child.restarts >= _EARLY_DEATHS or monotonic() > deadline:
                raise CannotRun(
                    f"{program.name} does not start: {last_line(child.log) or 'it said nothing'}",
                    f"More in {child.log}.",
                )
            await asyncio.sleep(0.05)
            await child.check()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def watch(self) -> None:
        """Until the stop: every child's health, and the disk's, each second. Raises ``CannotRun`` on a full disk."""
        while not self.stopping.is_set():
            require_space(self.directory.root, SPACE_TO_GO_ON)
            await asyncio.gather(*(child.check() for child in self.children.values()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.stopping.wait()

    async def stop(self) -> None:
        """Stop what uses the services, all at once; then the services, the last started first."""
        began = monotonic()
        self.stopping.set()
        users = [child for child in self.children.values() if not child.program.service]
        for child in users:
            child.ask_to_stop()
        await asyncio.gather(*(child.stopped(began + _USERS_STOP_WITHIN) for child in users))
        services = [child for child in reversed(self.children.values()) if child.program.service]
        share = (STOP_WITHIN - _USERS_STOP_WITHIN) / max(1, len(services))
        for number, child in enumerate(services, 1):
            child.ask_to_stop()
            await child.stopped(began + _USERS_STOP_WITHIN + number * share)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.directory.running.unlink(missing_ok=True)

    def kill(self) -> None:
        """At once, without asking: the second Ctrl-C."""
        for child in self.children.values():
            child.kill()

    def _record(self) -> None:
        """Who runs, for the next start to find what this one may leave behind, and for other commands to connect."""
        running = {name: child.identity for name, child in self.children.items()}
        write_json(
            self.directory.running,
            {
                "supervisor": os.getpid(),
                **self.addresses,
                "children": {name: [one.pid, one.created] for name, one in running.items() if one is not None},
            },
        )


def clean_up_after_crash(directory: DataDirectory) -> int:
    """Stop what an earlier run that was killed left running. How many processes that were."""
    recorded = read_json(directory.running).get("children", {})
    pairs = recorded.values() if isinstance(recorded, dict) else []
    stopped = stop_left_over([Identity(int(pid), float(created)) for pid, created in pairs])
    directory.running.unlink(missing_ok=True)
    return stopped
