"""``tendril journeys stuck``: what does not go on by itself."""

from itertools import groupby
from typing import Annotated

from typer import Option, echo

from cli.output import Json, print_json, say, when
from cli.session import Session, run, session
from cli.settings import read_settings
from domain.errors import Refused
from runtime import failing
from runtime.embedded.where import located
from storage.stuck import Stuck, of
from storage.stuck import stuck as read_stuck

HELP = """Journeys that do not go on by themselves, and whatever holds others up: since when, why, and what to do.

Overdue wakes, behaviour not read, touches not sent or of unknown fate, handoffs past their time, journeys never
decided, holds, paused senders; and where Temporal can be reached, workflow tasks that fail. Exits with code 1 when
there is any. This is a quick look; `tendril audit` proves that nobody is left behind.

Example: `tendril journeys stuck`
"""


def stuck(
    limit: Annotated[int, Option(help="Most of each kind.", min=1, max=1000)] = 20, as_json: Json = False
) -> None:
    async def read() -> tuple[list[Stuck], str, str]:
        async with session() as here:
            found = await read_stuck(here.database, here.now, limit)
            tasks, silent = await _failing(here, limit)
            return [*found, *tasks], silent, here.time_note

    found, silent, note = run(read())
    if as_json:
        print_json({"items": found, "temporal": silent or "asked"})
    else:
        _show(found)
        for remark in filter(None, (silent, note)):
            say(remark)
    if found:
        raise SystemExit(1)


async def _failing(here: Session, limit: int) -> tuple[list[Stuck], str]:
    """Journeys whose tasks fail; or why that can't be told."""
    try:
        tasks = await failing.tasks(located(read_settings()), limit)
    except Refused as refused:
        return [], f"Failing tasks can't be told: {refused}"
    return [of("task_failing", one.lead, here.clock.from_real(one.since), one.problem) for one in tasks], ""


def _show(found: list[Stuck]) -> None:
    if not found:
        echo("Nothing is stuck.")
    for _, group in groupby(found, key=lambda one: one.kind):
        rows = list(group)
        echo(f"{len(rows)} × {rows[0].kind.replace('_', ' ')}: {rows[0].why}.")
        for row in rows:
            since = f"since {when(row.since)}  " if row.since else ""
            echo(f"    {row.lead_id + '  ' if row.lead_id else ''}{since}{row.detail}")
        echo(f"    → {rows[0].remedy}\n")
