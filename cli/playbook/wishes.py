"""Options that commands share which put a version in force."""

from typing import Annotated

from typer import Option

from domain.versions import Policy

#: Journeys a second that a migration moves when nothing else is said.
RATE = "50/s"

PolicyChoice = Annotated[
    Policy | None,
    Option(help="For journeys in flight; what the document of the version in force says (`follow`) when absent."),
]
Rate = Annotated[str, Option(help="With migrate: move no faster than this: 50/s, 600/m, 2000/h.")]
Reason = Annotated[str, Option(help="Why, for the record.")]
Yes = Annotated[bool, Option("--yes", "-y", help="Do not look ahead, and do not ask.")]
