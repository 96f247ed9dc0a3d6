"""Resends, rewinds, migrations and holds, of journeys on a real server."""

from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from domain.words import BuyerStage, Channel, CommandKind, Phase, ResumePolicy
from storage import holds, playbooks
from storage.database import Database
from tests.fixtures.playbooks import minimal_playbook
from tests.workflows.running import Lead, Running, running_worker
from tests.workflows.test_commands import refusal


async def _sent_once(running: Running, lead: Lead) -> str:
    """Let the first mail leave; its key."""
    await running.pass_time(days=4)
    await lead.until(lambda state: bool(running.mail.sent) and not state.in_flight, "sends its first mail")
    return running.mail.sent[0].key


async def test_a_touch_is_sent_again_only_when_asked_for_by_its_key(running: Running):
    lead = await running.enrol()
    key = await _sent_once(running, lead)
    assert "none of this journey's" in await refusal(lead, CommandKind.RESEND, touch="ld_else/1/0/hello")

    answer = await lead.command(CommandKind.RESEND, touch=key)
    await running.pass_time(days=4)
    await lead.until(lambda state: not state.resending and not state.in_flight, "sends it again")

    again = [touch.key for touch in running.mail.sent if touch.asset == running.mail.sent[0].asset]
    assert again == [key, key.replace("/1/0/", "/1/1/")]
    assert answer.decision
    (note,) = await running.database.pool.fetch(
        "select reason ->> 'text' as text from decision, jsonb_array_elements(reasons) as reason"
        " where reason -> 'evidence' ->> 'key' is not null and reason ->> 'text' like 'sends%'"
    )
    assert note["text"].endswith("again, as asked")


async def test_a_rewound_journey_decides_anew_and_nothing_arrives_twice(running: Running):
    lead = await running.enrol()
    await _sent_once(running, lead)
    await lead.does("track", "Meeting Booked")
    assert (await lead.state()).phase is Phase.HANDOFF
    assert "no decision to go back to" in await refusal(lead, CommandKind.REWIND, to=99)

    before = (await lead.state()).number
    answer = await lead.command(CommandKind.REWIND, to=1, reason="the meeting was a test")

    assert (answer.decision, answer.phase) == (before + 1, Phase.HANDOFF), "the meeting is read again"
    await running.pass_time(days=1)
    assert len(running.channels[Channel.SDR_TASK].sent) == 1, "sales has its task already"
    assert len({touch.key for touch in running.mail.sent}) == len(running.mail.sent)
    numbers = await running.database.pool.fetch("select number from decision where not superseded order by number")
    assert [row["number"] for row in numbers][:2] == [1, before + 1]
    assert await running.database.pool.fetchval("select count(*) from handoff where status = 'open'") == 1


async def test_a_journey_migrates_though_its_playbook_pins(time_skipping: WorkflowEnvironment, database: Database):
    pinned = minimal_playbook().model_copy(update={"follow": False})
    async with running_worker(time_skipping, database, pinned) as running:
        lead = await running.enrol()
        newer = pinned.model_copy(update={"title": "Another title"})
        content_hash = await playbooks.store(database, newer, await running.now())
        await lead.command(CommandKind.FORCE_STAGE, stage=BuyerStage.RESEARCH)
        assert (await lead.state()).playbook == pinned.content_hash()

        await lead.command(CommandKind.MIGRATE, playbook="unheard-of")
        assert (await lead.state()).playbook == pinned.content_hash(), "a version that nobody knows stops nothing"
        await lead.command(CommandKind.MIGRATE, playbook=content_hash)
        await lead.command(CommandKind.FORCE_STAGE, stage=BuyerStage.COMPARISON)

        assert (await lead.state()).playbook == content_hash
        assert (await lead.row())["playbook_hash"] == content_hash


async def test_nothing_leaves_under_a_hold_and_the_journey_goes_on_when_it_is_lifted(running: Running):
    lead = await running.enrol()
    held = await holds.place(running.database, "everything", "test", "", await running.now())
    await running.pass_time(days=6)
    await lead.until(lambda state: state.held_since == held.since, "notices the hold")
    assert not running.mail.sent
    assert (await lead.row())["title"] == "Held with everything"

    await holds.lift(running.database, "everything", "test", await running.now())
    await lead.command(CommandKind.RESUME, policy=ResumePolicy.CATCH_UP, since=held.since)
    await running.pass_time(days=3)

    await lead.until(lambda state: bool(running.mail.sent) and state.held_since is None, "goes on")


async def test_a_touch_held_at_the_last_moment_stays_planned_and_leaves_later(running: Running):
    lead = await running.enrol()
    await lead.command(CommandKind.HAND_OFF, reason="asked on the phone")
    await holds.place(running.database, "channel:alert", "test", "", await running.now())
    await running.pass_time(days=2)
    await lead.until(lambda state: state.handoff is not None and state.handoff.reminded, "reminds sales")
    assert (await lead.ledger())["handoff-remind"] == "planned"
    decisions = (await lead.state()).number

    await holds.lift(running.database, "channel:alert", "test", await running.now())
    await running.pass_time(days=1)

    await lead.until(lambda state: not state.in_flight, "tells sales after all")
    assert (await lead.ledger())["handoff-remind"] == "sent"
    assert (await lead.state()).number - decisions <= 6, "it spun while it was held"


async def test_what_sales_waits_for_has_the_highest_priority(running: Running):
    lead = await running.enrol()
    await _sent_once(running, lead)
    await lead.command(CommandKind.HAND_OFF)
    history = await lead.journey.fetch_history()
    scheduled = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    found = [one.activity_task_scheduled_event_attributes for one in history.events if one.event_type == scheduled]
    assert [one.priority.priority_key for one in found] == [3, 1]
