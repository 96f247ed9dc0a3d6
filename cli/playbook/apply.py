"""``tendril playbook apply``."""

from typing import Annotated

from typer import Option

from cli.output import Json
from cli.playbook.directory import Directory
from cli.playbook.wishes import RATE, PolicyChoice, Rate, Reason, Yes
from cli.who import By, who
from runtime.playbooks import read_directory

HELP = """Put a playbook in force: new journeys begin with it, those in flight do what `--policy` says.

`pin`: they stay with the version they run. `follow`: those of the version that was in force go on with it at their next
decision. `migrate`: all of them move to it now, at `--rate`, by an operation that can be paused and cancelled.

A broken playbook is refused and nothing changes. Applying the version in force again changes nothing either. At a
terminal the change is foretold first (as `playbook plan` does), and asked about where journeys are in flight.

Examples: `tendril playbook apply playbooks/education --default`,
`tendril playbook apply playbooks/b2b-saas --policy migrate --rate 20/s --reason "shorter path for finance"`
"""


def apply(
    directory: Directory,
    policy: PolicyChoice = None,
    rate: Rate = RATE,
    reason: Reason = "",
    default: Annotated[bool, Option("--default", help="Also take it for leads for whom no playbook is named.")] = False,
    by: By = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    document = read_directory(directory)
    from cli.playbook.changing import Wish, change  # noqa: PLC0415 - the driver takes longer than a whole check
    from cli.session import run, session  # noqa: PLC0415 - as above

    async def put() -> None:
        async with session() as here:
            await change(here, document, Wish(who(by), policy, rate, reason, yes, as_json, default=default))

    run(put())
