"""What is seen in the terminal: how long it still goes, what is broken now, counts; in the end tables."""

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.chaos.told import Told
from tests.chaos.troubles import Troubles

if TYPE_CHECKING:
    from tests.chaos.play import Outcome

#: Cases of a broken promise that are shown.
_SHOWN = 12


class View:
    """On a terminal a bar that lives; elsewhere plain lines."""

    def __init__(self, console: Console) -> None:
        self.console, self._began = console, monotonic()
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console, transient=True
        )

    def say(self, line: str) -> None:
        self._print(f"{monotonic() - self._began:6.1f} s  {line}")

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False)

    async def follow(self, told: Told, troubles: Troubles, until: float) -> None:
        """Show it until cancelled."""
        began = monotonic()
        with self._progress as bar:
            task = bar.add_task("", total=until - began)
            while True:
                bar.update(task, completed=monotonic() - began, description=_now(told, troubles))
                await asyncio.sleep(0.5)

    def verdict(self, outcome: "Outcome", again: str) -> None:
        """The end: kills and counts, each promise, and how to have the same again."""
        self.console.print(_troubled(outcome.troubles), _counted(outcome.told), _judged(outcome))
        for check in outcome.checks:
            for case in check.broken[:_SHOWN]:
                self._print(f"BROKEN  {check.promise}: {case}")
            if len(check.broken) > _SHOWN:
                self._print(f"        … and {len(check.broken) - _SHOWN} more")
        for why in outcome.troubles.missed:
            self._print(f"left out: {why}")
        self._print(f"seed {outcome.seed}. The same troubles at the same times again: {again}")


def _now(told: Told, troubles: Troubles) -> str:
    broken = ", ".join(f"{one.kind} {one.what}".strip() for one in troubles.broken) or "nothing"
    counts = ", ".join(f"{number:,} {what}" for what, number in told.counts().items())
    return f"broken now: {broken}\n{counts}"


def _troubled(troubles: Troubles) -> Table:
    table = Table("trouble", "times", title="What was broken")
    for what, number in sorted(troubles.done.items()):
        table.add_row(what, str(number))
    return table


def _counted(told: Told) -> Table:
    table = Table("told", "acknowledged", title="What was said meanwhile")
    for what, number in told.counts().items():
        table.add_row(what, f"{number:,}")
    return table


def _judged(outcome: "Outcome") -> Table:
    table = Table("promise", "of", "kept", title="Verdict")
    for check in outcome.checks:
        table.add_row(check.promise, check.of, "yes" if check.kept else f"[bold]no: {len(check.broken)}[/bold]")
    return table
