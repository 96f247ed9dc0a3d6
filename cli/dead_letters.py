"""``tendril events dead-letters``: events that could not be understood, looked at, taken in after all, or forgotten."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, BadParameter, Exit, Option, Typer, echo

from api.services.replaying import replay as take_in
from cli.importing.files import unreadable
from cli.output import All, Json, Limit, listing, print_json, say
from cli.session import Session, run, session
from cli.who import By, who
from domain.errors import Refused
from storage import dead_letters
from storage.operators_log import count, note
from storage.tables import DeadLetter

app = Typer(no_args_is_help=True, help="Events that could not be understood, kept whole and with the reason.")

_REPLAY = """Take dead letters in after all: each is read anew, and is a dead letter no more when it is understood.

It counts from when it first came, once however often this is repeated. With `--body` a corrected event takes
the place of the one that came. Exits with code 1 when one still can't be understood; its reason is then the new one.

Example: `tendril events dead-letters show 17 --body > event.json`, then, corrected,
`tendril events dead-letters replay 17 --body event.json`
"""
_PAGE = 500

Numbers = Annotated[list[int] | None, Argument(metavar="[NUMBER]...", help="Their numbers, from `list`.")]
Number = Annotated[int, Argument(help="Its number, from `list`.")]


@app.command("list")
def list_(limit: Limit = 50, every: All = False, as_json: Json = False) -> None:
    """Which there are, the newest first, and what is wrong with each."""

    async def read() -> tuple[list[DeadLetter], int, str]:
        async with session() as here:
            return *await dead_letters.newest(here.database, sys.maxsize if every else limit), here.time_note

    letters, total, note = run(read())
    columns = {"id": "Number", "received_at": "Came", "source": "By", "type": "Type", "reason": "What is wrong"}
    items = [letter.model_dump() | ({} if as_json else {"type": letter.body.get("type")}) for letter in letters]
    listing(items, total, columns, as_json=as_json, empty="No event was set aside.", note=note)


@app.command()
def show(number: Number, body: Annotated[bool, Option("--body", help="Only the event itself.")] = False) -> None:
    """One of them whole, as JSON."""

    async def read() -> DeadLetter:
        async with session() as here:
            return await dead_letters.get(here.database, number)

    letter = run(read())
    print_json(letter.body if body else letter.model_dump())


@app.command(help=_REPLAY)
def replay(
    numbers: Numbers = None,
    every: Annotated[bool, Option("--all", help="All of them, the oldest first.")] = False,
    body: Annotated[Path | None, Option(metavar="FILE", help="The corrected event, as JSON; with one number.")] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    chosen, actor = _chosen(numbers, every), who(by)
    if body and len(chosen or []) != 1:
        raise BadParameter("a corrected event takes the place of one: give one number", param_hint="--body")
    corrected = _event(body) if body else None

    async def take() -> tuple[dict[str, int], list[dict[str, Any]]]:
        counts, bad = {"accepted": 0, "duplicates": 0}, []
        async with session() as here:
            async for letter in _letters(here, chosen):
                subject, detail = str(letter.id), {"accepted": 0}
                line = await note(here.database.pool, actor, "dead_letter_replayed", subject, here.now, detail)
                taken, reason = await take_in(here.database, here.clock, letter, corrected)
                await count(here.database.pool, line, {"accepted": taken.accepted})
                for name in counts:
                    counts[name] += getattr(taken, name)
                if reason:
                    bad.append({"id": letter.id, "reason": reason})
        return counts, bad

    counts, bad = run(take())
    _tell(counts, bad, as_json=as_json)
    if bad:
        raise Exit(1)


@app.command()
def drop(
    numbers: Numbers = None,
    every: Annotated[bool, Option("--all", help="All of them.")] = False,
    reason: Annotated[str, Option(help="Why; kept in the operators' log.")] = "",
    by: By = None,
) -> None:
    """Forget them for good."""
    chosen, actor = _chosen(numbers, every), who(by)

    async def forget() -> int:
        async with session() as here:
            return await dead_letters.forget(here.database, chosen, actor, reason, here.now)

    dropped = run(forget())
    echo(f"{dropped:,} forgotten.")


def _chosen(numbers: list[int] | None, every: bool) -> list[int] | None:
    """The numbers, or None for all of them. Raises ``BadParameter`` unless exactly one of the two was said."""
    if every == bool(numbers):
        raise BadParameter("give numbers, or --all")
    return None if every else sorted(set(numbers or []))


async def _letters(here: Session, chosen: list[int] | None) -> AsyncIterator[DeadLetter]:
    """Those of the numbers (all must exist), or every one that is there now, by number."""
    if chosen is not None:
        for letter in [await dead_letters.get(here.database, number) for number in chosen]:
            yield letter
        return
    newest, _ = await dead_letters.newest(here.database, 1)
    last, after = _number(newest[0]) if newest else 0, 0
    while after < last and (page := await dead_letters.oldest(here.database, _PAGE, after)):
        for letter in page:
            yield letter
        after = _number(page[-1])


def _number(letter: DeadLetter) -> int:
    return int(letter.id or 0)


def _event(file: Path) -> dict[str, Any]:
    try:
        event = json.loads(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
    except OSError as error:
        raise unreadable(file, error) from error
    except ValueError as error:
        raise Refused(
            f"{file} is not JSON: {error}.", "Start from `tendril events dead-letters show --body`."
        ) from None
    if not isinstance(event, dict):
        raise Refused(f"{file} holds no JSON object.", "Start from `tendril events dead-letters show --body`.")
    return event


def _tell(counts: dict[str, int], bad: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json({**counts, "rejected": len(bad), "items": bad})
        return
    known = f", {counts['duplicates']:,} known already" if counts["duplicates"] else ""
    echo(f"{counts['accepted']:,} taken in{known}.")
    for letter in bad:
        say(f"{letter['id']} still can't be understood: {letter['reason']}")
