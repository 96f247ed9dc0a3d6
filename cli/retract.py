"""``tendril events retract``: take back what should never have counted."""

from typing import Annotated

from typer import Argument, Exit, Option, echo

from cli.output import Json, print_json
from cli.session import run, session
from storage.retractions import BY_HAND, Outcome
from storage.retractions import retract as take_back

HELP = """Retract behaviour: it is kept and shown, and counts no more. Its journey wakes and decides without it.

For tests, colleagues, machines: whatever was taken for a lead's interest and was none. What has been sent because of it
stays sent, and a suppression that it caused stays too. All are retracted in one step; retracting twice is once. Exits
with code 1 when an id is unknown. `tendril leads explain LEAD --json` shows the ids.

Example: `tendril events retract cli-3f2a m-1017 --reason "a test by our own people"`
"""
_WORDS = {
    Outcome.RETRACTED: "Retracted",
    Outcome.NOT_COUNTED: "Did not count before",
    Outcome.UNKNOWN: "No such event",
}


def retract(
    message_ids: Annotated[list[str], Argument(metavar="MESSAGE_ID...", help="The events' message ids.")],
    reason: Annotated[str, Option(help="Why; shown in the lead's story.")] = BY_HAND,
    as_json: Json = False,
) -> None:
    async def settle() -> dict[str, Outcome]:
        async with session() as here:
            return await take_back(here.database, message_ids, reason, here.now)

    outcomes = run(settle())
    if as_json:
        print_json({"events": [{"message_id": each, "outcome": outcome} for each, outcome in outcomes.items()]})
    else:
        for each, outcome in outcomes.items():
            echo(f"{_WORDS[outcome]}: {each}")
    if Outcome.UNKNOWN in outcomes.values():
        raise Exit(1)
