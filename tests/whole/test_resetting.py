"""A wrong rule was deployed: the journeys it ended are reset, and today's rules decide again. Nobody hears twice."""

import asyncio
import json
import os
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import ScheduleOverlapPolicy

from domain.playbook.models import DisqualifyRule, Playbook
from domain.words import DisqualifyReason
from runtime.embedded.plan import ROOT, environment
from runtime.temporal import SCHEDULE
from storage import playbooks
from tests.whole.stack import Stack, whole_stack
from tests.whole.story import at_any_hour

#: An hour is a second: a mail a second.
HOUR_A_SECOND = 3600.0
LEADS = 30
#: So little history that every journey has gone on in a new run before it is reset.
SMALL = "limit.historyCount.suggestContinueAsNew=14"


def _wrong(playbook: Playbook) -> Playbook:
    """Everybody is taken for a competitor."""
    rule = DisqualifyRule(id="everybody", when="true", reason=DisqualifyReason.COMPETITOR)
    return playbook.model_copy(update={"disqualify": (rule,)})


async def test_a_wrong_rule_is_mended_by_a_reset_and_nobody_hears_twice(database_url: str, tmp_path: Path):
    right = at_any_hour(gap=timedelta(hours=1))
    async with whole_stack(database_url, tmp_path, right, scale=HOUR_A_SECOND, dynamic=[SMALL]) as stack:
        stack.start_worker()
        leads = [await stack.enrol(f"lead-{number}@acme{number}.example") for number in range(LEADS)]
        await stack.until("select count(*) = $1 from touch where status = 'sent'", LEADS, otherwise="no mail was sent")
        wrong = await _deploy(stack, _wrong(right))
        ended = "select count(*) = $1 from journey where ending = 'disqualified'"
        await stack.until(ended, LEADS, otherwise="the wrong rule ended nobody")
        await _deploy(stack, right.model_copy(update={"title": "Mended"}))

        told = await _reset(stack, "--rules", wrong, "--reason", "everybody was taken for a competitor", leads=leads)
        assert Counter(told["outcomes"].values()) == {"reset": LEADS}
        assert (told["summary"]["ended"], told["summary"]["journeys"]) == (LEADS, LEADS)
        again = await _reset(stack, "--rules", wrong, "--reason", "everybody was taken for a competitor", leads=leads)
        assert len(again["left"]) == LEADS, "no decision in force was made by the wrong rule any more"

        whole = "select count(*) = $1 from touch where status = 'sent'"
        await stack.until(whole, 3 * LEADS, otherwise="the journeys did not go on")
        mails = Counter((mail["to"][0], mail["subject"]) for mail in await stack.mails())
        assert len(mails) == 3 * LEADS
        assert set(mails.values()) == {1}
        assert await stack.repeated() == 0
        await _has_converged(stack)


async def _has_converged(stack: Stack) -> None:
    """What read model, CRM and audiences say is what the decisions in force say; what was decided wrongly is kept."""
    fetch = stack.database.pool.fetchval
    assert await fetch("select count(*) from journey where ended_at is not null or ending <> ''") == 0
    assert (
        await fetch("select count(*) from decision where superseded and state ->> 'ending' = 'disqualified'") == LEADS
    )
    in_force = (
        "select bool_and(j.status = d.state ->> 'status' and j.cursor = coalesce((d.state ->> 'cursor')::int, 0)) from"
        " journey j join decision d on (d.lead_id, d.cycle, d.number) = (j.lead_id, j.cycle, j.decision_number)"
        " where not d.superseded"
    )
    assert await fetch(in_force)
    assert await fetch("select count(*) from operator_action where action = 'reset'") == LEADS
    pushed = "select bool_and(pushed_version = version and desired ->> 'lead_status' = 'nurture') from crm_record"
    # Reconciling, too, has come to the little history that it may have here.
    await (await stack.client()).get_schedule_handle(SCHEDULE).trigger(overlap=ScheduleOverlapPolicy.ALLOW_ALL)
    await stack.until(pushed, otherwise="the CRM never heard that nobody is disqualified")


async def _deploy(stack: Stack, playbook: Playbook) -> str:
    return await playbooks.store(stack.database, playbook, stack.now(), default=True)


async def _reset(stack: Stack, *options: str, leads: list[str]) -> dict[str, Any]:
    """``tendril journeys reset`` of a file of leads; what it answers."""
    command = [sys.executable, "-m", "cli", "journeys", "reset", "--file", "-", "--yes", "--json", "--rate", "200/s"]
    process = await asyncio.create_subprocess_exec(
        *command,
        *options,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | environment(stack.settings),
    )
    out, err = await process.communicate("\n".join(leads).encode())
    assert process.returncode == 0, err.decode()
    told: dict[str, Any] = json.loads(out)
    return told
