"""Many rounds in one run: idle ones leave nothing in history, and a run ends before its schedule comes round."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from activities.messages import STOPPING, Watch
from runtime.encryption import data_converter
from runtime.settings import Settings
from tests.workflows.running import sandboxed
from workflows import reconcile
from workflows.messages import RECONCILE, Rounds
from workflows.reconcile import Reconcile

#: Ten rounds, a minute apart.
ROUNDS = Rounds(rounds=10, seconds=60.0)
PERIOD = 600
BEGUN = 10  # seconds of the period that have passed when the run begins
Run = WorkflowHandle[Any, dict[str, int]]


@pytest.fixture(autouse=True)
def heartbeats_keep_up(monkeypatch: pytest.MonkeyPatch):
    """The server's time jumps by minutes, in which no activity can say that it is alive."""
    for name in ("_WATCH_HEARTBEAT", "_PUSH_HEARTBEAT"):
        monkeypatch.setattr(reconcile, name, timedelta(hours=1))


@dataclass
class Work:
    """Stands for the activities. ``found``: seconds of the run at which a look finds something to push; ``pushes``:
    seconds each push takes, or how it fails. ``stopped``: no worker stays. ``mails``: how many wait to be read,
    one at a time, once a push is at work. ``ended``: what has come to its end.
    """

    environment: WorkflowEnvironment
    found: list[float] = field(default_factory=list)
    pushes: list[float | Exception] = field(default_factory=list)
    watched: list[Watch] = field(default_factory=list)
    stopped: bool = False
    mails: int = 0
    ended: list[str] = field(default_factory=list)

    @activity.defn(name="outstanding")
    async def outstanding(self, watch: Watch) -> list[str]:
        self.watched.append(watch)
        if self.stopped:
            raise ApplicationError("the worker stops", type=STOPPING)
        if watch.busy:
            return ["read_mail"] if self.mails else []
        await self._pass(self.found.pop(0) if self.found else watch.lasting)
        return ["push_crm"] if self.pushes else []

    @activity.defn(name="push_crm")
    async def push_crm(self) -> int:
        push = self.pushes.pop(0)
        if isinstance(push, Exception):
            raise push
        await self._pass(push)
        self.ended.append("push_crm")
        return 3

    @activity.defn(name="read_mail")
    async def read_mail(self) -> int:
        self.mails -= 1
        self.ended.append("read_mail")
        return 1

    async def _pass(self, seconds: float) -> None:
        if seconds:
            await self.environment.sleep(seconds)


@asynccontextmanager
async def reconciled(work: Work) -> AsyncIterator[Run]:
    """A run begun ten seconds after its schedule came round, on the server that skips time."""
    environment = work.environment
    now = await environment.get_current_time()
    await environment.sleep(PERIOD - now.timestamp() % PERIOD + BEGUN)
    async with Worker(
        environment.client,
        task_queue="reconcile",
        workflows=[Reconcile],
        activities=[work.outstanding, work.push_crm, work.read_mail],
        workflow_runner=sandboxed(),
    ):
        yield await environment.client.start_workflow(
            RECONCILE, ROUNDS, id="reconcile", task_queue="reconcile", result_type=dict[str, int]
        )


def down() -> ApplicationError:
    return ApplicationError("crm 503", non_retryable=True)


async def test_idle_rounds_are_one_activity_however_many(time_skipping: WorkflowEnvironment):
    work = Work(time_skipping)
    async with reconciled(work) as run:
        assert await run.result() == {}
        assert len([event async for event in run.fetch_history_events()]) == 11
    assert [watch.every for watch in work.watched] == [60.0]


async def test_each_round_is_a_while_after_the_one_before_and_all_end_with_the_period(
    time_skipping: WorkflowEnvironment,
):
    work = Work(time_skipping, found=[0, 60, 200], pushes=[1, 1, 1])
    async with reconciled(work) as run:
        assert await run.result() == {"push_crm": 9}
        described = await run.describe()
    assert [watch.after for watch in work.watched] == [0, 60, 60, 60]
    assert described.close_time is not None
    assert described.close_time.timestamp() - described.start_time.timestamp() < PERIOD - BEGUN


async def test_a_push_that_fails_is_followed_by_others(time_skipping: WorkflowEnvironment):
    work = Work(time_skipping, found=[0, 60], pushes=[down(), 1])
    async with reconciled(work) as run:
        assert await run.result() == {"push_crm": 3}


async def test_a_run_whose_last_push_failed_fails_so_that_it_is_seen(time_skipping: WorkflowEnvironment):
    work = Work(time_skipping, found=[0, 60], pushes=[1, down()])
    async with reconciled(work) as run:
        with pytest.raises(WorkflowFailureError):
            await run.result()
        metadata = await run.query("__temporal_workflow_metadata")
    assert metadata.current_details == "**push crm:** 3\n\n**push crm** failed: crm 503"
    assert len(work.watched) == 3, "it went on to the end of its period"


async def test_a_run_that_lasts_into_the_next_period_serves_it(time_skipping: WorkflowEnvironment):
    """The schedule passes over a period that begins while a run goes on."""
    work = Work(time_skipping, found=[500], pushes=[200])
    async with reconciled(work) as run:
        assert await run.result() == {"push_crm": 3}
    after = [watch for watch in work.watched if not watch.busy][1]
    assert after.lasting == pytest.approx(2 * PERIOD - 30 - (BEGUN + 700), abs=30)


async def test_a_watch_that_does_not_wait_ends_all_the_same(time_skipping: WorkflowEnvironment):
    work = Work(time_skipping, found=[0.0] * 100)
    async with reconciled(work) as run:
        assert await run.result() == {}
    assert len(work.watched) == 2 * ROUNDS.rounds


async def test_a_run_during_which_all_workers_were_stopped_has_not_failed(time_skipping: WorkflowEnvironment):
    async with reconciled(Work(time_skipping, stopped=True)) as run:
        assert await run.result() == {}


async def test_a_slow_part_holds_no_other_up(time_skipping: WorkflowEnvironment):
    work = Work(time_skipping, found=[0], pushes=[250], mails=2)
    async with reconciled(work) as run:
        assert await run.result() == {"push_crm": 3, "read_mail": 2}
    assert work.ended == ["read_mail", "read_mail", "push_crm"]
    assert {watch.lasting for watch in work.watched if watch.busy} == {0.0}, "one look at a time"


async def test_a_run_that_an_older_build_began_goes_on_as_it_began(
    time_skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
):
    """Its history has no timers, and this build's replay of it asks for none."""
    work = Work(time_skipping, found=[0], pushes=[250], mails=2)
    with monkeypatch.context() as older:
        older.setattr(workflow, "patched", lambda _name: False)
        async with reconciled(work) as run:
            assert await run.result() == {"push_crm": 3}
            history = await run.fetch_history()
    assert not any(event.HasField("timer_started_event_attributes") for event in history.events)
    replayer = Replayer(workflows=[Reconcile], workflow_runner=sandboxed(), data_converter=data_converter(Settings()))
    await replayer.replay_workflow(history)
