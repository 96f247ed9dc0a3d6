"""How far an import has come: a bar where someone looks at a terminal, plain lines where not. On standard error."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text
from typer import echo

#: Seconds between plain lines.
_EVERY = 5.0


class Shown(Protocol):
    """Tells how many are done."""

    def __call__(self, done: int, note: str = "") -> None: ...


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {self._unit}/s" if speed else "")


@contextmanager
def progress(what: str, total: int | None, start: int = 0, unit: str = "rows") -> Iterator[Shown]:
    """Show ``what`` from ``start`` to ``total``, None where nobody knows how many there are, while the block runs."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(what, total, start, unit)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(unit), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[note]}"), console=console, transient=True) as bar:
        task = bar.add_task(what, total=total, completed=start, note="")

        def show(done: int, note: str = "") -> None:
            bar.update(task, completed=done, note=note)

        yield show


def _lines(what: str, total: int | None, start: int, unit: str) -> Shown:
    began = shown = time.monotonic()

    def show(done: int, note: str = "") -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown < _EVERY:
            return
        shown = now
        rate = (done - start) / (now - began)
        left = f", {(total - done) / rate:,.0f} s left" if rate and total is not None else ""
        of = f" of {total:,}" if total is not None else ""
        echo(f"{what}: {done:,}{of} {unit}, {rate:,.0f} {unit}/s{left}{note and ', ' + note}", err=True)

    return show
