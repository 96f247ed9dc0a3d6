"""The relay: every wake is told, whatever is down and whoever else tells it."""

import asyncio
import time

import pytest
from temporalio.client import Client

from domain.words import Ending
from runtime.encryption import data_converter
from runtime.relay import Relay
from runtime.settings import Settings
from storage import leads
from storage.inbox import NewBehaviour, accept
from tests.workflows.running import Lead, Running


def relay_over(running: Running, client: Client) -> Relay:
    return Relay(running.database, client, running.parts.clock, running.parts.settings)


async def waiting(running: Running) -> int:
    number: int = await running.database.pool.fetchval("select count(*) from pending_wake")
    return number


async def behave(running: Running, lead: str, message_id: str) -> None:
    now = await running.now()
    event = NewBehaviour(message_id=message_id, kind="page", name="/blog/one", occurred_at=now, lead_id=lead)
    await accept(running.database, [event], now)


async def test_while_temporal_is_down_wakes_wait_and_are_told_afterwards(running: Running):
    given = leads.LeadInput(external_id="ada", email="ada@acme.example")
    upserted = await leads.upsert(running.database, given, await running.now())
    nowhere = await Client.connect("127.0.0.1:9", data_converter=data_converter(Settings()), lazy=True)
    assert await relay_over(running, nowhere).relay_once() == 1
    assert await waiting(running) == 1
    await running.relay()
    lead = Lead(running, upserted.lead_id)
    await lead.until(lambda state: state.number > 0, "begins")
    assert await waiting(running) == 0


async def test_a_wake_of_somebody_never_enrolled_is_dropped(running: Running):
    given = leads.LeadInput(external_id="ada", email="ada@acme.example")
    upserted = await leads.upsert(running.database, given, await running.now(), enrol=False)
    await behave(running, upserted.lead_id, "one")
    await running.relay()
    assert await waiting(running) == 0


async def test_a_late_wake_does_not_revive_a_run_that_has_just_ended(running: Running):
    lead = await running.enrol(role="job_seeker")
    assert (await lead.ends()).ending is Ending.DISQUALIFIED
    # As the relay would see it that leased the wake before the first decision was recorded.
    await running.database.pool.execute("update journey set ended_at = null, ending = ''")
    await running.database.pool.execute("update decision set superseded = true")
    await behave(running, lead.id, "late")
    await relay_over(running, running.environment.client).relay_once()
    assert await waiting(running) == 1, "put off, and looked at again when it is clear what happened"
    row = await running.database.pool.fetchval("select max(number) from decision where lead_id = $1", lead.id)
    assert row == 1


async def test_two_relays_tell_every_wake(running: Running):
    inputs = [leads.LeadInput(external_id=f"lead-{n}", email=f"lead-{n}@acme.example") for n in range(20)]
    created = await leads.upsert_many(running.database, inputs, await running.now())
    relays = [relay_over(running, running.environment.client) for _ in range(2)]
    while await waiting(running):
        await asyncio.gather(*(relay.relay_once() for relay in relays))
    for one in created:
        await Lead(running, one.lead_id).until(lambda state: state.number > 0, "begins")


async def test_no_more_are_told_than_can_decide_and_all_are_in_the_end(running: Running):
    inputs = [leads.LeadInput(external_id=f"lead-{n}", email=f"lead-{n}@acme.example") for n in range(6)]
    created = await leads.upsert_many(running.database, inputs, await running.now())
    settings = running.parts.settings.model_copy(update={"relay_undecided": 2})
    relay = Relay(running.database, running.environment.client, running.parts.clock, settings)
    assert await relay.relay_once() == 2
    while await waiting(running):
        assert await relay.relay_once() <= 2
    for one in created:
        await Lead(running, one.lead_id).until(lambda state: state.number > 0, "begins")


async def test_beside_others_a_flood_gets_a_place_again_when_a_journey_has_decided(
    running: Running, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("runtime.turns._PATIENCE", 1000)
    monkeypatch.setattr("runtime.company._SECONDS", 1000)
    other = await running.enrol()
    settings = running.parts.settings.model_copy(update={"relay_undecided": 16, "relay_concurrency": 4})
    relay = Relay(running.database, running.environment.client, running.parts.clock, settings)
    inputs = [leads.LeadInput(external_id=f"lead-{n}", email=f"lead-{n}@acme.example") for n in range(6)]
    await leads.upsert_many(running.database, inputs, await running.now())
    await behave(running, other.id, "one")
    async with asyncio.timeout(60):
        while await waiting(running):
            await relay.relay_once()


async def test_a_running_relay_hears_of_behaviour_at_once_and_stops_when_told(running: Running):
    lead = await running.enrol()
    relay = relay_over(running, running.environment.client)
    task = asyncio.create_task(relay.run())
    try:
        await behave(running, lead.id, "one")
        await lead.until(lambda state: state.cursor == 1, "hears of it")
    finally:
        relay.stop()
    began = time.monotonic()
    await asyncio.wait_for(task, 10)
    assert time.monotonic() - began < 5


async def test_what_temporal_is_told_of_a_page_names_nobody(running: Running):
    lead = await running.enrol()
    await lead.does("page", "/invite/ada@acme.example?token=f00")
    history = (await lead.journey.fetch_history()).events
    assert [event for event in history if b"/invite/" in event.SerializeToString()], "the page is told"
    assert not [event for event in history if b"acme.example" in event.SerializeToString()]
