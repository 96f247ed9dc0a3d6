"""An operation from the command line: previewed, agreed to, asked for, and watched while workers carry it out."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from typer import Exit, confirm

from cli.importing.progress import progress
from cli.operation_words import previewed, view_in_words
from cli.output import print_json, say
from cli.session import Session
from domain.errors import Refused
from domain.operating import OperationKind, OperationRequest, OperationStatus, lacking
from runtime.previewing import Preview, preview
from storage import operations

_LOOK = 0.3  # seconds between looks at how far it is
#: Seconds without a lead commanded after which it is said what may be wrong.
_QUIET = 15.0


@dataclass(frozen=True)
class Asked:
    """What is to be done to whom, and how it was asked for. ``given`` is what of the command is a lead's own."""

    kind: OperationKind
    by: str
    request: OperationRequest = field(default_factory=OperationRequest)
    leads: tuple[str, ...] = ()
    where: str = ""
    given: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rate: float = 0.0
    reason: str = ""
    undoes: str = ""
    yes: bool = False
    watch: bool = True
    as_json: bool = False


async def look_ahead(here: Session, asked: Asked, lifting: str = "") -> Preview:
    """What it would do. On a terminal it shows how far it has looked."""
    total = await here.database.pool.fetchval("select count(*) from journey") if asked.where else len(asked.leads)
    with progress("Looking", total, unit="journeys") as show:
        return await preview(
            here.database,
            kind=asked.kind,
            now=here.now,
            clock=here.clock,
            request=asked.request,
            leads=asked.leads,
            where_=asked.where,
            given=asked.given,
            rate=asked.rate,
            lifting=lifting,
            told=show,
        )


async def operate(here: Session, asked: Asked, note: str = "") -> None:
    """Preview it; with ``--yes``, or when the person at the terminal agrees, ask for it and watch it."""
    foreseen = await look_ahead(here, asked)
    if not asked.as_json:
        previewed(foreseen, note)
    elif not asked.yes:
        print_json({"preview": foreseen, "operation": None})
    if not agreed(asked, foreseen):
        return
    id_ = await ask(here, asked)
    view = await (watched(here, id_) if asked.watch else operations.get(here.database, id_))
    if asked.as_json:
        print_json({"preview": foreseen, "operation": view})
    else:
        await view_in_words(here.database, view)


def agreed(asked: Asked, foreseen: Preview) -> bool:
    """Whether it is to be carried out. Raises ``Refused`` when it can't be, ``Exit`` when the person says no."""
    if not foreseen.able:
        if asked.yes:
            raise Refused("Nobody would be commanded.", "The preview says why: tendril journeys … without --yes.")
        return False
    if missing := lacking(asked.kind, asked.request, asked.reason):
        if asked.yes:
            raise Refused(f"{missing[:1].upper()}{missing[1:]}.", "Give it with --reason.")
        say(f"Nothing was changed. To carry it out: --reason and --yes ({missing}).")
        return False
    if asked.yes:
        return True
    if asked.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        say("Nothing was changed. --yes carries it out.")
        return False
    if not confirm(f"{asked.kind.words.capitalize()} {foreseen.able:,} of {foreseen.total:,}?", err=True):
        raise Exit(1)
    return True


async def ask(here: Session, asked: Asked) -> str:
    """Ask for the operation; its id."""
    async with here.database.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        return await ask_on(connection, here, asked)


async def ask_on(connection: Any, here: Session, asked: Asked) -> str:
    return await operations.create(
        connection,
        kind=asked.kind,
        by=asked.by,
        now=here.now,
        request=asked.request,
        leads=asked.leads,
        where=asked.where,
        given=asked.given,
        rate=asked.rate,
        reason=asked.reason,
        undoes=asked.undoes,
    )


async def watched(here: Session, id_: str) -> operations.OperationView:
    """Show how far it is until it is over or stopped. Whoever looks away does not stop it."""
    view = await operations.get(here.database, id_)
    try:
        with progress(f"{view.kind.words.capitalize()} ({id_})", view.total, view.settled, unit="leads") as show:
            quiet_since, said = monotonic(), False
            while view.status is OperationStatus.RUNNING:
                await asyncio.sleep(_LOOK)
                before, view = view.settled, await operations.get(here.database, id_)
                show(view.settled)
                quiet_since = monotonic() if view.settled != before else quiet_since
                if not said and monotonic() - quiet_since > max(_QUIET, 2 / view.rate if view.rate else 0):
                    said = True
                    say("Nothing moves: is a worker running (tendril worker), and Temporal? It goes on by itself then.")
    except asyncio.CancelledError:
        say(f"{id_} goes on without you. Watch: tendril operations show {id_} --watch. Stop: … pause {id_}")
        raise
    return view
