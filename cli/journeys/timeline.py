"""``tendril journeys timeline``: all that ever happened with a lead, one line a thing."""

import sys
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text
from typer import echo

from cli import moments
from cli.moments import Since
from cli.naming import Named, find
from cli.output import All, Json, Limit, console, print_json, say, when
from cli.session import Session, run, session
from storage.timeline import UNSURE, Item
from storage.timeline import timeline as read_timeline

HELP = """Everything that happened with a lead, one line a thing, oldest first, across its journeys.

What it did, what was decided, touches and what became of them, handoffs, what operators did, what the CRM said,
consent. What holds no longer (a decision taken back, behaviour that is not counted) is marked with `×`.

Examples: `tendril journeys timeline ld_abcdefghijkl`, `tendril journeys timeline ld_abcdefghijkl --since '14d ago'`
"""
_PAGE = 1000
_MARK = {True: " ", False: "×"}


def timeline(
    lead: Named, since: Since = "", limit: Limit = 200, everything: All = False, as_json: Json = False
) -> None:
    async def read() -> tuple[list[Item], bool, str]:
        async with session() as here:
            return *await _read(here, lead, since, None if everything else limit), here.time_note

    items, more, note = run(read())
    if as_json:
        print_json({"items": items, "more": more, "unsure": UNSURE})
        return
    if more:
        say(f"The newest {len(items):,}. --limit and --all show more.")
    _show(items)
    for line in UNSURE:
        say(line)
    if note:
        say(note)


async def _read(here: Session, lead: str, since: str, most: int | None) -> tuple[list[Item], bool]:
    """Oldest first, and whether there are earlier ones."""
    found = await find(here.database, lead)
    after = moments.read(since, here.now) if since else None
    items: list[Item] = []
    cursor: str | None = None
    while most is None or len(items) < most:
        size = _PAGE if most is None else min(_PAGE, most - len(items))
        page, cursor = await read_timeline(here.database, found.id, since=after, cursor=cursor, limit=size)
        items += page
        if cursor is None:
            break
    return items[::-1], cursor is not None


def _show(items: Sequence[Item]) -> None:
    if not items:
        echo("Nothing has happened.")
        return
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, width=1)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for item in items:
        table.add_row(
            when(item.at), _MARK[item.counts], item.kind, Text(_words(item), style="" if item.counts else "dim")
        )
    console(sys.stdout).print(table)


def _words(item: Item) -> str:
    parts = [item.what, f"({item.why})" if item.why else "", f"by {item.by}" if item.by else ""]
    late = f"[came {when(item.received_at)}]" if item.received_at else ""
    return " ".join(part for part in (*parts, late) if part)
