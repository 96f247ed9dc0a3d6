"""``tendril playbook versions``."""

from typing import Annotated, Any

from typer import Argument

from cli.nearest import did_you_mean
from cli.output import Json, listing
from domain.errors import NotFound

HELP = """The versions of playbooks: when each was put in force, by whom, why, and how many journeys run it.

`Journeys then` says what was chosen for journeys in flight: pin, follow or migrate; `Goes on with` which version those
that run this one take up at their next decision.

Example: `tendril playbook versions b2b-saas`
"""


def versions(
    name: Annotated[str, Argument(metavar="[NAME]", help="Of this playbook; of all when absent.")] = "",
    as_json: Json = False,
) -> None:
    from cli.session import run, session  # noqa: PLC0415 - the database's driver takes longer than a whole check
    from storage import playbook_versions, playbooks  # noqa: PLC0415 - as above

    async def read() -> list[dict[str, Any]]:
        async with session() as here:
            found = await playbook_versions.versions(here.database, name)
            if name and not found:
                known = [row["name"] for row in await playbooks.in_force(here.database)]
                remedy = did_you_mean(name, known) or "`tendril playbook list` shows those there are."
                raise NotFound(f"There is no playbook named {name!r}.", remedy)
            return found

    items = run(read())
    columns = {
        "hash": "Version",
        "name": "Name",
        "in_force": "In force",
        "at": "Since",
        "by": "By",
        "policy": "Journeys then",
        "rollback": "Rollback",
        "reason": "Why",
        "followed_by": "Goes on with",
        "journeys": "In flight",
    }
    empty = "No playbook has been applied. `tendril playbook apply DIR` puts one in force."
    listing(items, len(items), columns, as_json=as_json, empty=empty)
