"""``tendril leads import``."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from typer import Argument, BadParameter, Exit, Option, confirm, echo

from cli.importing import report
from cli.importing.engine import Import, Outcome, already
from cli.importing.files import CsvFile
from cli.importing.forecast import foretell
from cli.importing.job import Job, Options
from cli.importing.mapping import read_map_file
from cli.importing.pace import parse_rate
from cli.importing.progress import progress
from cli.importing.rejects import Rejects
from cli.nearest import did_you_mean
from cli.output import Json, print_json, say
from cli.session import Session, run, session
from cli.who import By, who
from domain.errors import NotFound
from domain.playbook.compiled import CompiledPlaybook
from storage import imports, operators_log, playbooks

HELP = """Take leads from a CSV file and enrol them in a playbook.

The file is read through once before anything is written. Rows that can't be taken go to a file with the reasons. An
interrupted import goes on where it stopped when the same command is given again; nobody is doubled.

Columns are mapped by `--map` or `--map-file`; without either, columns named as a lead field are taken. Targets: the
playbook's lead fields, and external_id, email, country, timezone, source, owner, company, company_domain,
consent_email, do_not_email.

Examples: `tendril leads import leads.csv --map external_id="Contact ID" --map email=Mail --dry-run`,
`tendril leads import leads.csv --map-file map.yaml --playbook education --rate 50/s`
"""
_DELIMITERS = {"tab": "\t", "\\t": "\t", "semicolon": ";", "comma": ",", "pipe": "|"}


@dataclass(frozen=True)
class _Asked:
    options: Options
    playbook: str | None
    rejects: Path
    dry_run: bool
    as_json: bool
    yes: bool
    again: bool
    by: str


def import_(  # noqa: PLR0917 - every option of the command, each given by name
    file: Annotated[Path, Argument(metavar="FILE.csv", help="The file; its first row names the columns.")],
    map_: Annotated[
        list[str] | None, Option("--map", metavar="FIELD=COLUMN", help="Which column a lead field is; once for each.")
    ] = None,
    map_file: Annotated[Path | None, Option(help="YAML file of `field: column` pairs; --map goes before it.")] = None,
    playbook: Annotated[str | None, Option(help="Name of the playbook to enrol in; the default one if absent.")] = None,
    synthesise_email: Annotated[
        str | None,
        Option(metavar="DOMAIN", help="Give each lead an address at this domain, made from its external id."),
    ] = None,
    rate: Annotated[str | None, Option(help="Enrol no faster than this: 50/s, 600/m, 2000/h.")] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Write nothing; say what would happen in 30 days.")] = False,
    rejects: Annotated[Path | None, Option(help="File for rejected rows; NAME.rejected.csv here if absent.")] = None,
    encoding: Annotated[str, Option(help="Encoding, when it is not UTF-8 or UTF-16 with a byte order mark.")] = "",
    delimiter: Annotated[str, Option(help="What stands between columns; `tab` for a tabulator.")] = ",",
    again: Annotated[bool, Option("--again", help="Import a file again that was imported to its end.")] = False,
    yes: Annotated[bool, Option("--yes", "-y", help="Do not ask before enrolling.")] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    options = Options(
        path=file,
        wanted=_wanted(map_ or [], map_file),
        synthesise=_domain(synthesise_email),
        encoding=encoding,
        delimiter=delimiter_mark(delimiter),
        rate=parse_rate(rate),
    )
    where = rejects or report.default_rejects(file)
    if where.resolve() == file.resolve():
        raise BadParameter("the file of rejected rows can't be the file that is imported", param_hint="--rejects")
    asked = _Asked(options, playbook, where, dry_run=dry_run, as_json=as_json, yes=yes, again=again, by=who(by))
    run(_run(asked))


async def _run(asked: _Asked) -> None:
    options = asked.options
    file = CsvFile(options.path, encoding=options.encoding, delimiter=options.delimiter)
    with progress("Reading", file.size, unit="bytes") as show:
        survey = file.survey(show)
    async with session() as here:
        job = Job(options, file, survey, await _playbook(here, asked.playbook))
        rejects = Rejects(asked.rejects, job.survey.header)
        try:
            if asked.dry_run:
                await _foretell(here, job, rejects, as_json=asked.as_json)
            else:
                await _import(here, job, rejects, asked)
        finally:
            rejects.close()


async def _playbook(here: Session, name: str | None) -> CompiledPlaybook:
    """The playbook in force under the name. Raises ``NotFound`` with the nearest name there is."""
    try:
        _, content_hash = await playbooks.active(here.database, name)
    except NotFound as missing:
        known = [row["name"] for row in await playbooks.in_force(here.database)]
        raise NotFound(str(missing), did_you_mean(name or "", known) or missing.remedy) from missing
    return await playbooks.PgPlaybooks(here.database).compiled(content_hash)


async def _foretell(here: Session, job: Job, rejects: Rejects, *, as_json: bool) -> None:
    with progress("Simulating", job.survey.rows) as show:
        forecast = await foretell(job, here.database, here.clock, rejects, show)
    if as_json:
        print_json(report.foretold(job, forecast, rejects))
    else:
        echo(report.foretold_in_words(job, forecast, rejects))


async def _import(here: Session, job: Job, rejects: Rejects, asked: _Asked) -> None:
    if asked.again:
        await imports.forget(here.database, job.id)
    before = await already(here.database, job)
    if before.finished:
        _tell_finished(job, rejects, as_json=asked.as_json)
        return
    _ask(job, before, asked)
    detail = {"playbook": job.playbook.document.name, "leads": 0}
    line = await operators_log.note(here.database.pool, asked.by, "leads_imported", "", here.now, detail)
    outcome = await _take(Import(job, here.database, here.clock, rejects, line), job, before)
    if asked.as_json:
        print_json(report.imported(job, outcome, rejects))
    else:
        echo(report.imported_in_words(job, outcome, rejects))


async def _take(work: Import, job: Job, before: imports.Progress) -> Outcome:
    try:
        with progress("Importing", job.survey.rows, max(0, before.rows_done - 1)) as show:
            return await work.run(before, show)
    except asyncio.CancelledError:
        say("Stopped. The same command goes on where it stopped; nobody will be doubled.")
        raise


def _tell_finished(job: Job, rejects: Rejects, *, as_json: bool) -> None:
    if as_json:
        print_json(report.imported(job, Outcome(before=job.survey.last), rejects))
    say(f"{job.options.path} was imported to its end before, with the same mapping: nothing is left to do.")
    say("--again imports it again: known leads are updated, nobody is doubled.")


def _ask(job: Job, before: imports.Progress, asked: _Asked) -> None:
    """Ask a person at a terminal; a script means what it says."""
    if asked.yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    left = job.survey.last - max(before.rows_done, 1)
    if not confirm(f"Enrol up to {left:,} leads in {job.playbook.document.name}?", err=True):
        raise Exit(1)


def _wanted(given: list[str], file: Path | None) -> dict[str, str]:
    return (read_map_file(file) if file else {}) | pairs(given, "FIELD=COLUMN")


def pairs(given: list[str], shape: str) -> dict[str, str]:
    """Target → column of what ``--map`` was given. Raises a usage error for what is not of that shape."""
    wanted = {}
    for pair in given:
        target, equals, column = pair.partition("=")
        if not equals or not target.strip() or not column.strip():
            raise BadParameter(f"{pair!r} is not {shape}", param_hint="--map")
        wanted[target.strip()] = column.strip()
    return wanted


def _domain(text: str | None) -> str:
    if not text:
        return ""
    try:
        return validate_email(f"lead@{text.removeprefix('@')}", check_deliverability=False).domain
    except EmailNotValidError as error:
        raise BadParameter(f"{text!r} is not a domain: {error}", param_hint="--synthesise-email") from error


def delimiter_mark(text: str) -> str:
    """The character, or the one of that name. Raises a usage error for what is neither."""
    mark = _DELIMITERS.get(text.casefold(), text)
    if len(mark) != 1 or mark in '"\r\n':
        raise BadParameter(f"{text!r} is not one character", param_hint="--delimiter")
    return mark
