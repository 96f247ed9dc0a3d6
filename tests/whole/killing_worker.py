"""The real worker, with one step at which it kills itself: kill -9 at a named await of a send, once.

Read from the environment: ``KILL_AT`` (a name of ``POINTS``), ``KILL_LEAD`` (whose touch), ``KILL_MARKER`` (a file that
says that it has happened). Nothing in here is production code; the worker is composed as in production, and only
these classes' steps are watched.
"""

import asyncio
import os
import signal
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from adapters.email import smtp
from adapters.email.carrier import Sought
from runtime import composition, vendors
from runtime.settings import Settings
from runtime.worker import run_worker
from storage import wakes
from storage.journeys import PgJourneys
from storage.ledger import PgLedger

#: Where the worker dies, in the order of a touch's life.
POINTS = {
    "told": "the journey was started, the wake not yet forgotten",
    "decided": "the decision is recorded, Temporal does not know it yet",
    "claiming": "the claim is written, its transaction not committed",
    "claimed": "the claim is committed, nobody connected",
    "connected": "connected, nothing said",
    "addressed": "the recipient was accepted, the message not handed over",
    "handed_over": "the server keeps the message, and has not said so",
    "accepted": "the server said 250, the ledger does not know it",
    "marked": "the ledger says sent, Temporal does not know it",
}
#: What the running attempt sends.
_sending: ContextVar[Any] = ContextVar("sending")
_POINT, _LEAD = os.environ.get("KILL_AT", ""), os.environ.get("KILL_LEAD", "")


def die(point: str, lead: str) -> None:
    """Kill -9 ourselves if this is the place, and we have not done so before."""
    if point != _POINT or lead != _LEAD:
        return
    try:
        Path(os.environ["KILL_MARKER"]).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def lead_of(key: str) -> str:
    return key.partition("/")[0]


class Journeys(PgJourneys):
    async def record(self, previous: Any, decision: Any, *rest: Any, **more: Any) -> None:
        await super().record(previous, decision, *rest, **more)
        if decision.send:
            die("decided", decision.state.lead)


class Ledger(PgLedger):
    async def _claim(self, connection: Any, key: str, *rest: Any) -> Any:
        claim = await super()._claim(connection, key, *rest)
        die("claiming", lead_of(key))
        return claim

    async def claim(self, key: str, *rest: Any) -> Any:
        claim = await super().claim(key, *rest)
        die("claimed", lead_of(key))
        return claim

    async def mark_sent(self, key: str, *rest: Any) -> None:
        await super().mark_sent(key, *rest)
        die("marked", lead_of(key))


class Carrier(smtp.SmtpCarrier):
    async def carry(self, mail: Any) -> Any:
        _sending.set(mail)
        return await super().carry(mail)

    def _reusable(self) -> Any:
        """No open connection where connecting is watched: another lead's touch may have left one."""
        return None if _POINT == "connected" and _lead() == _LEAD else super()._reusable()

    async def _connect(self) -> Any:
        connection: Any = await super()._connect()
        die("connected", _lead())
        hand_over = connection.data

        async def data(message: Any) -> Any:
            mail, lead = _sending.get(), _lead()  # a connection serves many touches
            die("addressed", lead)
            reply = asyncio.ensure_future(hand_over(message))
            if _POINT == "handed_over" and lead == _LEAD:
                while await self.carried(Sought(mail.key, mail.message_id, mail.to)) is None:  # noqa: ASYNC110 no event
                    await asyncio.sleep(0.01)
                die("handed_over", lead)
            answer = await reply
            die("accepted", lead)
            return answer

        connection.data = data
        return connection


def _lead() -> str:
    return lead_of(_sending.get().key)


def watch() -> None:
    """Put the watched classes where the worker is composed."""
    for module, name, watched in (
        (composition, "PgJourneys", Journeys),
        (composition, "PgLedger", Ledger),
        (vendors, "SmtpCarrier", Carrier),
    ):
        assert hasattr(module, name), f"{name} is composed elsewhere now"
        setattr(module, name, watched)
    forget = wakes.done_many

    async def done_many(database: Any, told: Any) -> None:
        for lead, _ in told:
            die("told", lead)
        await forget(database, told)

    setattr(wakes, forget.__name__, done_many)


if __name__ == "__main__":
    watch()
    asyncio.run(run_worker(Settings()))
    os._exit(0)
