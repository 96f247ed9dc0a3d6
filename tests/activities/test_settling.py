"""Claims that nobody will settle any more are settled by what the vendor knows, and nothing is sent."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.messages import SendTouch, Watch
from activities.settling import SETTLE_CLAIMS, Settling
from activities.watching import Watching
from domain.clock import ScaledClock
from domain.errors import CannotTell, TransientFault
from domain.ports import ClaimResult, OutboundTouch, Receipt, TouchChannel
from domain.words import Channel, TouchStatus
from storage.audiences import PgAudiences
from storage.ledger import PgLedger
from storage.lists import PgLists
from storage.playbooks import PgPlaybooks
from storage.retention import PgRetention
from tests.activities.conftest import START, Bench
from tests.workflows.running import Recorder


@dataclass
class Unhelpful:
    """A vendor that answers no question."""

    fault: Exception

    async def send(self, touch: OutboundTouch) -> Receipt:
        raise AssertionError(f"{touch.key} was sent")

    async def lookup(self, touch: OutboundTouch) -> Receipt | None:  # noqa: ARG002 the port has it
        raise self.fault


@dataclass
class Workflows:
    """Stands for the server: the leads whose workflow still carries out a touch."""

    busy: set[str] = field(default_factory=set)

    async def any(self, lead: str) -> bool:
        return lead in self.busy


def ledger(bench: Bench) -> PgLedger:
    return PgLedger(bench.database, PgPlaybooks(bench.database))


async def settle(bench: Bench, channel: TouchChannel | None = None, *, busy: str = "") -> int:
    settling = Settling(
        ledger(bench), {Channel.EMAIL: channel or bench.mail}, Workflows({busy}), ScaledClock(), timeout=5.0
    )
    settled: int = await ActivityEnvironment().run(settling.settle_claims)
    return settled


async def left_open(bench: Bench, *, minutes: float, ended: bool = False, called_back: bool = False) -> SendTouch:
    """A touch whose attempt died so many minutes ago, of a journey that has ended or called it back meanwhile, or that
    goes on.
    """
    touch = await bench.planned()
    await bench.crash_after_claiming(touch)
    await bench.database.pool.execute(
        "update touch set claimed_at = $1, leased_until = now() - $2::float8 * interval '1 minute', reason = $4"
        " where key = $3",
        START,
        minutes,
        touch.key,
        "Handed to sales" if called_back else "",
    )
    await bench.database.pool.execute("update journey set ended_at = $1", START if ended else None)
    await bench.database.pool.execute("delete from pending_wake")
    return touch


async def row(bench: Bench, touch: SendTouch) -> dict[str, Any]:
    return dict(await bench.database.pool.fetchrow("select * from touch where key = $1", touch.key))


async def wakes(bench: Bench) -> list[list[str]]:
    return [found["types"] for found in await bench.database.pool.fetch("select types from pending_wake")]


async def test_a_touch_that_was_sent_is_marked_so(bench: Bench):
    touch = await left_open(bench, minutes=2, ended=True)
    bench.mail.sent.append((await ledger(bench).open_claims(1))[0].touch)
    assert await settle(bench) == 1
    settled = await row(bench, touch)
    assert (settled["status"], settled["vendor"], settled["vendor_id"]) == ("sent", "recorder", touch.key)
    assert (settled["sent_at"], settled["leased_until"]) == (START, None), "it left when it was claimed"
    assert await settle(bench) == 0


async def test_a_touch_that_was_not_sent_is_withdrawn_and_never_sent_from_here(bench: Bench):
    touch = await left_open(bench, minutes=2, ended=True)
    assert await settle(bench) == 1
    assert await bench.status(touch) == "withdrawn"
    assert bench.mail.calls == 0
    assert await wakes(bench) == [], "a journey that has ended is left alone"


async def test_what_cannot_be_told_is_parked_for_a_person(bench: Bench):
    touch = await left_open(bench, minutes=2, ended=True)
    assert await settle(bench, Unhelpful(CannotTell("nobody can be asked"))) == 1
    settled = await row(bench, touch)
    assert (settled["status"], settled["reason"]) == ("unknown", "nobody can be asked")


async def test_a_vendor_that_is_down_is_asked_again_later(bench: Bench):
    touch = await left_open(bench, minutes=2, ended=True)
    assert await settle(bench, Unhelpful(TransientFault("down", vendor="esp", status=503))) == 0
    assert await bench.status(touch) == "claimed"
    assert await settle(bench) == 1


@pytest.mark.parametrize(
    ("after", "minutes", "settled"),
    [("", 9, 0), ("", 11, 1), ("ended", 0.1, 0), ("ended", 0.3, 1), ("called back", 0.1, 0), ("called back", 0.3, 1)],
)
async def test_attempts_have_time_to_settle_their_claims_themselves(
    bench: Bench, after: str, minutes: float, settled: int
):
    await left_open(bench, minutes=minutes, ended=after == "ended", called_back=after == "called back")
    assert await settle(bench) == settled


async def test_a_journey_under_way_decides_anew_once_its_claim_is_settled(bench: Bench):
    touch = await left_open(bench, minutes=11, ended=False)
    assert await settle(bench) == 1
    assert await bench.status(touch) == "withdrawn"
    assert await wakes(bench) == [["touch_settled"]]


async def test_a_touch_that_is_still_tried_is_left_to_its_workflow(bench: Bench):
    touch = await left_open(bench, minutes=11, ended=True)
    lead = (await row(bench, touch))["lead_id"]
    assert await settle(bench, busy=lead) == 0
    assert await bench.status(touch) == "claimed"


async def test_an_attempt_that_took_the_claim_over_meanwhile_keeps_it(bench: Bench):
    touch = await left_open(bench, minutes=11, ended=False)
    found = await ledger(bench).open_claims(1)
    renewed = await ledger(bench).renew(touch.key, "second attempt", START, 60.0)
    assert renewed.result is ClaimResult.CLAIMED
    assert not await ledger(bench).settle(found[0], TouchStatus.WITHDRAWN, START, reason="late")
    assert (await row(bench, touch))["claim_id"] == "second attempt"


async def test_open_claims_are_something_to_do(bench: Bench):
    await left_open(bench, minutes=2, ended=True)
    watching = Watching(
        PgLists(bench.database), ledger(bench), PgRetention(bench.database), PgAudiences(bench.database, [])
    )
    assert SETTLE_CLAIMS in await ActivityEnvironment().run(watching.outstanding, Watch(every=1.0))
    await settle(bench, Recorder())
    assert SETTLE_CLAIMS not in await ActivityEnvironment().run(watching.outstanding, Watch(every=1.0))
