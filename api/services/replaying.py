"""Taking dead letters in after all: the same way as the first time, counted from when they first came."""

from typing import Any

from api.schemas.tracking import Taken
from api.services import tracking, webhooks
from api.services.events import Arrival, sort_events
from domain.clock import ScaledClock
from domain.told import Unreadable
from runtime.inbound import inbounds
from storage import dead_letters
from storage.database import Database
from storage.tables import DeadLetter
from storage.webhooks import SOURCE, take_again


async def replay(
    database: Database, clock: ScaledClock, letter: DeadLetter, body: dict[str, Any] | None = None
) -> tuple[Taken, str]:
    """Take one in, with ``body`` in place of its own if given. What became of it, and why it is bad if it still is.

    One that is a vendor's request goes the way of webhooks. One that is taken is a dead letter no more. Cut off between
    the two it is taken once all the same: its id holds.
    """
    number = int(letter.id or 0)
    if letter.source.startswith(SOURCE):
        return await _replay_webhook(database, clock, letter, letter.body if body is None else body)
    claims = letter.source.startswith(tracking.FROM_PAGE)
    good, bad = sort_events([letter.body if body is None else body], claims=claims)
    if bad:
        await dead_letters.explain(database, number, bad[0].reason)
        return _bad(), bad[0].reason
    event = good[0].model_copy(update={"message_id": good[0].message_id or f"dead-letter-{number}"})
    arrival = Arrival(clock.to_real(letter.received_at), letter.received_at)
    taken = await tracking.take(database, [event], arrival, letter.source.partition("/")[2], claims=claims)
    await dead_letters.drop(database, number)
    return taken, ""


async def _replay_webhook(
    database: Database, clock: ScaledClock, letter: DeadLetter, body: dict[str, Any]
) -> tuple[Taken, str]:
    vendor, at = letter.source.removeprefix(SOURCE), clock.to_real(letter.received_at)
    inbound = inbounds().get(vendor)
    if inbound is None:
        return _bad(), f"no webhook of {vendor} is set up here"
    told = webhooks.understood(inbound, webhooks.kept(body, at))
    took = await take_again(database, vendor, told, clock, at)
    why = "; ".join(dict.fromkeys(one.why for one in told if isinstance(one, Unreadable)))
    number = int(letter.id or 0)
    await (dead_letters.explain(database, number, why) if why else dead_letters.drop(database, number))
    return Taken(success=not why, accepted=took.new, duplicates=0, rejected=took.dead), why


def _bad() -> Taken:
    return Taken(success=False, accepted=0, duplicates=0, rejected=1)
