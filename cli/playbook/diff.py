"""``tendril playbook diff``."""

from contextlib import AsyncExitStack
from typing import Any

from authoring.changes import differences
from cli.output import Json, print_json
from cli.playbook.differing import as_data, tell
from cli.playbook.paper import Paper
from cli.playbook.versioned import Version, directory_of, version
from domain.playbook.models import Playbook
from runtime.playbooks import read_directory

HELP = """Say in words what differs between two versions: steps, rules, conditions, thresholds and texts.

Steps that are new, gone, moved or retimed; conditions old → new; of contents the lines that differ. Two directories
are compared without a database.

Examples: `tendril playbook diff b2b-saas playbooks/b2b-saas`, `tendril playbook diff b2b-saas@previous b2b-saas`,
`tendril playbook diff 4f1c 9be2 --json`
"""


def diff(old: Version, new: Version, as_json: Json = False) -> None:
    one, other = _read(old, new)
    changes = differences(one, other)
    if as_json:
        print_json({"from": _named(one), "to": _named(other), "total": len(changes), "items": as_data(changes)})
        return
    paper = Paper()
    if not changes:
        paper.line(f"Both are {one.name}, version {one.content_hash()}: nothing differs.")
        return
    paper.line(f"{one.name} {one.content_hash()} → {other.name} {other.content_hash()}")
    tell(paper, changes)


def _read(*named: str) -> list[Playbook]:
    directories = [directory_of(name) for name in named]
    if all(directories):
        return [read_directory(directory) for directory in directories if directory]
    from cli.session import run, session  # noqa: PLC0415 - two directories need no database's driver

    async def read() -> list[Playbook]:
        async with AsyncExitStack() as stack:
            here = await stack.enter_async_context(session())
            return [await version(here.database, name) for name in named]

    return run(read())


def _named(document: Playbook) -> dict[str, Any]:
    return {"name": document.name, "version": document.content_hash()}
