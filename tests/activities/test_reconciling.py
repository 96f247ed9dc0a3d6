"""Desired state reaches vendors in their batches, and what failed stays to be pushed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities.messages import Watch
from activities.reconciling import PUSH_AUDIENCES, PUSH_CRM, Reconciling
from activities.watching import Watching
from domain.clock import ScaledClock
from domain.errors import OurFault, PartialFault, RecordsRefused, TransientFault
from domain.facts import OperatorCommand
from domain.ports import AudienceChange, CrmChange, SalesFeedback
from domain.words import CommandKind
from storage import leads
from storage.inbox import PgInbox
from storage.ledger import PgLedger
from storage.lists import PgLists
from storage.playbooks import PgPlaybooks
from storage.retention import PgRetention
from tests.activities.conftest import START, Bench
from tests.workflows.running import QuietAudiences, QuietCrm


@dataclass
class PickyCrm(QuietCrm):
    """Raises ``fault`` when it has one."""

    fault: Exception | None = None

    async def upsert(self, changes: Sequence[CrmChange]) -> dict[str, str]:
        if self.fault:
            raise self.fault
        return await super().upsert(changes)


@dataclass
class FaultyAudiences(QuietAudiences):
    fault: Exception = field(default_factory=lambda: TransientFault("down", vendor="ads"))

    async def push(self, audience: str, changes: Sequence[AudienceChange]) -> None:  # noqa: ARG002 the port has them
        raise self.fault


@dataclass
class PickyAudiences(QuietAudiences):
    refused: frozenset[str] = frozenset()

    async def push(self, audience: str, changes: Sequence[AudienceChange]) -> None:
        taken = [change for change in changes if change.lead not in self.refused]
        await super().push(audience, taken)
        if len(taken) < len(changes):
            raise PartialFault("some refused", vendor="ads", taken=frozenset(change.lead for change in taken))


async def outstanding(bench: Bench) -> list[str]:
    watching = Watching(
        PgLists(bench.database), PgLedger(bench.database, PgPlaybooks(bench.database)), PgRetention(bench.database)
    )
    names: list[str] = await ActivityEnvironment().run(watching.outstanding, Watch(every=1.0))
    return names


def reconciling(bench: Bench, crm: QuietCrm, audiences: QuietAudiences | None = None) -> Reconciling:
    return Reconciling(
        PgLists(bench.database), crm, audiences or QuietAudiences(), PgInbox(bench.database), ScaledClock()
    )


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


async def test_what_must_wait_is_told_without_a_traceback(bench: Bench, caplog: pytest.LogCaptureFixture):
    await _enrol_with(bench, "nurture")
    for fault, wait, again in (
        (TransientFault("just made", vendor="ads", code="segment_made", retry_after=5.0), timedelta(seconds=5), True),
        (TransientFault("busy", vendor="ads", status=429, retry_after=3600.0), timedelta(hours=1), False),
    ):
        with pytest.raises(ApplicationError) as later:
            await call(reconciling(bench, QuietCrm(), FaultyAudiences(fault=fault)).push_audiences)
        assert later.value.category is ApplicationErrorCategory.BENIGN
        assert (later.value.next_retry_delay, not later.value.non_retryable) == (wait, again)
    assert PUSH_AUDIENCES in await outstanding(bench)
    assert [record for record in caplog.records if record.exc_info or record.levelname != "INFO"] == []


async def test_members_that_were_taken_are_not_pushed_again(bench: Bench):
    state = await bench.enrol()
    await bench.decide(state, START)
    names = ["high_intent", "nurture"]
    rows = (
        "insert into audience_member (audience, lead_id, desired, changed_at) select unnest($1::text[]), $2, true, $3"
    )
    await bench.database.pool.execute("delete from audience_member")
    await bench.database.pool.execute(rows, names, state.lead, START)
    audiences = PickyAudiences()
    work = reconciling(bench, QuietCrm(), audiences)
    assert await call(work.push_audiences) == 2
    assert sorted(change.audience for change in audiences.pushed) == names
    assert PUSH_AUDIENCES not in await outstanding(bench)


async def _enrol_with(bench: Bench, *audiences: str) -> str:
    state = await bench.enrol()
    await bench.decide(state, START)
    await bench.database.pool.execute("delete from audience_member")
    row = "insert into audience_member (audience, lead_id, desired, changed_at) select unnest($1::text[]), $2, true, $3"
    await bench.database.pool.execute(row, list(audiences), state.lead, START)
    return state.lead


async def _time_to_retry(bench: Bench, table: str) -> float:
    """Minutes until a refused row comes again; puts it there."""
    minutes: float = await bench.database.pool.fetchval(
        f"select extract(epoch from retry_real_at - now())::float8 / 60 from {table}"  # noqa: S608 our own names
    )
    await bench.database.pool.execute(f"update {table} set retry_real_at = now()")  # noqa: S608 our own names
    return minutes


async def test_members_that_were_refused_come_again_later_and_later(bench: Bench):
    lead = await _enrol_with(bench, "nurture")
    work = reconciling(bench, QuietCrm(), PickyAudiences(refused=frozenset({lead})))
    for minutes in (5, 10, 20):
        assert PUSH_AUDIENCES in await outstanding(bench)
        with pytest.raises(ApplicationError, match="1 members were refused, 0 taken"):
            await call(work.push_audiences)
        assert PUSH_AUDIENCES not in await outstanding(bench)
        assert await _time_to_retry(bench, "audience_member") == pytest.approx(minutes, abs=0.5)
    assert await call(reconciling(bench, QuietCrm()).push_audiences) == 1
    assert PUSH_AUDIENCES not in await outstanding(bench)


async def test_one_refused_member_does_not_hold_the_others_up(bench: Bench):
    lead = await _enrol_with(bench, "nurture")
    other = (await leads.upsert(bench.database, leads.LeadInput(email="bea@acme.example"), START)).lead_id
    row = "insert into audience_member (audience, lead_id, desired, changed_at) values ('nurture', $1, true, $2)"
    await bench.database.pool.execute(row, other, START)
    audiences = PickyAudiences(refused=frozenset({lead}))
    with pytest.raises(ApplicationError, match="1 members were refused, 1 taken"):
        await call(reconciling(bench, QuietCrm(), audiences).push_audiences)
    assert [change.lead for change in audiences.pushed] == [other]
    rows = await bench.database.pool.fetch("select lead_id, error, member from audience_member")
    assert {row["lead_id"]: (row["error"], row["member"]) for row in rows} == {lead: ("ads", False), other: ("", True)}


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
