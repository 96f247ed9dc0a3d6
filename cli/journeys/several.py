"""Several journeys at once: chosen by id, file or condition, and dealt with side by side at a set rate."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from cli.importing.files import unreadable
from cli.importing.pace import Pace
from cli.naming import find
from cli.session import Session
from domain.errors import Refused
from storage import where as conditions

T = TypeVar("T")
_AT_ONCE = 16


async def selected(here: Session, names: Sequence[str], where: str, file: Path | None) -> list[str]:
    """Ids of the leads that are meant, each once, in order. Raises ``Refused`` for none, and for two ways at once."""
    if sum((bool(names), bool(where), file is not None)) != 1:
        raise Refused("Which journeys are meant is not clear.", "Give ids, --file or --where: one of them.")
    if where:
        found = await _matching(here, where)
    else:
        named = names if file is None else _lines(file)
        found = [(await find(here.database, name)).id for name in named]
    if not found:
        raise Refused("No journey is meant.", "`tendril journeys list` shows those there are.")
    return list(dict.fromkeys(found))


async def each(items: Sequence[T], work: Callable[[T], Awaitable[None]], rate: float = 0.0) -> AsyncIterator[int]:
    """Do the work for each item, several at once and at most ``rate`` a second; yields how many are done."""
    pace, gate, done = Pace(rate), asyncio.Semaphore(_AT_ONCE), 0

    async def one(item: T) -> None:
        async with gate:
            await pace.wait(1)
            await work(item)

    tasks = [asyncio.ensure_future(one(item)) for item in items]
    try:
        for finished in asyncio.as_completed(tasks):
            await finished
            done += 1
            yield done
    finally:
        for task in tasks:
            task.cancel()


async def _matching(here: Session, where: str) -> list[str]:
    condition = conditions.parse(where)
    async with here.database.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        return [lead async for page in conditions.matching(connection, condition, here.now) for lead in page]


def _lines(file: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise unreadable(file, error) from error
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
