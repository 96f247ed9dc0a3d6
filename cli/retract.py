"""``tendril events retract`` and ``restore``: take back what should never have counted, and give it back."""

from collections.abc import Mapping
from typing import Annotated

from typer import Argument, Exit, Option, echo

from cli.output import Json, print_json
from cli.session import run, session
from cli.who import By, who
from storage.retractions import BY_HAND, RESTORED_BY_HAND, Outcome
from storage.retractions import restore as give_back
from storage.retractions import retract as take_back

RESTORE = """Let behaviour count after all: what was retracted, or was taken for a machine's.

Its journey wakes and scores anew; it fires no trigger, being no news. Restoring twice is once. Exits with code 1 when
an id is unknown, or its event is kept no longer.

Example: `tendril events restore m-1017 --reason "the colleague was a customer"`
"""
HELP = """Retract behaviour: it is kept and shown, and counts no more. Its journey wakes and decides without it.

For tests, colleagues, machines: whatever was taken for a lead's interest and was none. What has been sent because of it
stays sent, and a suppression that it caused stays too. All are retracted in one step; retracting twice is once. Exits
with code 1 when an id is unknown. Message ids are their senders': one that several have is refused until `--sender`
says whose is meant. `tendril journeys explain LEAD --json` shows the ids.

Example: `tendril events retract cli-3f2a m-1017 --reason "a test by our own people"`
"""
_WORDS = {
    Outcome.RETRACTED: "Retracted",
    Outcome.NOT_COUNTED: "Did not count before",
    Outcome.RESTORED: "Restored",
    Outcome.COUNTED: "Counted before",
    Outcome.PURGED: "Kept no longer",
    Outcome.UNKNOWN: "No such event",
}
MessageIds = Annotated[list[str], Argument(metavar="MESSAGE_ID...", help="The events' message ids.")]
Whose = Annotated[
    str | None,
    Option("--sender", help="Whose ids they are, where several have them: a key's name, '' for Tendril itself."),
]


def retract(
    message_ids: MessageIds,
    reason: Annotated[str, Option(help="Why; shown in the lead's story.")] = BY_HAND,
    sender: Whose = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    actor = who(by)

    async def settle() -> dict[str, Outcome]:
        async with session() as here:
            return await take_back(here.database, message_ids, actor, reason, here.now, sender)

    _tell(run(settle()), as_json=as_json)


def restore(
    message_ids: MessageIds,
    reason: Annotated[str, Option(help="Why; shown in the lead's story.")] = RESTORED_BY_HAND,
    sender: Whose = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    actor = who(by)

    async def settle() -> dict[str, Outcome]:
        async with session() as here:
            return await give_back(here.database, message_ids, actor, reason, here.now, sender)

    _tell(run(settle()), as_json=as_json)


def _tell(outcomes: Mapping[str, Outcome], *, as_json: bool) -> None:
    if as_json:
        print_json({"events": [{"message_id": each, "outcome": outcome} for each, outcome in outcomes.items()]})
    else:
        for each, outcome in outcomes.items():
            echo(f"{_WORDS[outcome]}: {each}")
    if {Outcome.UNKNOWN, Outcome.PURGED} & set(outcomes.values()):
        raise Exit(1)
