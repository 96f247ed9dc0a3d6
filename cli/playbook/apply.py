"""``tendril playbook apply``."""

from typing import Annotated, Any

from typer import Option, echo

from cli.playbook.directory import Directory
from runtime.playbooks import read_directory

HELP = """Put a playbook in force: new journeys begin with it, and those that follow it decide with it from now on.

A broken playbook is refused and nothing changes. Applying the version in force again changes nothing either.

Example: `tendril playbook apply playbooks/education --default`
"""


def apply(
    directory: Directory,
    default: Annotated[bool, Option("--default", help="Also take it for leads for whom no playbook is named.")] = False,
) -> None:
    from cli.session import run, session  # noqa: PLC0415 - the database's driver takes longer than a whole check
    from storage import playbooks  # noqa: PLC0415 - as above

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
