"""What a worker answers to probes: it is ready once Temporal has it among those that ask for work, and not before."""

import asyncio
from time import monotonic

import httpx
import pytest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.errors import Refused
from runtime.embedded import ports
from runtime.probes import Probes, serve
from tests.whole.processes import eventually
from workflows.audit import Audit


async def test_a_worker_is_ready_once_it_asks_for_work(dev_server: WorkflowEnvironment):
    probes, port, client = Probes(), ports.any_free(), dev_server.client
    serve(port, probes)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:

        async def says(what: str) -> bool:
            return (await http.get("/readyz")).text == f"{what}\n"

        assert await says("waits for its first connection")
        watching = asyncio.create_task(probes.watch(client, "ours"))
        await eventually(lambda: says("waits for its first poll of the task queue ours"), "it says something else")
        assert [(await http.get(path)).status_code for path in ("/readyz", "/healthz", "/metrics")] == [503, 200, 200]
        async with Worker(client, task_queue="ours", workflows=[Audit], workflow_runner=UnsandboxedWorkflowRunner()):
            await eventually(lambda: says("ok"), "it is never ready")
            assert (await http.get("/readyz")).status_code == 200
        watching.cancel()


def test_a_port_that_another_worker_has_is_named_with_its_setting():
    port = ports.any_free()
    serve(port, Probes())
    with pytest.raises(Refused, match=f"Port {port} can't be had") as refused:
        serve(port, Probes())
    assert "TENDRIL_METRICS_PORT" in refused.value.remedy


def test_an_event_loop_that_stands_still_is_told_of():
    probes = Probes()
    assert probes.trouble("/healthz") == ""
    probes._came_round = monotonic() - 40
    assert "stood still for 40 s" in str(probes.trouble("/healthz"))
