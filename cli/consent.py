"""``tendril leads export`` and ``tendril leads erase``: what a person may ask of whoever keeps their data."""

import sys
from pathlib import Path
from typing import Annotated, Any

from pydantic_core import to_json
from typer import Argument, Exit, Option, confirm, echo

from cli.importing.files import unreadable
from cli.naming import Named, find
from cli.output import Json, print_json, say, when
from cli.session import run, session
from cli.who import By, who
from domain.errors import NotFound
from storage import erasure, export, tombstones
from storage.erasure import Erased

EXPORT = """Everything held on a person, as one JSON object: profile, names, consent, answers, suppression, behaviour,
journeys, decisions, touches, handoffs, audiences and what the CRM is to show.

Example: `tendril leads export ann@acme.example --to ann.json`
"""
ERASE = """Erase a person for good: profile, names, behaviour, consent, answers, notes, briefs, and what decisions say.

At once in the database. The journey ends by itself, audiences and the CRM's contact are emptied with the next
reconciliation, and Temporal's history goes when the journey has ended. A keyed digest of the address and of the
external id keeps the person from coming back. Given again (by id), it says how far that has come.

What it can't reach: backups, your own files, mail that was sent, and tasks that a seller has in the CRM.

Example: `tendril leads erase ann@acme.example`
"""
READMIT = """Let somebody be taken in again who was erased, because they have asked for it.

Example: `tendril leads readmit ann@acme.example`
"""
#: What an erasure waits for, in words.
_WAITING = {
    "journey": "Its journey ends at its next decision.",
    "audience": "It is still to be removed from the audience {}.",
    "crm": "Its contact in the CRM is still to be emptied.",
}


def export_(
    lead: Named,
    to: Annotated[Path | None, Option(metavar="FILE", help="Write it there; else to standard output.")] = None,
) -> None:
    async def read() -> dict[str, Any]:
        async with session() as here:
            return await export.held(here.database, (await find(here.database, lead)).id, here.now, seconds=None)

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


def erase(
    lead: Named,
    yes: Annotated[bool, Option("--yes", "-y", help="Do not ask.")] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    actor = who(by)

    async def remove() -> Erased:
        async with session() as here:
            id_ = (await find(here.database, lead)).id
            _ask(id_, lead, yes=yes)
            return await erasure.erase(here.database, id_, actor, here.now)

    erased = run(remove())
    if as_json:
        print_json(erased.model_dump())
    else:
        echo(_in_words(erased))


def readmit(
    name: Annotated[str, Argument(metavar="ADDRESS", help="The address, or the external id, that was erased.")],
    by: By = None,
) -> None:
    actor = who(by)

    async def allow() -> bool:
        async with session() as here:
            return await tombstones.remove(here.database, name, actor, here.now)

    if not run(allow()):
        raise NotFound(f"Nobody who was known as {name} was erased.", "Readmit the address and the external id, each.")
    echo(f"{name} may be taken in again, as somebody new.")


def _ask(lead: str, named: str, *, yes: bool) -> None:
    """Ask a person at a terminal; a script means what it says."""
    if yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    who = lead if lead == named else f"{lead} ({named})"
    if not confirm(f"Erase {who} for good, everywhere?", err=True):
        raise Exit(1)


def _in_words(erased: Erased) -> str:
    if erased.finished_at:
        return f"{erased.lead} was erased, and nothing is left of it anywhere (since {when(erased.finished_at)})."
    lines = [f"{erased.lead} is erased here, and does not come back by import, API or identify."]
    lines += [f"  {_WAITING[what.partition(' ')[0]].format(what.partition(' ')[2])}" for what in erased.waiting]
    lines.append("The rest follows by itself, Temporal's history of it too. The same command says how far it has come.")
    return "\n".join(lines)
