"""What interrupts a wait, what holds a touch, and that nothing is sent twice or by mistake."""

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

from temporalio.api.enums.v1 import EventType

from domain.errors import TransientFault
from domain.words import CommandKind, Ending, Phase
from tests.workflows.running import Lead, Running


async def test_a_behaviour_wakes_a_journey_from_a_wait_of_months(running: Running):
    lead = await running.enrol()
    await running.pass_time(days=20)
    row = await lead.row()
    assert row["next_wake_at"] - await running.now() > timedelta(days=60)
    state = await lead.does("page", "/pricing")
    assert [touch.asset for touch in state.pending] == ["pricing-answers"]
    await running.pass_time(days=4)
    assert "pricing-answers" in running.assets


async def test_a_wait_of_months_is_one_timer(running: Running):
    lead = await running.enrol()
    await running.pass_time(days=20)
    before = await _count(lead, EventType.EVENT_TYPE_TIMER_STARTED)
    await running.pass_time(days=60)
    assert await _count(lead, EventType.EVENT_TYPE_TIMER_STARTED) == before


async def test_a_flood_of_behaviour_is_considered_whole(running: Running):
    lead = await running.enrol()
    await asyncio.gather(*(lead.does("page", f"/blog/{number}") for number in range(12)))
    state = await lead.state()
    assert state.cursor == 12
    rows = await running.database.pool.fetch("select state from decision where lead_id = $1 order by number", lead.id)
    cursors = [row["state"].get("cursor", 0) for row in rows]
    assert cursors == sorted(cursors)


async def test_a_wake_with_nothing_behind_it_changes_nothing(running: Running):
    lead = await running.enrol()
    await running.pass_time(days=4)
    sent = list(running.mail.keys)
    for _ in range(3):
        await lead.journey.signal("wake", ["rumour"])
    before = await lead.state()
    await lead.until(lambda state: state.number > before.number, "decides again")
    await running.pass_time(hours=1)
    assert running.mail.keys == sent
    assert (await lead.state()).anchor == before.anchor


async def test_a_paused_journey_sends_nothing_until_it_is_resumed(running: Running):
    lead = await running.enrol()
    answer = await lead.command(CommandKind.PAUSE)
    assert answer.title == "Paused"
    await running.pass_time(days=30)
    assert running.mail.sent == []
    await lead.command(CommandKind.RESUME)
    await running.pass_time(days=5)
    assert running.assets == ["hidden-cost"]


async def test_skip_wait_sends_the_next_touch_when_the_window_opens(running: Running):
    lead = await running.enrol()
    await running.pass_time(days=4)
    assert running.assets == ["hidden-cost"]
    row = await lead.row()
    await lead.command(CommandKind.SKIP_WAIT)
    assert (await lead.row())["next_touch_at"] is None or (await lead.row())["next_wake_at"] <= row["next_wake_at"]


async def test_opting_out_while_a_touch_is_retried_withdraws_it(running: Running):
    running.mail.always = TransientFault("connection refused", vendor="recorder", code="refused")
    lead = await running.enrol()
    await until_tried(running)
    await lead.command(CommandKind.OPT_OUT)
    end = await lead.ends()
    assert end.ending is Ending.OPTED_OUT
    assert running.mail.sent == []
    assert set((await lead.ledger()).values()) == {"withdrawn"}


async def test_a_vendor_that_recovers_gets_the_touch_once(running: Running):
    refused = TransientFault("busy", vendor="recorder", status=429, retry_after=90.0)
    running.mail.faults += [refused, refused, refused]
    lead = await running.enrol()
    await running.pass_time(days=5)
    assert running.mail.keys == [f"{lead.id}/1/0/smb-cost"]
    assert running.mail.calls == 4
    assert (await lead.ledger())["smb-cost"] == "sent"


async def test_a_vendor_that_recovers_at_night_gets_the_touch_in_the_morning(running: Running):
    await _at_night(running)  # so that what is due a day later is tried when the window opens
    down_for = 15 * 3600.0  # tried when the window opens, and again at midnight
    running.mail.faults.append(TransientFault("down", vendor="recorder", status=503, retry_after=down_for))
    lead = await running.enrol()
    await until_tried(running)
    await running.pass_time(hours=17)
    assert running.mail.calls == 1
    held = await lead.row()
    assert (held["next_wake_at"] - await running.now()) < timedelta(hours=8)
    assert held["next_wake_at"].astimezone(ZoneInfo("Europe/Berlin")).hour == 9
    await running.pass_time(hours=9)
    assert running.mail.keys == [f"{lead.id}/1/0/smb-cost"]
    assert (await lead.ledger())["smb-cost"] == "sent"


async def _at_night(running: Running) -> None:
    hour = (await running.now()).astimezone(ZoneInfo("Europe/Berlin")).hour
    await running.pass_time(hours=(3 - hour) % 24)


async def test_a_suppression_written_meanwhile_refuses_the_touch_at_its_claim(running: Running):
    running.mail.faults.append(TransientFault("busy", vendor="recorder", status=429, retry_after=3600.0))
    lead = await running.enrol()
    await until_tried(running)
    insert = "insert into suppression (email, reason, source, at) values ('ada@acme.example', 'manual', 'test', now())"
    await running.database.pool.execute(insert)
    end = await lead.ends()
    assert end.ending is Ending.OPTED_OUT
    assert running.mail.sent == []


async def test_a_second_cycle_begins_when_an_ended_lead_comes_back(running: Running):
    lead = await running.enrol()
    assert (await lead.ends()).ending is Ending.SUNSET
    await running.pass_time(days=100)
    await lead.does("page", "/blog/again")
    state = await lead.state()
    assert (state.cycle, state.phase) == (2, Phase.NURTURE)
    sent = list(running.assets)
    assert (await lead.ends()).ending is Ending.SUNSET
    assert len(running.assets) == len(set(running.assets)), "nobody gets an asset twice, in no cycle"
    assert len(sent) == 4


async def until_tried(running: Running) -> None:
    """Let time pass until the first touch has been tried."""
    while not running.mail.calls:
        await running.pass_time(hours=1)


async def _count(lead: Lead, kind: "EventType.ValueType") -> int:
    history = await lead.journey.fetch_history()
    return sum(event.event_type == kind for event in history.events)
