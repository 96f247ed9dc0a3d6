"""Taking dead letters in after all: the same way as the first time, counted from when they first came."""

from typing import Any

from api.schemas.tracking import Taken
from api.services import tracking
from api.services.events import Arrival, sort_events
from domain.clock import ScaledClock
from storage import dead_letters
from storage.database import Database
from storage.tables import DeadLetter


async def replay(
    database: Database, clock: ScaledClock, letter: DeadLetter, body: dict[str, Any] | None = None
) -> tuple[Taken, str]:
    """Take one in, with ``body`` in place of its own if given. What became of it, and why it is bad if it still is.

    One that is taken is a dead letter no more. Cut off between the two it is taken once all the same: its id holds.
    """
    number = int(letter.id or 0)
    good, bad = sort_events([letter.body if body is None else body])
    if bad:
        await dead_letters.explain(database, number, bad[0].reason)
        return Taken(success=False, accepted=0, duplicates=0, rejected=1), bad[0].reason
    event = good[0].model_copy(update={"message_id": good[0].message_id or f"dead-letter-{number}"})
    taken = await tracking.take(database, [event], Arrival(clock.to_real(letter.received_at), letter.received_at))
    await dead_letters.drop(database, number)
    return taken, ""
