"""``tendril playbook plan``."""

from typing import Annotated

from typer import Option

from cli.output import Json, print_json
from cli.playbook.paper import Paper
from cli.playbook.versioned import Version
from domain.versions import Policy

HELP = """Say what a change would do before it is made: what differs, and what becomes of everybody in flight.

For each policy (pin, follow, migrate) it counts who would stand elsewhere, get something else, be handed to sales, end
or hear nothing in the next 14 days, beside what becomes of them without the change. The core itself decides on each
journey's recorded state and all that is known, on a clock that jumps; no behaviour is assumed. Nothing is written.

Examples: `tendril playbook plan playbooks/b2b-saas`, `tendril playbook plan playbooks/b2b-saas --policy migrate`,
`tendril playbook plan b2b-saas@previous --sample 0 --json`
"""
#: Journeys that are foretold unless more are asked for: some ten seconds on one core.
SAMPLE = 2000

Sample = Annotated[
    int, Option("--sample", help="Foretell at most so many journeys, drawn at random; 0 for all.", min=0)
]
Seed = Annotated[int, Option(help="Which ones are drawn: the same seed draws the same.")]


def plan(
    version: Version,
    policy: Annotated[Policy | None, Option(help="Show the lists of this policy only.")] = None,
    sample: Sample = SAMPLE,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    from cli.playbook.planning.plan import Plan, prepared  # noqa: PLC0415 - the driver takes longer than a whole check
    from cli.playbook.planning.words import Telling  # noqa: PLC0415 - as above
    from cli.playbook.versioned import version as find  # noqa: PLC0415 - as above
    from cli.session import run, session  # noqa: PLC0415 - as above
    from domain.planning.prospects import MOVING  # noqa: PLC0415 - as above

    async def make() -> Plan:
        async with session() as here:
            return await prepared(here, await find(here.database, version), sample, seed)

    made = run(make())
    if as_json:
        print_json(made.as_data())
    else:
        Telling(Paper(), made, MOVING if policy is None else {policy}).tell()
