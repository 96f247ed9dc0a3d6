"""``tendril events import``."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from zoneinfo import available_timezones

from typer import Argument, BadParameter, Exit, Option, echo

from cli.backfill import report
from cli.backfill.engine import Backfill, Outcome
from cli.backfill.job import Job, Options
from cli.importing.command import delimiter_mark, pairs
from cli.importing.progress import progress
from cli.importing.rejects import Rejects
from cli.importing.report import default_rejects
from cli.output import Json, print_json, say
from cli.session import Session, run, session
from cli.who import By, who
from storage import imports, operators_log

HELP = """Import behaviour from a file: events in Segment's shape, one JSON object a line, or a CSV file.

What is imported is history: it keeps the time it happened, counts for scores, stages and conditions from each
journey's next decision on, and by itself wakes no journey, fires no trigger, and makes or changes no lead. Visitors
whom the file identifies are told by it. An event of nobody known waits, and is history still when somebody turns out to
be its owner.

With `--wake` the events are news, as if the API had taken them: identify makes and changes leads, journeys wake at
once, and what happened in the last 7 days may fire triggers and so send. What is older fires none.

An event is taken once, by its messageId, or by what it says and when. An interrupted import goes on where it stopped
when the same command is given again. Exit codes: 0 every line was taken, 1 refused or stopped, 2 wrong usage, 3 done,
but some lines were not taken: a file has them with the reasons.

Columns of a CSV file are mapped by `--map`; without it, columns named as a member are taken. Members: type (track if
absent, page, screen), event (or the page's path), userId, anonymousId, email, timestamp, messageId, properties (JSON),
properties.NAME.

Examples: `tendril events import history.ndjson --dry-run`,
`tendril events import visits.csv --map userId="Contact ID" --map event=Action --map timestamp=Date --timezone UTC`
"""
#: Done, but not with every line.
SOME_REJECTED = 3


@dataclass(frozen=True)
class _Asked:
    options: Options
    rejects: Path
    dry_run: bool
    again: bool
    as_json: bool
    by: str


def import_(  # noqa: PLR0917 - every option of the command, each given by name
    file: Annotated[Path, Argument(metavar="FILE", help="NAME.csv or NAME.tsv has columns; any other has JSON lines.")],
    map_: Annotated[
        list[str] | None, Option("--map", metavar="MEMBER=COLUMN", help="Which column a member is; once for each.")
    ] = None,
    wake: Annotated[bool, Option("--wake", help="Take the events as news: wake journeys, make leads.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Write nothing; say what would be stored.")] = False,
    timezone: Annotated[str, Option(help="Zone of times without one, such as Europe/Berlin.")] = "",
    rejects: Annotated[Path | None, Option(help="File for lines not taken; NAME.rejected.csv here if absent.")] = None,
    encoding: Annotated[str, Option(help="A CSV file's, when it is not UTF-8 or UTF-16 with a byte order mark.")] = "",
    delimiter: Annotated[str, Option(help="What stands between columns; `tab` for a tabulator.")] = "",
    again: Annotated[bool, Option("--again", help="Import a file again that was imported to its end.")] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    if timezone and timezone not in available_timezones():
        raise BadParameter(f"{timezone!r} is not an IANA time zone such as Europe/Berlin", param_hint="--timezone")
    mark = delimiter_mark(delimiter or ("tab" if file.suffix.lower() == ".tsv" else ","))
    options = Options(file, pairs(map_ or [], "MEMBER=COLUMN"), encoding, mark, timezone, wake)
    where = rejects or default_rejects(file)
    if where.resolve() == file.resolve():
        raise BadParameter("the file of rejected lines can't be the file that is imported", param_hint="--rejects")
    if run(_run(_Asked(options, where, dry_run=dry_run, again=again, as_json=as_json, by=who(by)))):
        raise Exit(SOME_REJECTED)


async def _run(asked: _Asked) -> int:
    """Returns how many lines were not taken."""
    file = asked.options.open()
    async with session() as here:
        with progress("Reading", file.size, unit="bytes") as show:
            job = Job(asked.options, file, here.now, show)
        job.meet_visitors()
        rejects = Rejects(asked.rejects, job.survey.header)
        try:
            await (_foretell if asked.dry_run else _import)(here, job, rejects, asked)
        finally:
            rejects.close()
        return rejects.count


async def _foretell(here: Session, job: Job, rejects: Rejects, asked: _Asked) -> None:
    with progress("Looking", job.survey.rows, unit="lines") as show:
        forecast = await Backfill(job, here, rejects).foretell(show)
    if asked.as_json:
        print_json(report.foretold(job, forecast, rejects))
    else:
        echo(report.foretold_in_words(job, forecast, rejects))


async def _import(here: Session, job: Job, rejects: Rejects, asked: _Asked) -> None:
    if asked.again:
        await imports.forget(here.database, job.id)
    before = await imports.begin(here.database, job.id)
    if before.finished:
        say(f"{job.options.path} was imported to its end before: nothing is left to do. --again imports it again.")
        outcome = Outcome(before=before.rows_done)
    else:
        detail = {"wake": asked.options.wake, "events": 0}
        line = await operators_log.note(here.database.pool, asked.by, "events_imported", "", here.now, detail)
        outcome = await _take(Backfill(job, here, rejects, line), job, before)
    if asked.as_json:
        print_json(report.imported(job, outcome, rejects))
    elif not before.finished:
        echo(report.imported_in_words(job, outcome, rejects))


async def _take(work: Backfill, job: Job, before: imports.Progress) -> Outcome:
    try:
        with progress("Importing", job.survey.rows, unit="lines") as show:
            return await work.run(before, show)
    except asyncio.CancelledError:
        say("Stopped. The same command goes on where it stopped; nothing will be doubled.")
        raise
