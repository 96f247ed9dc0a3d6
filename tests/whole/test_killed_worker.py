"""kill -9 of the worker at each await of a send: one message, whatever was cut short."""

import signal
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.whole.killing_worker import POINTS
from tests.whole.processes import eventually, stop
from tests.whole.stack import Stack

#: Seconds; a busy machine may lose an attempt more than once, and each costs the timeout again.
_SETTLING = 150.0
#: A message kept without a word: the sender hangs between handing over and hearing "250".
_SILENT_AFTER_DATA = {"path": "data", "after": True}


@pytest.mark.timeout(400)
async def test_wherever_the_worker_is_killed_one_message_arrives(stack: Stack, tmp_path: Path):
    """One lead a point, one death each; then a worker that lives settles them all.

    They wait together for the touches' timeout (35 s), after which Temporal knows that an attempt was lost.
    """
    leads = {point: await _killed_at(stack, point, tmp_path / point) for point in POINTS}
    worker = stack.start_worker()
    query = "select count(*) = $1 from touch where status = 'sent'"
    await stack.until(query, len(POINTS), otherwise="a touch was lost", within=_SETTLING)
    stop(worker)
    arrived = {point: len(await stack.mails(f"{point}@acme.example")) for point in POINTS}
    assert arrived == dict.fromkeys(POINTS, 1)
    assert await stack.repeated() == 0
    assert {point: await stack.touches(lead) for point, lead in leads.items()} == {
        point: {"first": "sent"} for point in POINTS
    }
    for lead in leads.values():
        assert (await (await stack.journey(lead)).describe()).status is WorkflowExecutionStatus.RUNNING


async def _killed_at(stack: Stack, point: str, marker: Path) -> str:
    """A lead enrolled, and a worker that died for it at this point."""
    lead = await stack.enrol(f"{point}@acme.example")
    if point == "handed_over":
        await stack.fails("smtp", "timeout", **_SILENT_AFTER_DATA)
    worker = stack.start_worker(
        "-m", "tests.whole.killing_worker", KILL_AT=point, KILL_LEAD=lead, KILL_MARKER=str(marker)
    )

    async def dead() -> bool:
        return worker.poll() is not None

    await eventually(dead, f"the worker never came to where {POINTS[point]}")
    assert worker.returncode == -signal.SIGKILL, f"it did not die as it should at {point}"
    return lead
