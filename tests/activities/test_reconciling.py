"""Desired state reaches vendors in their batches, and what failed stays to be pushed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messages import Watch
from activities.reconciling import PUSH_CRM, Reconciling
from activities.watching import Watching
from domain.clock import ScaledClock
from domain.errors import OurFault, RecordsRefused, TransientFault
from domain.facts import OperatorCommand
from domain.ports import CrmChange, SalesFeedback
from domain.words import CommandKind
from storage.audiences import PgAudiences
from storage.inbox import PgInbox
from storage.ledger import PgLedger
from storage.lists import PgLists
from storage.playbooks import PgPlaybooks
from storage.retention import PgRetention
from tests.activities.conftest import START, Bench
from tests.workflows.running import QuietCrm


@dataclass
class PickyCrm(QuietCrm):
    """Raises ``fault`` when it has one."""

    fault: Exception | None = None

    async def upsert(self, changes: Sequence[CrmChange]) -> dict[str, str]:
        if self.fault:
            raise self.fault
        return await super().upsert(changes)


async def outstanding(bench: Bench) -> list[str]:
    db = bench.database
    audiences = PgAudiences(db, [])
    watching = Watching(PgLists(db), PgLedger(db, PgPlaybooks(db)), PgRetention(db), audiences)
    names: list[str] = await ActivityEnvironment().run(watching.outstanding, Watch(every=1.0))
    return names


def reconciling(bench: Bench, crm: QuietCrm) -> Reconciling:
    return Reconciling(PgLists(bench.database), crm, PgInbox(bench.database), ScaledClock())


async def call(activity: Any) -> Any:
    """Run an activity without arguments as a worker would."""
    return await ActivityEnvironment().run(activity)


async def test_crm_fields_are_pushed_once(bench: Bench):
    state = await bench.enrol()
    await bench.decide(state, START)
    crm = PickyCrm()
    work = reconciling(bench, crm)
    assert PUSH_CRM in await outstanding(bench)
    assert await call(work.push_crm) == 1
    assert crm.taken[0].lead == state.lead
    assert PUSH_CRM not in await outstanding(bench)
    assert await bench.database.pool.fetchval("select crm_id from lead") == f"crm-{state.lead}"


async def test_a_crm_that_is_down_leaves_everything_to_be_pushed(bench: Bench):
    await bench.decide(await bench.enrol(), START)
    crm = PickyCrm(fault=TransientFault("down", vendor="crm", status=503))
    with pytest.raises(ApplicationError) as later:
        await call(reconciling(bench, crm).push_crm)
    assert not later.value.non_retryable
    assert PUSH_CRM in await outstanding(bench)


async def test_a_fault_of_ours_is_not_tried_again_in_the_same_run(bench: Bench):
    await bench.decide(await bench.enrol(), START)
    crm = PickyCrm(fault=OurFault("bad token", vendor="crm", status=401))
    with pytest.raises(ApplicationError) as later:
        await call(reconciling(bench, crm).push_crm)
    assert later.value.non_retryable
    assert later.value.message == "crm 401"


async def test_a_refused_record_is_put_off_until_it_changes(bench: Bench):
    await bench.decide(await bench.enrol(), START)
    refusal = RecordsRefused("no", vendor="crm", status=400, code="VALIDATION_ERROR")
    crm = PickyCrm(fault=refusal)
    work = reconciling(bench, crm)
    with pytest.raises(ApplicationError, match="refused 1 records"):
        await call(work.push_crm)
    assert await bench.database.pool.fetchval("select error from crm_record") == "crm 400 VALIDATION_ERROR"
    assert PUSH_CRM not in await outstanding(bench)
    await bench.database.pool.execute("update crm_record set version = version + 1")
    assert PUSH_CRM in await outstanding(bench)
    crm.fault = None
    assert await call(work.push_crm) == 1
    assert await bench.database.pool.fetchval("select error from crm_record") == ""


async def test_a_sellers_answer_becomes_behaviour(bench: Bench):
    first = await bench.decide(await bench.enrol(), START)
    given = OperatorCommand(id="1", kind=CommandKind.HAND_OFF)
    second = await bench.decide(first.state, START, commands=(given,))
    handoff = second.state.handoff
    assert handoff is not None
    task = "update touch set status = 'sent', vendor_id = 'task-1' where channel = 'sdr_task'"
    await bench.database.pool.execute(task)
    crm = QuietCrm(answers=[SalesFeedback(handoff=handoff.id, outcome="rejected", reason="timing")])
    work = reconciling(bench, crm)
    assert await call(work.read_feedback) == 1
    assert await call(work.read_feedback) == 1, "said twice"
    rows = await bench.database.pool.fetch("select name, properties from behaviour")
    assert [(row["name"], row["properties"]["reason"]) for row in rows] == [("sales_rejected", "timing")]
