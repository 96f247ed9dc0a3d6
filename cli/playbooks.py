"""``tendril playbook``: checked, applied, listed, previewed."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Exit, Option, Typer, echo

from authoring.check import check as check_directory
from authoring.preview import preview_page
from authoring.problems import Problem, refused
from cli.output import Json, listing, print_json
from cli.session import run, session
from domain.errors import Refused
from runtime.playbooks import read_directory
from storage import playbooks

app = Typer(no_args_is_help=True, help="Playbooks: directories of YAML and Markdown, checked and put in force.")

Directory = Annotated[Path, Argument(metavar="DIR", help="The playbook's directory, which holds playbook.yaml.")]

_CHECK = """Say everything that is wrong with a playbook, with file, line and column. Exit code 1 when it is refused.

Needs no database. Warnings alone do not refuse it.

Example: `tendril playbook check playbooks/b2b-saas`
"""
_APPLY = """Put a playbook in force: new journeys begin with it, and those that follow it decide with it from now on.

A broken playbook is refused and nothing changes. Applying the version in force again changes nothing either.

Example: `tendril playbook apply playbooks/education --default`
"""


@app.command(help=_CHECK)
def check(directory: Directory, as_json: Json = False) -> None:
    found = check_directory(directory)
    if as_json:
        print_json({"total": len(found), "items": [asdict(problem) for problem in found]})
    else:
        for problem in found:
            echo(placed(directory, problem))
        echo(_verdict(directory, found))
    raise Exit(1 if refused(found) else 0)


@app.command(help=_APPLY)
def apply(
    directory: Directory,
    default: Annotated[bool, Option("--default", help="Also take it for leads for whom no playbook is named.")] = False,
) -> None:
    document = read_directory(directory)

    async def put() -> tuple[str, dict[str, Any]]:
        async with session() as here:
            content_hash = await playbooks.store(here.database, document, here.now, default=default)
            rows = await playbooks.in_force(here.database)
            return content_hash, next(row for row in rows if row["name"] == document.name)

    content_hash, row = run(put())
    word = "follow it from now on" if document.follow else "stay with the version they began with"
    echo(f"Playbook {document.name} is in force, version {content_hash}{', the default' if row['is_default'] else ''}.")
    if row["journeys"]:
        echo(f"{row['journeys']:,} journeys in flight {word}.")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """The playbooks in force, with how many journeys of each are in flight."""

    async def read() -> list[dict[str, Any]]:
        async with session() as here:
            return await playbooks.in_force(here.database)

    items = run(read())
    columns = {
        "name": "Name",
        "hash": "Version",
        "is_default": "Default",
        "applied_at": "Since",
        "versions": "Versions",
        "journeys": "In flight",
    }
    empty = "No playbook has been applied. `tendril playbook apply DIR` puts one in force."
    listing(items, len(items), columns, as_json=as_json, empty=empty)


@app.command()
def preview(
    directory: Directory,
    out: Annotated[Path | None, Option(help="Write the page here instead of to standard output.")] = None,
) -> None:
    """One HTML page with every mail of the playbook as an invented lead would get it."""
    page = preview_page(read_directory(directory))
    if out is None:
        sys.stdout.write(page)
        return
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{out} can't be written: {error.strerror or error}.", "Choose another file.") from error
    echo(f"{out}: open it in a browser.")


def placed(directory: Path, problem: Problem) -> str:
    """The problem as compilers print theirs, so that editors can jump to it."""
    return f"{directory / problem.file}{str(problem).removeprefix(problem.file)}"


def _verdict(directory: Path, found: list[Problem]) -> str:
    errors = sum(problem.severity == "error" for problem in found)
    warnings = len(found) - errors
    if not found:
        return f"{directory} is sound."
    verdict = "is refused" if errors else "can be applied"
    return f"{directory} {verdict}: {errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}."
