"""What a worker answers to probes, on the port of its metrics.

=========== ===========================================================================================
`/healthz`  200 while the event loop comes round; 503 when it has stood still: begin the process anew
`/readyz`   200 while Temporal has this worker among those that ask for work; 503 with what it waits for
`/metrics`  the process's counters, from its start on: they say nothing of whether it works
=========== ===========================================================================================

Answers come from a thread of their own: a loop that hangs can still be told of.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from time import monotonic
from typing import Any

from prometheus_client import start_http_server
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from domain.errors import Refused
from runtime.telemetry import REGISTRY

#: As WSGI has it (PEP 3333).
_Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_STANDS_STILL = 30.0  # seconds; decisions and vendors are awaited, so nothing keeps the loop for as many tenths
_BEAT = 1.0
_EAGER, _CALM = 0.25, 15.0  # seconds between two looks, before and after Temporal knows of the worker
_PATIENCE = timedelta(seconds=5)


class Probes:
    """Written by the event loop, read by the thread that answers. ``waits_for``: "" when the worker works."""

    def __init__(self) -> None:
        self.waits_for = "its first connection"
        self._came_round = monotonic()

    def trouble(self, path: str) -> str | None:
        """What to say on ``path``: "" when all is well, None where no probe is."""
        if path == "/readyz":
            return self.waits_for and f"waits for {self.waits_for}"
        if path == "/healthz":
            still = monotonic() - self._came_round
            return f"the event loop has stood still for {still:.0f} s" if still > _STANDS_STILL else ""
        return None

    async def beat(self) -> None:
        """Note that the loop comes round, until cancelled."""
        while True:
            self._came_round = monotonic()
            await asyncio.sleep(_BEAT)

    async def watch(self, client: Client, task_queue: str) -> None:
        """Ask Temporal whether this worker asks for work, until cancelled."""
        while True:
            self.waits_for = await _missing(client, task_queue)
            await asyncio.sleep(_EAGER if self.waits_for else _CALM)


def serve(port: int, probes: Probes) -> None:
    """Answer probes and ``/metrics``; nothing when the port is 0. Raises ``Refused`` when the port is taken."""
    if port:
        try:
            server, _ = start_http_server(port, registry=REGISTRY)
        except OSError as error:
            remedy = "Give each worker on a machine a port of its own, or 0: TENDRIL_METRICS_PORT."
            raise Refused(f"Port {port} can't be had for metrics: {error.strerror}.", remedy) from None
        server.set_app(_answering(probes, server.get_app()))


def _answering(probes: Probes, metrics: Any) -> _Application:
    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        trouble = probes.trouble(environ["PATH_INFO"])
        if trouble is None:
            said: Iterable[bytes] = metrics(environ, start)
            return said
        start("503 Service Unavailable" if trouble else "200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{trouble or 'ok'}\n".encode()]

    return answer


async def _missing(client: Client, task_queue: str) -> str:
    """The server forgets who has not asked for five minutes (temporal ``matching/poller_history.go``)."""
    asked = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    try:
        known = await client.workflow_service.describe_task_queue(asked, timeout=_PATIENCE)
    except RPCError as error:
        return f"Temporal, which refuses or does not answer ({error.status.name})"
    if client.identity in {poller.identity for poller in known.pollers}:
        return ""
    return f"its first poll of the task queue {task_queue}"
