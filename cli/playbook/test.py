"""``tendril playbook test``."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from typer import Exit, Option

from authoring.problems import refused
from authoring.scenarios.reading import Placed, Read, read_scenarios
from authoring.scenarios.run import run
from cli.output import Json
from cli.playbook.directory import Directory
from cli.playbook.results import Report, as_github, as_json, as_junit, as_text
from domain.errors import Refused
from domain.playbook.compiled import CompiledPlaybook
from runtime.playbooks import read_directory

Format = Literal["text", "json", "github", "junit"]

HELP = """Run a playbook's own tests: the scenarios in DIR/tests/*.yaml. Exit code 1 when one fails.

Each scenario invents a lead, says what happens to them and what must follow. The core decides as it does in
production, on a clock that jumps: no server, no database, no mail.

What fails is reported with file and line, what was expected, what happened instead, and the decisions that explain it.

Examples: `tendril playbook test playbooks/b2b-saas`, `tendril playbook test playbooks/b2b-saas --only pricing -v`

docs/playbook-tests.md teaches how to write them.
"""


def run_tests(
    directory: Directory,
    only: Annotated[
        str | None, Option(metavar="TEXT", help="Only scenarios whose title or file contains this.")
    ] = None,
    verbose: Annotated[bool, Option("--verbose", "-v", help="Every scenario with every expectation.")] = False,
    form: Annotated[
        Format, Option("--format", help="text for people, json, github for annotations, junit for CI servers.")
    ] = "text",
    as_json_: Json = False,
) -> None:
    playbook = CompiledPlaybook(read_directory(directory))
    read = read_scenarios(directory, playbook)
    chosen = _chosen(directory, read, only)
    report = Report(directory, read.problems, run(playbook, chosen))
    shown = "json" if as_json_ else form
    if shown == "text":
        as_text(report, verbose=verbose)
    else:
        {"json": as_json, "github": as_github, "junit": as_junit}[shown](report)
    raise Exit(1 if refused(read.problems) or report.failed else 0)


def _chosen(directory: Path, read: Read, only: str | None) -> list[Placed]:
    """The scenarios to run. Raises ``Refused`` when there are none at all: a test that tests nothing must not pass."""
    if not read.scenarios and not read.problems:
        raise Refused(
            f"{directory} has no tests.",
            f"Write scenarios in {directory / 'tests'}/NAME.yaml; docs/playbook-tests.md shows how.",
        )
    chosen = [one for one in read.scenarios if only is None or _matches(one, only)]
    if only is not None and not chosen and read.scenarios:
        raise Refused(f"No scenario has “{only}” in its title or file.", _some(read.scenarios))
    return chosen


def _matches(placed: Placed, only: str) -> bool:
    return only.casefold() in f"{placed.scenario.scenario} {placed.file}".casefold()


def _some(scenarios: Iterable[Placed]) -> str:
    titles = [f"“{one.scenario.scenario}”" for one in scenarios]
    more = " …" if len(titles) > 3 else ""  # noqa: PLR2004 - a line's worth
    return f"There is {', '.join(titles[:3])}{more}"
