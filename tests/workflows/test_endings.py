"""Every way a journey can end, each over the real workflow, the real database and the minimal playbook."""

from domain.errors import LeadFault
from domain.words import Channel, CommandKind, Ending, LeadStatus, Phase
from storage import leads, merges
from storage.leads import LeadInput
from tests.workflows.running import Running


async def test_sales_accepts_a_lead_that_booked_a_meeting(running: Running):
    lead = await running.enrol()
    state = await lead.does("track", "Meeting Booked")
    assert state.phase is Phase.HANDOFF
    answer = await lead.command(CommandKind.SALES_ACCEPT)
    assert answer.status is LeadStatus.SALES_ACCEPTED
    end = await lead.ends()
    assert end.ending is Ending.SALES_ACCEPTED
    assert [touch.step for touch in running.channels[Channel.SDR_TASK].sent] == ["handoff"]
    assert (await lead.row("handoff", "opened_at"))["status"] == "accepted"
    assert (await lead.row())["ended_at"] is not None


async def test_sales_accepts_in_the_crm(running: Running):
    lead = await running.enrol()
    state = await lead.does("track", "Meeting Booked")
    assert state.handoff is not None
    await lead.does("crm", "sales_accepted", handoff=state.handoff.id)
    assert (await lead.ends()).ending is Ending.SALES_ACCEPTED


async def test_a_rejected_lead_is_recycled_past_what_it_has_seen(running: Running):
    lead = await running.enrol()
    await running.pass_time(days=10)
    seen = list(running.assets)
    assert seen == ["hidden-cost", "checklist"]
    await lead.does("track", "Meeting Booked")
    answer = await lead.command(CommandKind.SALES_REJECT, reason="timing")
    assert answer.phase is Phase.COOL_DOWN
    await running.pass_time(days=29)
    assert running.assets == seen, "nothing leaves while the lead cools down"
    await running.pass_time(days=30)
    later = running.assets[len(seen) :]
    assert later, "nurture goes on"
    assert not set(later) & set(seen)
    end = await lead.ends()
    assert end.ending is Ending.SUNSET
    assert len(running.assets) == len(set(running.assets))


async def test_an_unanswered_handoff_is_escalated_expires_and_goes_back_to_nurture(running: Running):
    lead = await running.enrol()
    await lead.does("track", "Meeting Booked")
    alerts = running.channels[Channel.ALERT]
    await running.pass_time(hours=25)
    await running.pass_time(hours=24)
    steps = [touch.step for touch in alerts.sent if touch.step.startswith("handoff")]
    assert steps == ["handoff-remind", "handoff-escalate"]
    await running.pass_time(days=4)
    state = await lead.until(lambda state: state.phase is Phase.NURTURE, "goes back to nurture")
    assert state.handoff is None
    assert (await lead.row("handoff", "opened_at"))["status"] == "expired"


async def test_a_silent_lead_that_comes_back_is_nurtured_again(running: Running):
    lead = await running.enrol()
    await running.pass_time(days=95)
    state = await lead.until(lambda state: state.phase is Phase.RE_ENGAGEMENT, "begins re-engagement")
    state = await lead.does("page", "/customers/acme")
    assert state.phase is Phase.NURTURE
    assert state.status is LeadStatus.RE_ENGAGED
    assert state.reengagements == 1
    assert (await lead.ends()).ending is Ending.SUNSET


async def test_a_lead_that_stays_silent_reaches_its_sunset(running: Running):
    lead = await running.enrol()
    end = await lead.ends()
    assert end.ending is Ending.SUNSET
    assert running.assets == ["hidden-cost", "checklist", "fresh-look", "one-question"]
    members = await running.database.pool.fetch("select desired from audience_member where lead_id = $1", lead.id)
    assert not any(row["desired"] for row in members)


async def test_a_job_seeker_is_disqualified_at_entry(running: Running):
    lead = await running.enrol(role="job_seeker")
    end = await lead.ends()
    assert (end.ending, end.reason) == (Ending.DISQUALIFIED, "job_applicant")
    assert end.decisions == 1
    assert running.mail.sent == []


async def test_a_lead_is_disqualified_later_by_an_operator(running: Running):
    lead = await running.enrol()
    await running.pass_time(days=5)
    answer = await lead.command(CommandKind.DISQUALIFY, reason="vendor")
    assert answer.status is LeadStatus.DISQUALIFIED
    assert (await lead.ends()).reason == "vendor"


async def test_a_rejection_for_bad_data_disqualifies(running: Running):
    lead = await running.enrol()
    await lead.does("track", "Meeting Booked")
    await lead.command(CommandKind.SALES_REJECT, reason="bad_data")
    end = await lead.ends()
    assert (end.ending, end.reason) == (Ending.DISQUALIFIED, "invalid_contact")


async def test_who_unsubscribes_has_opted_out(running: Running):
    lead = await running.enrol()
    await running.pass_time(days=5)
    sent = len(running.mail.sent)
    await lead.does("delivery", "unsubscribed", touch=running.mail.keys[0])
    assert (await lead.ends()).ending is Ending.OPTED_OUT
    assert len(running.mail.sent) == sent
    assert await running.database.pool.fetchval("select reason from suppression") == "opted_out"


async def test_who_complains_is_left_alone(running: Running):
    lead = await running.enrol()
    await running.pass_time(days=5)
    await lead.does("delivery", "complained", touch=running.mail.keys[0])
    assert (await lead.ends()).ending is Ending.COMPLAINED


async def test_a_hard_bounce_ends_the_journey(running: Running):
    running.mail.faults.append(LeadFault("no such user", vendor="recorder", status=550, code="5.1.1"))
    lead = await running.enrol()
    await running.pass_time(days=4)
    await running.relay()
    assert (await lead.ends()).ending is Ending.HARD_BOUNCED
    assert await lead.ledger() == {"smb-cost": "failed"}


async def test_a_journey_lasts_no_longer_than_its_limit(running: Running):
    lead = await running.enrol()
    for month in range(12):
        await running.pass_time(days=30)
        await lead.does("page", f"/blog/{month}")
    end = await lead.ends()
    assert end.ending is Ending.LENGTH_LIMIT
    assert len(running.assets) == len(set(running.assets))
    journey = await lead.row()
    assert 365 <= (journey["ended_at"] - journey["started_at"]).days <= 366


async def test_an_operator_ends_a_journey(running: Running):
    lead = await running.enrol()
    await lead.command(CommandKind.END, reason="duplicate of another lead")
    assert (await lead.ends()).ending is Ending.OPERATOR


async def test_an_opportunity_opened_in_the_crm_ends_the_journey(running: Running):
    lead = await running.enrol()
    await lead.does("crm", "opportunity_opened")
    assert (await lead.ends()).ending is Ending.OPPORTUNITY_OPENED


async def test_a_lead_that_is_merged_into_another_ends_its_journey(running: Running):
    lead = await running.enrol()
    sold = await _with_sales(running, "grace@acme.example")
    merged = await merges.merge(running.database, lead.id, sold, "test", "one person", await running.now())
    assert merged.survivor == sold
    await running.relay()
    assert (await lead.ends()).ending is Ending.MERGED


async def _with_sales(running: Running, email: str) -> str:
    """A lead whose journey is over, as sales accepted it."""
    now = await running.now()
    sold = (await leads.upsert(running.database, LeadInput(email=email), now)).lead_id
    await running.database.pool.execute(
        "update journey set status = 'sales_accepted', phase = 'ended', ending = 'sales_accepted', ended_at = $2"
        " where lead_id = $1",
        sold,
        now,
    )
    await running.database.pool.execute("delete from pending_wake where lead_id = $1", sold)
    return sold
