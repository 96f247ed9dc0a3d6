"""``tendril playbook rollback``."""

from typing import Annotated

from typer import Argument, Option

from cli.output import Json
from cli.playbook.wishes import RATE, PolicyChoice, Rate, Reason, Yes
from cli.who import By, who

HELP = """Put an earlier version of a playbook in force again: the one before, or the one of `--to`.

It is a change like any other, with the same policies, the same look ahead and the same record. Versions are kept for
good, so no directory is needed. A migration that is still under way is cancelled.

Examples: `tendril playbook rollback b2b-saas --reason "wrong threshold"`,
`tendril playbook rollback b2b-saas --to 4f1c --policy migrate`
"""


def rollback(
    name: Annotated[str, Argument(metavar="NAME", help="The playbook.")],
    to: Annotated[str, Option(help="The version's hash or its beginning; the one before when absent.")] = "",
    policy: PolicyChoice = None,
    rate: Rate = RATE,
    reason: Reason = "",
    by: By = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.playbook.changing import Wish, change  # noqa: PLC0415 - the driver takes longer than the command line
    from cli.playbook.versioned import earlier  # noqa: PLC0415 - as above
    from cli.session import run, session  # noqa: PLC0415 - as above

    async def put() -> None:
        async with session() as here:
            document = await earlier(here.database, name, to)
            await change(here, document, Wish(who(by), policy, rate, reason, yes, as_json, rollback=True))

    run(put())
