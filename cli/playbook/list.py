"""``tendril playbook list``."""

from typing import Any

from cli.output import Json, listing

HELP = "The playbooks in force, with how many journeys of each are in flight."


def in_force(as_json: Json = False) -> None:
    from cli.session import run, session  # noqa: PLC0415 - the database's driver takes longer than a whole check
    from storage import playbooks  # noqa: PLC0415 - as above

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
