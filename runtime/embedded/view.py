"""The live view of ``tendril up``: a full screen on a terminal, lines elsewhere."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from runtime.embedded.clock import real_now
from runtime.embedded.screen import Screen, words
from runtime.embedded.script import story_told
from runtime.embedded.snapshot import Figures, Snapshot, figures, processes

if TYPE_CHECKING:
    from runtime.embedded.stack import Stack

_EVERY = 1.0


async def show(stack: "Stack", *, plain: bool) -> None:
    """Show the stack until it has stopped: every child's end is on the screen too."""
    if plain:
        await _show_lines(stack)
    else:
        await _show_screen(stack)


async def _show_screen(stack: "Stack") -> None:
    console = Console()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        async for snapshot in _snapshots(stack, every=_EVERY / 2):
            live.update(Screen(snapshot), refresh=True)
    console.print(f"Tendril has stopped. Its data are in {stack.directory.root}.", highlight=False)


async def _show_lines(stack: "Stack") -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    stack.supervisor.listener = lambda text: console.print(f"{real_now():%H:%M:%S} {text}")
    for at, text in stack.supervisor.notes:
        console.print(f"{at:%H:%M:%S} {text}")
    async for snapshot in _snapshots(stack, every=_EVERY):
        console.print(f"{real_now():%H:%M:%S} {line(snapshot)}")
    console.print(f"Tendril has stopped. Its data are in {stack.directory.root}.")


async def _snapshots(stack: "Stack", *, every: float) -> AsyncIterator[Snapshot]:
    """A snapshot each ``every`` seconds until all children have stopped. A silent database keeps the last figures."""
    began, last = monotonic(), Figures()
    while not stack.closed.is_set():
        answering = True
        if stack.database is not None and not stack.supervisor.stopping.is_set():
            try:
                async with asyncio.timeout(3):
                    last = await figures(stack.database)
            except Exception:  # noqa: BLE001 - whatever the database answers, the view must not end the stack
                answering = False
        yield _snapshot(stack, last, running_for=monotonic() - began, answering=answering)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(every):
                await stack.closed.wait()


def _snapshot(stack: "Stack", shown: Figures, *, running_for: float, answering: bool) -> Snapshot:
    return Snapshot(
        deployment_time=stack.clock.from_real(real_now()),
        scale=stack.clock.scale,
        running_for=running_for,
        addresses=stack.supervisor.addresses,
        processes=processes(stack.supervisor.children),
        figures=shown,
        notes=tuple(stack.supervisor.notes),
        answering=answering,
        story_told=stack.options.demo and story_told(stack.directory),
    )


def line(snapshot: Snapshot) -> str:
    """A snapshot on one line, for logs."""
    shown = snapshot.figures
    unwell = [f"{one.name} {one.condition}" for one in snapshot.processes if one.condition != "healthy"]
    parts = [
        f"{snapshot.deployment_time:%Y-%m-%d %H:%M}",
        f"journeys {sum(shown.statuses.values())}: {_counts(shown.statuses)}",
        f"touches sent {sum(row.get('sent', 0) for row in shown.touches.values())}",
        f"handoffs {_counts(shown.handoffs)}",
        "; ".join(unwell) or ("all healthy" if snapshot.processes else "starting"),
    ]
    return " | ".join(parts if snapshot.answering else [*parts, "database not answering"])


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{words(name)} {count}" for name, count in counts.items() if count) or "none"
