"""How commands answer: tables for people, one JSON object for programs."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Annotated, Any

from pydantic_core import to_json
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from typer import Option, echo

#: Width of a table nobody looks at in a terminal: cells are not cut for a file or a pipe.
_WIDE = 300
#: Between two columns, and the least that the last one's text needs.
_GAP = 2
_ROOM = 20

Json = Annotated[bool, Option("--json", help="One JSON object instead of text.")]
Limit = Annotated[int, Option(help="Most items to show.", min=1, max=10_000)]
All = Annotated[bool, Option("--all", help="Every item, however many.")]


def print_json(value: Any) -> None:
    """One object on standard output. Times are ISO-8601 in UTC."""
    echo(to_json(value, indent=2, inf_nan_mode="null").decode())


def listing(
    items: Sequence[Mapping[str, Any]],
    total: int,
    columns: Mapping[str, str],
    *,
    as_json: bool,
    empty: str,
    note: str = "",
) -> None:
    """Items as ``{"total", "items"}`` or as a table of ``columns`` (key → heading).

    ``empty`` is said when there are none, ``note`` beside a table.
    """
    if as_json:
        print_json({"total": total, "items": items})
    elif not items:
        echo(empty)
    else:
        _table(items, columns)
        if total > len(items):
            echo(f"{len(items):,} of {total:,}. --limit and --all show more.")
        if note:
            say(note)


def _table(items: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """A row for each item. Columns that the terminal has no room for stand below it by name: no word is cut to fit."""
    out, headings = console(sys.stdout), list(columns.values())
    rows = [[cell(item.get(key)) for key in columns] for item in items]
    widths = [max(map(cell_len, column)) for column in zip(headings, *rows, strict=True)]
    fitting = sum(end <= out.width for end in accumulate(width + _GAP for width in widths))
    room = out.width - sum(width + _GAP for width in widths[:-1])
    if fitting == len(widths) or (fitting == len(widths) - 1 and room >= _ROOM):
        out.print(_beside(headings, rows))
        return
    first = max(fitting, 1)
    out.print(Text(_line(headings[:first], widths), style="bold"))
    for row in rows:
        out.print(Text(_line(row[:first], widths)))
        named = zip(headings[first:], row[first:], strict=True)
        below = " · ".join(f"{heading.lower()} {value}" for heading, value in named if value)
        out.print(Padding(Text(below), (0, 0, 0, 4)))


def _beside(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """All columns; only the last one's text may go on in further lines."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings, 1):
        table.add_column(heading, no_wrap=number < len(headings), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return (" " * _GAP).join(set_cell_size(*one) for one in zip(cells, widths, strict=False)).rstrip()


def console(stream: Any) -> Console:
    """A console on the stream: as wide as the terminal, wide where there is none."""
    found = Console(file=stream, highlight=False, markup=False, soft_wrap=False)
    if not found.is_terminal:
        found.width = _WIDE
    return found


def cell(value: Any) -> str:
    """A value as people read it. Times are on the deployment's clock, in UTC."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(sorted(map(str, value)) if isinstance(value, set | frozenset) else map(str, value))
    return str(value)


def when(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def say(text: str) -> None:
    """A remark beside the answer: on standard error, so that the answer can be piped."""
    echo(text, err=True)
