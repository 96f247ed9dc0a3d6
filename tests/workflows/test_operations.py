"""Operations over many journeys, on the real server: each is commanded once, whatever dies, and it can be undone."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from domain.operating import OperationKind, OperationRequest, OperationStatus, Outcome
from domain.words import BuyerStage, Channel, CommandKind
from runtime.operating import Starting
from storage import operations
from storage.database import Database
from storage.operation_rows import PgOperations
from storage.undoing import undo_of
from tests.fixtures.playbooks import minimal_playbook
from tests.workflows.running import Lead, Running, eventually, running_worker


@pytest_asyncio.fixture
async def many(dev_server: WorkflowEnvironment, database: Database) -> AsyncIterator[tuple[Running, list[Lead]]]:
    """Six journeys under way, and a worker that sees to operations."""
    async with running_worker(dev_server, database, minimal_playbook()) as running:
        leads = [await running.enrol(email=f"lead{number}@company{number}.example") for number in range(6)]
        starting = Starting(database, dev_server.client, running.parts.settings.task_queue)
        working = asyncio.create_task(starting.run())
        yield running, leads
        starting.stop()
        await working


async def carried_out(running: Running, kind: OperationKind, **asked: Any) -> operations.OperationView:
    """Ask for it, and wait until it is over."""
    async with running.database.pool.acquire() as connection, connection.transaction():
        id_ = await operations.create(connection, kind=kind, by="test", now=await running.now(), **asked)

    async def over() -> operations.OperationView | None:
        view = await operations.get(running.database, id_)
        return view if view.status is OperationStatus.DONE else None

    return await eventually(over, f"{kind} never came to its end")


async def test_each_journey_is_commanded_once_although_the_worker_dies_and_what_was_done_is_undone(
    many: tuple[Running, list[Lead]], monkeypatch: pytest.MonkeyPatch
):
    running, leads = many
    settle, deaths = PgOperations.settle, iter([True, True])

    async def dying(*given: Any) -> None:
        if next(deaths, False):
            raise ConnectionResetError("killed after journeys were commanded, before anybody knew")
        await settle(*given)

    monkeypatch.setattr(PgOperations, "settle", dying)
    await leads[0].command(CommandKind.PAUSE)
    before = {lead.id: (await lead.state()).number for lead in leads}
    done = await carried_out(running, OperationKind.PAUSE, where='status == "nurture" && decision > 0', reason="a fair")
    assert done.counts == {Outcome.DONE: 5, Outcome.REFUSED: 1}
    assert await operations.reasons(running.database, done.id) == [
        {"status": "refused", "detail": "The journey is paused already.", "number": 1}
    ]
    after = {lead.id: (await lead.state()).number for lead in leads}
    assert Counter(after[id_] - before[id_] for id_ in after) == {1: 5, 0: 1}
    members = await operations.members(running.database, done.id, Outcome.DONE, 10)
    assert all(member["number_after"] == after[member["lead_id"]] for member in members)
    history = (await leads[1].journey.fetch_history()).to_json()
    assert "fair" not in history, "what an operator writes stays in the database"
    await undone_again(running, leads[1:])
    await sold(running, leads[2:4])


async def sold(running: Running, leads: list[Lead]) -> None:
    """What the operator wrote is read by the seller, and by nobody at Temporal."""
    await carried_out(running, OperationKind.HAND_OFF, leads=[lead.id for lead in leads], reason="met at the fair")
    tasks = running.channels[Channel.SDR_TASK].sent

    async def arrived() -> bool:
        return len(tasks) == len(leads)

    await eventually(arrived, "the sellers' tasks never arrived")
    assert {task.brief["operator_said"] for task in tasks} == {"met at the fair"}
    assert "fair" not in (await leads[0].journey.fetch_history()).to_json()


async def undone_again(running: Running, leads: list[Lead]) -> None:
    """A forced stage goes back to where each was, and nobody is where it was not."""
    ids = [lead.id for lead in leads]
    was = {lead.id: (await lead.state()).stage for lead in leads}
    forced = await carried_out(
        running, OperationKind.FORCE_STAGE, leads=ids, request=OperationRequest(stage=BuyerStage.EVALUATION)
    )
    assert {(await lead.state()).stage for lead in leads} == {BuyerStage.EVALUATION}
    back = await undo_of(running.database, forced)
    asked = {"leads": back.leads, "given": back.given, "request": back.request, "reason": "undone", "undoes": forced.id}
    undone = await carried_out(running, back.kind, **asked)
    assert undone.counts == {Outcome.DONE: len(leads)}
    assert {lead.id: (await lead.state()).stage for lead in leads} == was
