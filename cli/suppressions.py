"""``tendril suppressions``: addresses and domains that nobody may write to."""

import csv
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, TextIO

from typer import Argument, BadParameter, Option, Typer, echo

from activities.suppressions import Pulling
from cli.importing.files import CsvFile, Record, unreadable
from cli.importing.progress import progress
from cli.importing.rejects import Rejects
from cli.importing.report import default_rejects
from cli.importing.seen import Seen
from cli.output import Json, Limit, listing, print_json, say
from cli.session import Session, run, session
from cli.settings import read_settings
from cli.who import By, who
from domain.errors import Refused, VendorFault
from domain.suppressions import Pulled
from runtime.embedded.where import located
from runtime.vendors import suppressing
from storage import suppression
from storage.database import Database
from storage.operators_log import note
from storage.suppression import Entry, Reach, Reason
from storage.vendor_suppressions import PgVendorSuppressions

app = Typer(no_args_is_help=True, help="Addresses and domains that nobody may write to.")

_IMPORT = """Add a CSV file to the list: the columns `email`, and if there are any `reason`, `source` and `at`.

A file with one column and no header will do. `*@example.com` stands for everybody there. Reasons are opted_out,
complained, hard_bounced and manual, or what other systems call these; any other is kept in `source`, as manual. Rows
without an address go to a file with the reasons. What is on the list stays as it is: twice is once.

Example: `tendril suppressions import unsubscribed.csv --reason opted_out --dry-run`
"""
_ADD = """Add addresses, or whole domains as `*@example.com` (quoted, because of the star).

Nothing is sent there from the moment this returns, and journeys in flight end.

Example: `tendril suppressions add "*@competitor.example" ann@acme.example`
"""
_PULL = """Take over the mail vendor's own list: who bounced, complained or opted out there, whoever wrote to them.

The worker does this by itself, with what is new (TENDRIL_SUPPRESSIONS_INTERVAL). By hand it is of use for a vendor that
you leave or begin with, and for a list too long for one run. What is on your list stays as it is: twice is once.

Example: `tendril suppressions pull --full`
"""
_COLUMNS = ("email", "reason", "source", "at")
_CALLED_EMAIL = ("email", "e-mail", "email address", "e-mail address", "address", "mail")
_BATCH = 500

Why = Annotated[Reason, Option("--reason", help="Why, where the file (or nobody) says otherwise.")]


@app.command("import", help=_IMPORT)
def import_(
    file: Annotated[Path, Argument(metavar="FILE.csv", help="The file.")],
    reason: Why = Reason.MANUAL,
    column: Annotated[str, Option(help="Name of the column of addresses, if it is not email or address.")] = "",
    dry_run: Annotated[bool, Option("--dry-run", help="Write nothing; say what would happen.")] = False,
    rejects: Annotated[Path | None, Option(help="File for rejected rows; NAME.rejected.csv here if absent.")] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    actor = who(by)

    async def take() -> tuple[Reach, Rejects]:
        source = CsvFile(file)
        survey = source.survey()
        refused = Rejects(rejects or default_rejects(file), survey.header)
        async with session() as here:
            rows = _Rows(survey.header, column, file.name, reason, here.now)
            act = suppression.foresee if dry_run else await _noted(here, actor, reason)
            entries, reach, done = rows.entries(source, refused.add), Reach(), 0
            entries = _once(entries) if dry_run else entries
            with progress("Reading" if dry_run else "Adding", survey.rows) as show:
                while batch := list(islice(entries, _BATCH)):
                    reach += await act(here.database, batch)
                    show(done := done + len(batch))
        refused.close()
        return reach, refused

    reach, refused = run(take())
    _tell_import(reach, refused, dry_run=dry_run, as_json=as_json)


@app.command()
def export(
    file: Annotated[Path | None, Argument(metavar="FILE.csv", help="Where to; standard output if absent.")] = None,
) -> None:
    """The whole list as CSV, as `import` takes it."""

    async def write(out: TextIO) -> int:
        writer, number = csv.writer(out), 0
        writer.writerow(_COLUMNS)
        async with session() as here:
            async for entry in suppression.every_entry(here.database):
                writer.writerow([entry.email, entry.reason, entry.source, entry.at.isoformat()])
                number += 1
        return number

    if file is None:
        run(write(sys.stdout))
        return
    try:
        with file.open("w", encoding="utf-8", newline="") as out:
            number = run(write(out))
    except OSError as error:
        raise unreadable(file, error, "written") from error
    say(f"{number:,} entries written to {file}.")


@app.command("list")
def list_(
    search: Annotated[str, Option(help="Part of an address or domain.")] = "", limit: Limit = 100, as_json: Json = False
) -> None:
    """The list, the newest entries first."""

    async def read() -> tuple[list[Entry], int, str]:
        async with session() as here:
            return *await suppression.list_entries(here.database, search=search, limit=limit), here.time_note

    entries, total, note = run(read())
    headings = {"email": "Address", "reason": "Why", "source": "From", "at": "Since"}
    items = [entry.model_dump() for entry in entries]
    listing(items, total, headings, as_json=as_json, empty="There are no such entries.", note=note)


@app.command(help=_ADD)
def add(
    addresses: Annotated[list[str], Argument(metavar="ADDRESS…", help="Addresses, or *@domain.")],
    reason: Why = Reason.MANUAL,
    source: Annotated[str, Option(help="Where this comes from, in your words; shown in the list.")] = "tendril add",
    by: By = None,
) -> None:
    actor = who(by)
    keys = [suppression.key(address) for address in addresses]

    async def put() -> Reach:
        async with session() as here:
            entries = [Entry(email=key, reason=reason, source=source, at=here.now) for key in keys]
            detail = {"entries": len(entries), "why": reason.value}
            async with here.database.pool.acquire() as connection, connection.transaction():
                await note(connection, actor, "suppressions_added", "", here.now, detail)
                return await suppression.add_on(connection, entries)

    echo(_in_words(run(put()), "added"))


@app.command(help=_PULL)
def pull(
    vendor: Annotated[
        str, Argument(metavar="[VENDOR]", help="Whose list, by its name; TENDRIL_EMAIL_VENDOR if absent.")
    ] = "",
    full: Annotated[bool, Option("--full", help="The whole list, also what was read before.")] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    actor = who(by)

    async def take() -> Pulled:
        settings = located(read_settings())
        settings = settings.model_copy(update={"email_vendor": vendor}) if vendor else settings
        async with session() as here, suppressing(settings) as theirs:
            detail = {"vendor": theirs.vendor, "full": full, "added": 0}
            line = await note(here.database.pool, actor, "suppressions_pulled", "", here.now, detail)
            ours = PgVendorSuppressions(here.database, theirs.vendor, timedelta(0), line)
            pulled = Pulled()
            with progress("Reading", None, unit="entries") as show:
                async for step in Pulling(ours, theirs, here.clock).pull(datetime.now(UTC), full=full):
                    pulled += step
                    show(pulled.read, f"{pulled.added:,} new")
        return pulled

    try:
        pulled = run(take())
    except VendorFault as fault:
        raise Refused(
            f"The list could not be read: {fault}.", "`tendril connect` says what the vendor wants."
        ) from None
    _tell_pull(pulled, as_json=as_json)


@app.command()
def remove(
    address: Annotated[str, Argument(metavar="ADDRESS", help="As `tendril suppressions list` shows it.")],
    by: By = None,
) -> None:
    """Take an entry off the list. For somebody who opted out, only when they have asked to hear from you again."""
    actor = who(by)

    async def take() -> Entry:
        async with session() as here:
            return await suppression.remove(here.database, suppression.key(address), actor, here.now)

    entry = run(take())
    since = f"since {entry.at:%Y-%m-%d}" + (f", from {entry.source}" if entry.source else "")
    echo(f"Removed {entry.email} ({entry.reason.replace('_', ' ')} {since}). Ended journeys stay ended.")


async def _noted(here: Session, by: str, why: Reason) -> Callable[[Database, list[Entry]], Awaitable[Reach]]:
    """To add batch after batch, counted in one line of the operators' log; of an import cut off, what it did."""
    detail = {"why": why.value, "added": 0}
    line = await note(here.database.pool, by, "suppressions_imported", "", here.now, detail)
    return partial(suppression.add, line=line)


def _once(entries: Iterator[Entry]) -> Iterator[Entry]:
    """Each address the first time: what only says what it would do does not find there what it did before."""
    seen = Seen()
    for number, entry in enumerate(entries, start=1):
        if seen.first(entry.email, number) == number:
            yield entry


class _Rows:
    """Rows of a file as entries. Raises ``Refused`` when no column has the addresses."""

    def __init__(self, header: list[str], column: str, name: str, reason: Reason, now: datetime) -> None:
        self._places = {title.casefold(): place for place, title in reversed(list(enumerate(header)))}
        self._bare = header if len(header) == 1 and "@" in header[0] and not column else None
        self._address = 0 if self._bare else self._find(header, column)
        self._name, self._reason, self._now = name, reason, now

    def entries(self, file: CsvFile, reject: Callable[[Record, str], None]) -> Iterator[Entry]:
        first = [Record(1, 1, self._bare)] if self._bare else []
        for record in (*first, *file.rows()) if first else file.rows():
            if record.problem:
                reject(record, record.problem)
                continue
            try:
                entry = self._entry(record.cells)
            except (Refused, ValueError) as problem:
                reject(record, str(problem))
            else:
                yield entry

    def _entry(self, cells: list[str]) -> Entry:
        said, source = self._cell(cells, "reason"), self._cell(cells, "source") or f"import of {self._name}"
        known = suppression.reason(said) if said else self._reason
        remark = "" if known else f": {said}"
        email = suppression.key(cells[self._address] if self._address < len(cells) else "")
        return Entry(email=email, reason=known or Reason.MANUAL, source=source + remark, at=self._at(cells))

    def _at(self, cells: list[str]) -> datetime:
        text = self._cell(cells, "at")
        try:
            at = datetime.fromisoformat(text) if text else self._now
        except ValueError:
            raise ValueError(f"{text!r} is no time such as 2026-03-02T10:00:00+00:00") from None
        return min(at if at.tzinfo else at.replace(tzinfo=UTC), self._now)

    def _cell(self, cells: list[str], name: str) -> str:
        place = self._places.get(name)
        return cells[place].strip() if place is not None and place < len(cells) and not self._bare else ""

    def _find(self, header: list[str], column: str) -> int:
        wanted = (column.casefold(),) if column else _CALLED_EMAIL
        found = next((self._places[name] for name in wanted if name in self._places), None)
        if found is None and column:
            raise BadParameter(f"the file has no column {column!r}; it has {', '.join(header)}", param_hint="--column")
        if found is None:
            raise Refused(
                f"No column is called email or address: the file has {', '.join(header)}.", "Name it with --column."
            )
        return found


def _tell_import(reach: Reach, refused: Rejects, *, dry_run: bool, as_json: bool) -> None:
    where = str(refused.path) if refused.count else None
    if as_json:
        print_json({"dry_run": dry_run, **reach.model_dump(), "rejected": refused.count, "rejects_file": where})
        return
    echo(_in_words(reach, "would be added" if dry_run else "added"))
    if where:
        echo(f"{refused.count:,} rows were rejected: {where} has them with the reasons.")


def _tell_pull(pulled: Pulled, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(pulled))
        return
    known = pulled.read - pulled.left - pulled.added
    reach = Reach(added=pulled.added, known=known, leads=pulled.leads, journeys=pulled.journeys)
    echo(f"{pulled.read:,} entries read. {_in_words(reach, 'added')}")
    if pulled.left:
        echo(f"{pulled.left:,} were left: no addresses, or people who were erased.")


def _in_words(reach: Reach, added: str) -> str:
    words = f"{reach.added:,} {added}, {reach.known:,} were on the list already."
    concerned = f" Forbids writing to {reach.leads:,} leads; {reach.journeys:,} journeys in flight end."
    return words + (concerned if reach.leads else "")
