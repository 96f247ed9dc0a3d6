"""SIGTERM while a vendor is slow: the touch that is on its way gets there, and the worker leaves in good order."""

import signal

import httpx

from runtime.embedded import ports
from tests.whole.processes import eventually
from tests.whole.stack import Stack
from workflows.messages import CommandRequest

#: Seconds; a draining worker waits longer, and its first attempt is in time.
SLOW, DRAIN = 2.0, "12"


async def test_a_touch_on_its_way_is_finished_before_the_worker_leaves(stack: Stack):
    port = ports.any_free()
    worker = stack.start_worker("-m", "cli", "worker", TENDRIL_WORKER_DRAIN=DRAIN, TENDRIL_METRICS_PORT=str(port))
    lead = await stack.enrol()
    await stack.mail_arrives("ada@acme.example")
    await stack.fails("hubspot", "latency", seconds=SLOW, path="tasks")
    await (await stack.journey(lead)).execute_update("hand_off", CommandRequest(by="test"))
    leaving = "select key from touch where status = 'claimed' and channel = 'sdr_task'"
    key = await stack.until(leaving, otherwise="the task is not on its way")
    await eventually(lambda: says(port, "ok"), "a worker that works is not ready")
    worker.send_signal(signal.SIGTERM)
    await eventually(lambda: says(port, "takes no more work"), "who leaves is ready for more")

    async def gone() -> bool:
        return worker.poll() is not None

    await eventually(gone, "the worker never left", within=float(DRAIN))
    assert worker.returncode == 0, stack.processes.log("worker").read_text()
    row = await stack.database.pool.fetchrow("select status, attempts, vendor_id from touch where key = $1", key)
    assert (row["status"], row["attempts"]) == ("sent", 1)
    assert row["vendor_id"]


async def says(port: int, what: str) -> bool:
    """Of whether it is ready."""
    async with httpx.AsyncClient(trust_env=False) as http:
        return what in (await http.get(f"http://127.0.0.1:{port}/readyz")).text
