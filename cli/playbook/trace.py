"""``tendril playbook trace``."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from typer import Exit, Option

from authoring.events import Line, events, first_time, read_lines
from authoring.preview import invented_lead
from authoring.problems import Problem
from authoring.scenarios.course import Course, arranged, course, known_of
from authoring.scenarios.life import Life
from authoring.scenarios.models import START, LeadFile, Scenario
from authoring.scenarios.moments import parse_span
from authoring.scenarios.reading import read_file, read_lead
from cli.output import Json, print_json, say
from cli.playbook.directory import Directory
from cli.playbook.paper import Paper
from cli.playbook.telling import Telling
from domain.errors import Refused
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from runtime.playbooks import read_directory

HELP = """Tell one lead's whole story under a playbook: every decision, why, what was rejected, when it wakes next.

The core decides as it does in production, on a clock that jumps: no server, no database, no mail. Without `--lead` the
lead is an invented one; without `--events` nothing happens to them but what the playbook does by itself.

A lead is YAML: `{country: US, timezone: America/New_York, source: webinar, fields: {role: CTO, employees: 400}}`.
Events are JSON, one a line, as Segment sends them; before the start they count as history:
`{"type": "page", "properties": {"path": "/pricing"}, "timestamp": "2026-03-04T09:00:00Z"}`. A timestamp may also be a
time after the start: `"3d4h"`.

Examples: `tendril playbook trace playbooks/b2b-saas`,
`tendril playbook trace playbooks/b2b-saas --lead lead.yaml --events events.ndjson --until 6mo`,
`tendril playbook trace playbooks/b2b-saas --scenario playbooks/b2b-saas/tests/pricing.yaml --only "pricing visit"`
"""
_MOST_SHOWN = 20
_LONGEST = timedelta(days=3660)


def _span(text: str) -> timedelta:
    try:
        return parse_span(text)
    except ValueError as error:
        raise Refused(f"{error}.") from None


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is not a time.", "Write 2026-03-02 or 2026-03-02T10:00:00Z.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def trace(
    directory: Directory,
    lead: Annotated[Path | None, Option(metavar="FILE.yaml", help="Who it is about.")] = None,
    events_: Annotated[
        Path | None, Option("--events", metavar="FILE.ndjson", help="What happens, one JSON event a line.")
    ] = None,
    scenario: Annotated[
        Path | None, Option(metavar="FILE.yaml", help="Take lead and events from a scenario instead.")
    ] = None,
    only: Annotated[
        str | None, Option(metavar="TEXT", help="Of several scenarios in the file, the one whose title contains this.")
    ] = None,
    until: Annotated[
        timedelta | None, Option(parser=_span, metavar="TIME", help="How long: 36h, 90d, 12mo (the default).")
    ] = None,
    start: Annotated[
        datetime | None,
        Option(parser=_time, metavar="TIME", help="When it begins; with the first event, or on a Monday, if absent."),
    ] = None,
    as_json: Json = False,
) -> None:
    if scenario is not None and (lead is not None or events_ is not None):
        raise Refused("A scenario brings its own lead and events.", "Leave --lead and --events out.")
    playbook = CompiledPlaybook(read_directory(directory))
    if scenario is not None:
        life = _of_scenario(playbook, scenario, only, until)
    else:
        life = _of_files(playbook, lead, events_, start, until)
    if as_json:
        print_json(_as_data(life))
    else:
        Telling(Paper(), life).tell()


def _of_scenario(playbook: CompiledPlaybook, path: Path, only: str | None, until: timedelta | None) -> Life:
    read = read_file(path, str(path), playbook)
    _complain(read.problems)
    matching = [one for one in read.scenarios if only is None or only.casefold() in one.scenario.scenario.casefold()]
    if len(matching) != 1:
        titles = ", ".join(f"“{one.scenario.scenario}”" for one in matching or read.scenarios)
        said = f"{len(matching)} scenarios of {path} are meant" if matching else f"No scenario of {path} has “{only}”"
        raise Refused(f"{said}: there is {titles}.", "Name one with --only.")
    chosen: Scenario = matching[0].scenario
    return _lived(playbook, course(chosen if until is None else chosen.model_copy(update={"until": until})))


def _of_files(
    playbook: CompiledPlaybook, lead: Path | None, happens: Path | None, start: datetime | None, until: timedelta | None
) -> Life:
    who = _lead(playbook.document, lead)
    lines = _lines(happens)
    began = start or first_time(lines) or START
    ends = began + min(timedelta(days=360) if until is None else until, _LONGEST)
    told = events(lines, began)
    late = sum(one.at > ends for one in told.happenings)
    if late:
        count = f"{late:,} of {len(told.happenings):,} events"
        say(f"{count} come after the end ({ends:%Y-%m-%d}); --until reaches further.")
    entry = known_of(who, who.account, began, who.id)
    return _lived(playbook, arranged(entry, began, ends, told.happenings, {}, told.changes, {}))


def _lived(playbook: CompiledPlaybook, happens: Course) -> Life:
    try:
        return Life(playbook, happens)
    except RuntimeError as endless:
        raise Refused(f"This story has no end: {endless}.", "Please report it with the playbook.") from endless


def _lead(document: Playbook, path: Path | None) -> LeadFile:
    if path is None:
        known = {name: value for name, value in invented_lead(document).items() if _is_telling(value)}
        return LeadFile(fields=known)
    found, problems = read_lead(path, str(path), document.lead_fields)
    _complain(problems)
    assert found is not None  # noqa: S101 without problems there is one
    return found


def _is_telling(value: object) -> bool:
    """Whether an invented value says something, and is not there only to fill a field."""
    return isinstance(value, str) and value != "sample"


def _lines(path: Path | None) -> list[Line]:
    if path is None:
        return []
    try:
        lines, bad = read_lines(path)
    except OSError as error:
        raise Refused(f"{path} can't be read: {error.strerror or error}.", "Name a file of events.") from error
    for one in bad[:_MOST_SHOWN]:
        say(f"{path}:{one.number}: {one.message}")
    if bad:
        more = f" The first {_MOST_SHOWN} are shown." if len(bad) > _MOST_SHOWN else ""
        many = "1 line is" if len(bad) == 1 else f"{len(bad):,} lines are"
        raise Refused(f"{path}: {many} of no use.{more}", "Mend or remove what is named above.")
    return lines


def _complain(problems: list[Problem]) -> None:
    """Say what is wrong with a file, and end when it can't be used."""
    for problem in problems:
        say(str(problem))
    if any(problem.severity == "error" for problem in problems):
        raise Exit(1)


def _as_data(life: Life) -> dict[str, Any]:
    document = life.playbook.document
    return {
        "playbook": document.name,
        "hash": life.playbook.hash,
        "start": life.start,
        "until": life.until,
        "lead": life.course.entry.lead,
        "total": len(life.steps),
        "items": [{"arrived": step.arrived, "commands": step.asked, "decision": step.decision} for step in life.steps],
    }
