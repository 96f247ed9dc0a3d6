"""The moment that a command looks back to."""

from datetime import datetime
from typing import Annotated

from typer import Option

from domain.errors import Refused
from domain.moments import parse_moment
from storage import past
from storage.database import Database

At = Annotated[
    str,
    Option(
        "--at",
        metavar="TIME",
        help="As of then: 2026-03-05 (that day's end), 2026-03-05T14:30 (UTC) or '3d ago'; as known then.",
    ),
]
Decision = Annotated[int | None, Option("--decision", metavar="N", min=1, help="As of right after decision N.")]
Since = Annotated[str, Option("--since", metavar="TIME", help="Only what came after: as --at takes it.")]


def read(text: str, now: datetime) -> datetime:
    """Raises ``Refused`` for what is no moment, or one to come."""
    try:
        return parse_moment(text, now)
    except ValueError as wrong:
        raise Refused(str(wrong)[:1].upper() + str(wrong)[1:] + ".") from None


async def asked(database: Database, lead: str, now: datetime, at: str, decision: int | None) -> past.Moment | None:
    """The moment that ``--at`` or ``--decision`` names, None for now. Raises ``Refused`` and ``NotFound``."""
    if at and decision is not None:
        raise Refused("--at and --decision say two moments.", "Give one of them.")
    if decision is not None:
        return await past.of_decision(database, lead, decision)
    return past.Moment(read(at, now)) if at else None
