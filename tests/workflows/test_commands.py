"""Operator commands: refused when they make no sense, considered once, answered with where the journey stands."""

from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.words import BuyerStage, CommandKind, Ending, Phase
from tests.workflows.running import Lead, Running
from workflows.lead_journey import LeadJourney


async def refusal(lead: Lead, kind: CommandKind, **request: Any) -> str:
    """Why the command was refused."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await lead.command(kind, **request)
    return str(refused.value.cause)


def test_every_command_has_its_update():
    assert {kind for kind in CommandKind if hasattr(LeadJourney, kind.value)} == set(CommandKind)


async def test_commands_that_make_no_sense_are_refused_and_leave_no_trace(running: Running):
    lead = await running.enrol()
    decisions = (await lead.state()).number
    assert "not paused" in await refusal(lead, CommandKind.RESUME)
    assert "problem_awareness" in await refusal(lead, CommandKind.FORCE_STAGE, stage="purchase")
    assert "no open handoff" in await refusal(lead, CommandKind.SALES_ACCEPT)
    assert "no open handoff" in await refusal(lead, CommandKind.SALES_REJECT, reason="timing")
    assert "competitor" in await refusal(lead, CommandKind.DISQUALIFY, reason="dislike")
    assert (await lead.state()).number == decisions


async def test_a_rejection_without_a_reason_is_refused(running: Running):
    lead = await running.enrol()
    await lead.command(CommandKind.HAND_OFF, reason="asked on the phone")
    assert "unreachable" in await refusal(lead, CommandKind.SALES_REJECT)
    assert "already" in await refusal(lead, CommandKind.HAND_OFF)


async def test_pausing_twice_is_refused_and_nothing_skips_a_pause(running: Running):
    lead = await running.enrol()
    await lead.command(CommandKind.PAUSE)
    assert "already" in await refusal(lead, CommandKind.PAUSE)
    assert "resume it first" in await refusal(lead, CommandKind.SKIP_WAIT)


async def test_a_command_sent_again_with_its_id_is_considered_once(running: Running):
    lead = await running.enrol()
    first = await lead.command(CommandKind.FORCE_STAGE, id_="force-1", stage="comparison")
    again = await lead.command(CommandKind.FORCE_STAGE, id_="force-1", stage="comparison")
    assert first == again
    assert first.stage is BuyerStage.COMPARISON
    assert (await lead.state()).number == first.decision


async def test_an_operator_hands_a_lead_to_sales(running: Running):
    lead = await running.enrol()
    answer = await lead.command(CommandKind.HAND_OFF, reason="asked on the phone")
    assert answer.phase is Phase.HANDOFF
    assert answer.title == "Handed to sales: asked on the phone"


async def test_an_ended_journey_takes_no_commands(running: Running):
    lead = await running.enrol()
    await lead.command(CommandKind.OPT_OUT)
    assert (await lead.ends()).ending is Ending.OPTED_OUT
    with pytest.raises(Exception, match=r"completed|not found|ended"):
        await lead.command(CommandKind.PAUSE)


async def test_why_a_decision_was_made_is_recorded(running: Running):
    lead = await running.enrol()
    await lead.does("page", "/blog/one")
    await lead.command(CommandKind.FORCE_STAGE, stage="research")
    query = "select cause, wake_types from decision where lead_id = $1 order by number"
    rows = await running.database.pool.fetch(query, lead.id)
    assert [row["cause"] for row in rows] == ["enrolled", "behaviour", "command: force_stage"]
    assert [list(row["wake_types"]) for row in rows] == [[], ["/blog/…"], []]
