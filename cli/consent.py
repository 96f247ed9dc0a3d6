"""``tendril leads export`` and ``tendril leads erase``: what a person may ask of whoever keeps their data."""

from pathlib import Path
from typing import Annotated, Any

from pydantic_core import to_json
from typer import Option

from cli.importing.files import unreadable
from cli.naming import Named, find
from cli.output import print_json, say
from cli.session import run, session
from storage import export

EXPORT = """Everything held on a person, as one JSON object: profile, names, consent, answers, suppression, behaviour,
journeys, decisions, touches, handoffs, audiences and what the CRM is to show.

Example: `tendril leads export ann@acme.example --to ann.json`
"""


def export_(
    lead: Named,
    to: Annotated[Path | None, Option(metavar="FILE", help="Write it there; else to standard output.")] = None,
) -> None:
    async def read() -> dict[str, Any]:
        async with session() as here:
            return await export.held(here.database, (await find(here.database, lead)).id, here.now)

    held = run(read())
    if to is None:
        print_json(held)
        return
    try:
        to.touch(mode=0o600)
        to.write_bytes(to_json(held, indent=2, inf_nan_mode="null") + b"\n")
    except OSError as error:
        raise unreadable(to, error, "written") from error
    say(f"Everything held on {held['lead']['id']} is in {to}.")
