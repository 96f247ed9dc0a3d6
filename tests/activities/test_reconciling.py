"""Desired state reaches vendors in their batches, and what failed stays to be pushed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messages import Watch
from activities.reconciling import PUSH_CRM, Reconciling
from activities.watching import Watching
from domain.clock import ScaledClock
from domain.crm_ports import CrmChange, CrmContact
from domain.errors import OurFault, RecordsRefused, TransientFault
from domain.facts import OperatorCommand
from domain.playbook.models import CrmMapping
from domain.ports import SalesFeedback
from domain.words import CommandKind
from storage import erasure, playbooks
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
    playbooks = PgPlaybooks(bench.database)
    return Reconciling(PgLists(bench.database), crm, playbooks, PgInbox(bench.database), ScaledClock())


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


async def _wanting(bench: Bench, number: int, *, content_hash: str = "") -> None:
    """So many leads whose CRM records are dirty, and a journey of each under that playbook."""
    rows = """
        with made as (
            insert into lead (id, email, created_at, updated_at)
            select 'ld_' || n, 'lead' || n || '@example.com', $2, $2 from generate_series(1, $1::int) as n returning id
        ),
        begun as (
            insert into journey (lead_id, cycle, playbook_name, playbook_hash, started_at)
            select id, 1, 'minimal', $3, $2 from made where $3 <> ''
        )
        insert into crm_record (lead_id, desired, changed_at)
        select id, '{"segment": "smb", "offer": "trial"}', $2 from made
    """
    await bench.database.pool.execute(rows, number, START, content_hash)


async def test_batches_are_full_and_several_are_on_their_way_at_once(bench: Bench):
    sizes: list[int] = []
    under_way = most = 0

    class Slow(QuietCrm):
        async def upsert(self, changes: Sequence[CrmChange]) -> dict[str, str]:
            nonlocal under_way, most
            under_way, most = under_way + 1, max(most, under_way + 1)
            sizes.append(len(changes))
            await asyncio.sleep(0)
            under_way -= 1
            return await super().upsert(changes)

    await _wanting(bench, 250)
    await bench.database.pool.execute("update lead set crm_id = 'c-' || id where id <= 'ld_15'")
    assert await call(reconciling(bench, Slow(batch_size=50)).push_crm) == 250
    assert sizes == [50] * 5
    assert most > 1


async def test_contacts_are_read_before_a_push_only_where_their_status_changes(bench: Bench):
    read: list[int] = []

    class Read(QuietCrm):
        async def read(self, ids: Sequence[str], fields: Sequence[str], names: Mapping[str, str]) -> list[CrmContact]:
            read.append(len(ids))
            return await super().read(ids, fields, names)

    crm = Read(batch_size=50)
    work = reconciling(bench, crm)
    await _wanting(bench, 150)
    for fields in ({"lead_status": "nurture"}, {"offer": "webinar"}):
        await bench.database.pool.execute(
            "update crm_record set version = version + 1, desired = desired || $1", fields
        )
        assert await call(work.push_crm) == 150
    assert (read, "lead_status" in crm.taken[-1].fields) == ([], False)
    change = "update crm_record set version = version + 1, desired = desired || $1 where lead_id = any($2)"
    await bench.database.pool.execute(change, {"lead_status": "new"}, [f"ld_{number}" for number in range(1, 61)])
    await bench.database.pool.execute(change, {"offer": "trial"}, [f"ld_{number}" for number in range(61, 151)])
    assert await call(work.push_crm) == 150
    assert sorted(read) == [10, 50], "those whose status changes go together"


async def test_after_a_fault_no_other_batch_is_begun(bench: Bench):
    begun: list[int] = []

    class Breaking(QuietCrm):
        async def upsert(self, changes: Sequence[CrmChange]) -> dict[str, str]:
            begun.append(len(changes))
            raise TransientFault("down", vendor="crm", status=503)

    await _wanting(bench, 200)
    with pytest.raises(ApplicationError):
        await call(reconciling(bench, Breaking(batch_size=10)).push_crm)
    assert len(begun) <= 8


async def test_fields_go_where_the_playbook_says_or_nowhere(bench: Bench):
    mapping = {"fields": {"segment": {"quiet": "market"}, "offer": False}}
    document = bench.playbook.model_copy(update={"crm": CrmMapping.model_validate(mapping)})
    await _wanting(bench, 1, content_hash=await playbooks.store(bench.database, document, START))
    crm = QuietCrm()
    await call(reconciling(bench, crm).push_crm)
    assert [(change.fields, change.names) for change in crm.taken] == [({"segment": "smb"}, {"segment": "market"})]


async def test_the_contact_of_somebody_erased_is_removed(bench: Bench):
    await _wanting(bench, 2)
    await bench.database.pool.execute("update lead set crm_id = 'c-1' where id = 'ld_1'")
    await erasure.erase(bench.database, "ld_1", "test", START)
    crm = QuietCrm()
    assert await call(reconciling(bench, crm).push_crm) == 2
    assert [(change.lead, change.crm_id, change.email) for change in crm.gone] == [("ld_1", "c-1", "")]
    assert [change.lead for change in crm.taken] == ["ld_2"]
    assert PUSH_CRM not in await outstanding(bench)
