"""One touch, once, whatever fails and whenever (DESIGN decision 4)."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.door import Door
from activities.messages import SendTouch, TouchResult
from activities.room import Room
from domain.clock import ScaledClock
from domain.errors import CannotTell, LeadFault, OurFault, TransientFault
from domain.ports import OutboundTouch, Receipt
from domain.words import Channel
from tests.activities.conftest import START, Bench
from tests.workflows.running import Recorder


@dataclass
class Silent:
    """A vendor that never answers, and can't be asked."""

    called: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, touch: OutboundTouch) -> Receipt:
        self.called.set()
        await asyncio.Event().wait()
        raise AssertionError(touch.key)

    async def lookup(self, touch: OutboundTouch) -> Receipt | None:
        raise CannotTell(f"no way to ask about {touch.key}")


async def failure(bench: Bench, touch: SendTouch, fault: Exception) -> ApplicationError:
    """What Temporal is told when the vendor fails so."""
    bench.mail.faults.append(fault)
    with pytest.raises(ApplicationError) as raised:
        await bench.send(touch)
    return raised.value


async def test_a_touch_is_sent_and_marked(bench: Bench):
    touch = await bench.planned()
    assert (await bench.send(touch)).result is TouchResult.SENT
    assert await bench.status(touch) == "sent"
    assert bench.mail.sent[0].email == "ada@acme.example"


async def test_a_touch_already_sent_is_not_sent_again(bench: Bench):
    touch = await bench.planned()
    await bench.send(touch)
    assert (await bench.send(touch, attempt=2)).result is TouchResult.SENT
    assert bench.mail.calls == 1


async def test_what_certainly_did_not_leave_is_given_back_and_tried_when_the_vendor_said(bench: Bench):
    touch = await bench.planned()
    error = await failure(bench, touch, TransientFault("busy", vendor="esp", status=429, retry_after=77))
    assert (error.type, error.next_retry_delay) == ("TransientFault", timedelta(seconds=77))
    assert not error.non_retryable
    assert await bench.status(touch) == "planned"


async def test_what_may_have_left_keeps_its_claim(bench: Bench):
    touch = await bench.planned()
    error = await failure(bench, touch, TransientFault("lost", vendor="esp", certainly_not_sent=False))
    assert error.next_retry_delay is not None
    assert error.next_retry_delay >= timedelta(seconds=10), "the next attempt meets an expired claim"
    assert await bench.status(touch) == "claimed"


async def test_a_fault_of_ours_is_held_and_tried_slowly(bench: Bench):
    touch = await bench.planned()
    error = await failure(bench, touch, OurFault("bad key", vendor="esp", status=401))
    assert (error.type, error.next_retry_delay) == ("OurFault", timedelta(minutes=5))
    assert not error.non_retryable
    assert await bench.status(touch) == "planned"


async def test_errors_carry_nothing_personal(bench: Bench):
    touch = await bench.planned()
    error = await failure(
        bench, touch, TransientFault("ada@acme.example is busy", vendor="esp", status=451, code="4.7.1")
    )
    assert error.message == "esp 451 4.7.1"
    assert error.__cause__ is None


async def test_a_lead_that_cannot_be_reached_becomes_a_bounce_in_the_inbox(bench: Bench):
    touch = await bench.planned()
    bench.mail.faults.append(LeadFault("no such user", vendor="esp", status=550, code="5.1.1"))
    outcome = await bench.send(touch)
    assert (outcome.result, outcome.detail) == (TouchResult.FAILED, "5.1.1")
    assert await bench.status(touch) == "failed"
    row = await bench.database.pool.fetchrow("select kind, name, properties from behaviour")
    assert (row["kind"], row["name"], row["properties"]["touch"]) == ("delivery", "bounced_hard", touch.key)


async def test_a_full_mailbox_fails_the_touch_and_forbids_nothing(bench: Bench):
    touch = await bench.planned()
    bench.mail.faults.append(LeadFault("mailbox full", vendor="esp", status=552, code="5.2.2", for_good=False))
    assert (await bench.send(touch)).result is TouchResult.FAILED
    assert await bench.status(touch) == "failed"
    assert await bench.database.pool.fetchval("select name from behaviour") == "bounced_soft"
    assert await bench.database.pool.fetchval("select count(*) from suppression") == 0


async def test_a_vendor_that_never_answers_is_cut_off_with_its_claim_open(bench: Bench):
    touch = await bench.planned()
    with pytest.raises(ApplicationError, match="timeout"):
        await bench.send(touch, channel=Silent(), timeout=0.05)
    assert await bench.status(touch) == "claimed"


async def test_a_channel_whose_vendor_hangs_takes_its_own_share_and_holds_up_no_other(bench: Bench):
    touch, room, silent = await bench.planned(), Room(1), Silent()
    hanging = asyncio.create_task(bench.send(touch, channel=silent, timeout=60, room=room))
    await silent.called.wait()
    with pytest.raises(ApplicationError, match="share") as full:
        await bench.send(touch, attempt=2, room=room)
    assert full.value.next_retry_delay is not None
    with room.of(Channel.SDR_TASK):
        hanging.cancel()
    await asyncio.wait([hanging])
    with room.of(touch.channel):
        pass


async def test_a_vendor_that_answers_nobody_is_asked_by_nobody_for_a_while(bench: Bench):
    touch, doors = await bench.planned(), {channel: Door(channel, lambda: 0.0) for channel in Channel}
    bench.mail.always = TransientFault("no route", vendor="smtp", code="connect")
    for attempt in (1, 2, 3):
        with pytest.raises(ApplicationError, match="connect"):
            await bench.send(touch, attempt=attempt, doors=doors)
    with pytest.raises(ApplicationError, match="has not answered"):
        await bench.send(touch, attempt=4, doors=doors)
    assert (bench.mail.calls, await bench.status(touch)) == (3, "planned")
    doors[Channel.SDR_TASK].enter()


async def test_while_another_attempt_holds_the_claim_nothing_is_sent(bench: Bench):
    touch = await bench.planned()
    with pytest.raises(ApplicationError):
        await bench.send(touch, channel=Silent(), timeout=0.05)
    with pytest.raises(ApplicationError) as busy:
        await bench.send(touch, attempt=2)
    assert busy.value.type == "Busy"
    assert bench.mail.calls == 0


async def test_a_claim_left_by_a_crash_is_settled_by_what_the_vendor_knows(bench: Bench):
    touch = await bench.planned()
    await bench.send(touch)
    await bench.crash_after_claiming(touch)
    assert (await bench.send(touch, attempt=2)).result is TouchResult.SENT
    assert bench.mail.calls == 1
    assert await bench.status(touch) == "sent"


async def test_a_claim_left_by_a_crash_that_sent_nothing_is_sent_once(bench: Bench):
    touch = await bench.planned()
    await bench.crash_after_claiming(touch)
    assert (await bench.send(touch, attempt=2)).result is TouchResult.SENT
    assert len(bench.mail.sent) == 1


async def test_of_two_attempts_at_a_dead_claim_one_sends(bench: Bench):
    touch = await bench.planned()
    await bench.crash_after_claiming(touch)
    results = await asyncio.gather(*(bench.send(touch, attempt=n) for n in (2, 3)), return_exceptions=True)
    assert len(bench.mail.sent) == 1, results


async def test_where_the_vendor_cannot_be_asked_the_touch_is_parked(bench: Bench):
    touch = await bench.planned()
    await bench.crash_after_claiming(touch)
    outcome = await bench.send(touch, channel=Silent(), attempt=2)
    assert outcome.result is TouchResult.UNKNOWN
    assert await bench.status(touch) == "unknown"
    assert (await bench.send(touch, attempt=3)).result is TouchResult.UNKNOWN
    assert bench.mail.calls == 0


async def test_a_suppressed_lead_is_refused_at_the_claim(bench: Bench):
    touch = await bench.planned()
    insert = "insert into suppression (email, reason, source, at) values ('ada@acme.example', 'manual', 'test', now())"
    await bench.database.pool.execute(insert)
    assert (await bench.send(touch)).result is TouchResult.REFUSED
    assert bench.mail.calls == 0


async def test_who_opts_out_after_a_crash_is_not_written_to(bench: Bench):
    touch = await bench.planned()
    await bench.crash_after_claiming(touch)
    insert = "insert into suppression (email, reason, source, at) values ('ada@acme.example', 'opted_out', 't', now())"
    await bench.database.pool.execute(insert)
    outcome = await bench.send(touch, attempt=2)
    assert (outcome.result, outcome.detail) == (TouchResult.REFUSED, "suppressed: opted_out")
    assert bench.mail.calls == 0


async def test_a_letter_that_cannot_be_delivered_says_nothing_of_the_address(bench: Bench):
    touch = (await bench.planned()).model_copy(update={"channel": Channel.DIRECT_MAIL})
    await bench.database.pool.execute("update touch set channel = 'direct_mail'")
    bench.mail.faults.append(LeadFault("nobody there", vendor="printer", status=422, code="undeliverable_address"))
    outcome = await bench.send(touch)
    assert (outcome.result, outcome.detail) == (TouchResult.FAILED, "undeliverable_address")
    assert await bench.database.pool.fetchval("select count(*) from behaviour") == 0
    assert await bench.database.pool.fetchval("select count(*) from suppression") == 0


async def test_a_touch_that_is_late_when_the_window_has_closed_is_held_for_the_journey(bench: Bench):
    touch = await bench.planned()
    outcome = await bench.send(touch, after=timedelta(hours=14, minutes=59, seconds=30))
    assert (outcome.result, outcome.detail[-20:]) == (TouchResult.HELD, "2030-01-06 00:00 UTC")
    assert await bench.status(touch) == "planned"
    assert bench.mail.calls == 0


@pytest.mark.parametrize(("real_minutes", "result"), [(14, TouchResult.SENT), (16, TouchResult.HELD)])
@pytest.mark.parametrize("scale", [1.0, 60.0])
async def test_a_quarter_of_an_hour_of_real_time_is_not_late(
    bench: Bench, real_minutes: float, result: TouchResult, scale: float
):
    touch = await bench.planned()
    begun = START + timedelta(days=4)
    night = datetime(2030, 1, 5, 23, 59, 30, tzinfo=UTC)
    clock = ScaledClock(scale, real_anchor=begun, virtual_anchor=night)
    planned = clock.from_real(begun - timedelta(minutes=real_minutes))
    await bench.database.pool.execute("update touch set planned_at = $1", planned)
    assert (await bench.send(touch, clock=clock)).result is result


async def test_a_channel_nobody_carries_is_held(bench: Bench):
    touch = (await bench.planned()).model_copy(update={"channel": "alert"})
    with pytest.raises(ApplicationError) as held:
        await bench.send(touch, channel=Recorder())
    assert held.value.type == "OurFault"
    assert await bench.status(touch) == "planned"
