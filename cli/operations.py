"""``tendril operations``: commands to many journeys, while they run and afterwards; and what operators did."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

from typer import Argument, BadParameter, Option, Typer, echo

from cli.importing.pace import parse_rate
from cli.operating import Asked, operate, watched
from cli.operation_words import listed, view_in_words
from cli.output import Json, Limit, listing, print_json
from cli.session import run, session
from cli.who import By, who
from domain.durations import parse_duration
from domain.moments import parse_moment
from storage import operations, operators_log
from storage.database import Database
from storage.undoing import undo_of

app = Typer(no_args_is_help=True, help="Commands to many journeys: how far they are, stopped, tried again, undone.")
Id = Annotated[str, Argument(metavar="OPERATION", help="Its id, such as op_abcdefghijkl.")]

_SHOW = """How far an operation is, what was refused and why.

Examples: `tendril operations show op_abcdefghijkl --watch`, `tendril operations show op_abcdefghijkl --leads 50`
"""
_UNDO = """Take an operation back where that can be: you see first what undoing it would do.

A pause is resumed and the other way round; a forced stage, a skipped wait and a handoff are rewound, each journey to
the decision before; a migration goes back to the version before. What reached people, or has ended, can't be undone.

Example: `tendril operations undo op_abcdefghijkl --rate 50/s --yes`
"""
_LOG = """What operators did, the newest first: commands, holds, keys, merges, answers for sales and whatever else.

Examples: `tendril operations log --lead ld_abcdefghijkl`, `tendril operations log --by ann --since 7d`
"""
_COLUMNS = {"at": "At", "by": "By", "action": "What", "subject": "To", "words": "With", "operation_id": "Operation"}


@app.command("list")
def list_(limit: Limit = 50, as_json: Json = False) -> None:
    """Operations, the newest first."""

    async def read() -> tuple[list[operations.OperationView], int]:
        async with session() as here:
            return await operations.newest(here.database, limit)

    views, total = run(read())
    if as_json:
        print_json({"total": total, "items": views})
    else:
        listed(views)


@app.command(help=_SHOW)
def show(
    operation: Id,
    watch: Annotated[bool, Option("--watch", help="Until it is over.")] = False,
    leads: Annotated[int, Option(metavar="N", min=0, max=10_000, help="The first N leads, too.")] = 0,
    as_json: Json = False,
) -> None:
    async def look() -> None:
        async with session() as here:
            view = await (watched(here, operation) if watch else operations.get(here.database, operation))
            if as_json:
                members = await operations.members(here.database, operation, None, leads) if leads else []
                refused = await operations.reasons(here.database, operation)
                print_json({"operation": view, "reasons": refused, "leads": members})
            else:
                await view_in_words(here.database, view, leads)

    run(look())


@app.command()
def pause(operation: Id, by: By = None) -> None:
    """Command nobody further until `resume`. Who was commanded already has been."""
    _turn(operation, by, operations.pause, "commands nobody further until it is resumed")


@app.command()
def resume(operation: Id, by: By = None) -> None:
    """Go on with an operation that was paused."""
    _turn(operation, by, operations.resume, "goes on")


@app.command()
def cancel(operation: Id, by: By = None) -> None:
    """Spare those who wait; what is done stays done."""
    _turn(operation, by, operations.cancel, "is cancelled; those who waited were spared")


@app.command()
def retry(operation: Id, by: By = None) -> None:
    """Ask those again who did not answer, and those whom a cancel spared."""
    _turn(operation, by, operations.retry, "tries those again who are left")


@app.command(help=_UNDO)
def undo(
    operation: Id,
    reason: Annotated[str, Option(help="Why; kept in the operators' log.")] = "",
    rate: Annotated[str | None, Option(help="No faster than this: 50/s, 600/m, 2000/h.")] = None,
    yes: Annotated[bool, Option("--yes", "-y", help="Carry it out; without it you see what it would do.")] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    actor, pace = who(by), parse_rate(rate)

    async def take_back() -> None:
        async with session() as here:
            undone = await undo_of(here.database, await operations.get(here.database, operation))
            note = f"{undone.moved_on:,} have decided since" if undone.moved_on and undone.given else ""
            asked = Asked(
                kind=undone.kind,
                by=actor,
                request=undone.request,
                leads=tuple(undone.leads),
                given=undone.given,
                rate=pace,
                reason=reason or f"undoes {operation}",
                undoes=operation,
                yes=yes,
                as_json=as_json,
            )
            await operate(here, asked, note)

    run(take_back())


@app.command(help=_LOG)
def log(
    lead: Annotated[str, Option(metavar="ID", help="What was done to this lead, operations included.")] = "",
    by: Annotated[str, Option(metavar="NAME", help="What this one did: a user, or the name of a key.")] = "",
    since: Annotated[
        str | None, Option(metavar="TIME", help="From then on: a time, or how long ago, such as 7d.")
    ] = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    async def read() -> tuple[list[dict[str, Any]], str]:
        async with session() as here:
            after = _since(since, here.now) if since else None
            rows = await operators_log.actions(here.database, lead=lead, by=by, since=after, limit=limit)
            return rows, here.time_note

    items, note = run(read())
    told = [item | {"words": ", ".join(f"{name}: {value}" for name, value in item["detail"].items())} for item in items]
    listing(items if as_json else told, len(items), _COLUMNS, as_json=as_json, empty="Nobody did anything.", note=note)


def _turn(
    operation: str, by: str | None, act: Callable[[Database, str, str, datetime], Awaitable[Any]], what: str
) -> None:
    actor = who(by)

    async def turn() -> None:
        async with session() as here:
            await act(here.database, operation, actor, here.now)

    run(turn())
    echo(f"{operation} {what}.")


def _since(text: str, now: datetime) -> datetime:
    """A moment, or how long ago."""
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        return parse_moment(text, now)
    except ValueError as error:
        raise BadParameter(str(error), param_hint="--since") from None
