"""``tendril journeys tree``: how many leads are where."""

import sys
from collections.abc import Sequence
from typing import Annotated

from rich.console import Console
from rich.table import Table
from typer import Option

from cli.output import Json, console, print_json, say
from cli.session import run, session
from runtime.sparklines import sparkline
from storage.funnel import WEEKS, Funnel, Row, funnel

HELP = f"""How many leads are where: by buyer stage and status, by path, and how journeys ended.

The bars are the last {WEEKS} weeks: of those counted, how many began in each (for endings: ended in each).

Examples: `tendril journeys tree`, `tendril journeys tree --playbook b2b-saas --segment enterprise`
"""


def tree(
    playbook: Annotated[str, Option(help="Of this playbook alone, by name.")] = "",
    segment: Annotated[str, Option(help="Of this segment alone.")] = "",
    as_json: Json = False,
) -> None:
    async def read() -> tuple[Funnel, str]:
        async with session() as here:
            return await funnel(here.database, here.now, playbook=playbook, segment=segment), here.time_note

    found, note = run(read())
    if as_json:
        print_json(found)
        return
    _show(found, console(sys.stdout))
    if note:
        say(note)


def _show(found: Funnel, out: Console) -> None:
    ended = found.total - found.in_flight
    out.print(f"{found.total:,} journeys: {found.in_flight:,} in flight, {ended:,} ended")
    if found.in_flight:
        statuses = {row.word: _statuses(row.statuses) for row in found.stages}
        out.print(_table("In flight, by stage", found.stages, statuses))
        out.print(_table("In flight, by path", found.paths))
    if found.statuses:
        out.print(_table("All, by status", found.statuses))
    if found.endings:
        out.print(_table("Ended", found.endings))


def _table(title: str, rows: Sequence[Row], more: dict[str, str] | None = None) -> Table:
    table = Table(box=None, pad_edge=False, title=f"\n{title}", title_justify="left", show_header=False)
    for justify in ("left", "right", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        said = (more or {}).get(row.word, "")
        table.add_row(row.word.replace("_", " "), f"{row.number:,}", f"{row.share:.0%}", sparkline(row.weeks), said)
    return table


def _statuses(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {word.replace('_', ' ')}" for word, number in numbers.items())
