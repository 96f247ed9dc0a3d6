"""The worker of the bench, as a process of its own: Tendril's real one with touches that go nowhere, or the bare one.

    python -m bench.worker tendril|bare
    python -m bench.worker mailing SMTP_PORT [VENDORS_URL]

``tendril``'s channels answer at once, so that what is measured is Tendril and not a mail server; with ``mailing`` mail
goes to a server on this machine, and tasks to the stand-in vendors.
"""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import replace

import uvloop
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bench.bare import BARE_QUEUE, Bare, nothing
from domain.ports import OutboundTouch, Receipt
from domain.words import Channel
from runtime.collecting import spare_the_collector
from runtime.composition import composed
from runtime.relay import Relay
from runtime.settings import Settings
from runtime.temporal import connect
from runtime.worker import build_worker


class Nowhere:
    """A channel on which everything arrives at once."""

    async def send(self, touch: OutboundTouch) -> Receipt:
        return Receipt(vendor="nowhere", vendor_id=touch.key)

    async def lookup(self, touch: OutboundTouch) -> Receipt | None:
        return Receipt(vendor="nowhere", vendor_id=touch.key)


async def tendril(settings: Settings, stopping: asyncio.Event, *, nowhere: bool = True) -> None:
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(composed(settings))
        if nowhere:
            channels = dict.fromkeys(Channel, Nowhere())
            parts = replace(parts, vendors=replace(parts.vendors, channels=channels))
        client = await connect(settings)
        relay = Relay(parts.database, client, parts.clock, settings)
        spare_the_collector()
        async with build_worker(client, parts):
            running = asyncio.create_task(relay.run())
            await stopping.wait()
            relay.stop()
            await running


async def mailing(settings: Settings, stopping: asyncio.Event) -> None:
    port, url = int(sys.argv[2]), "".join(sys.argv[3:])
    there = {"smtp_host": "127.0.0.1", "smtp_port": port, "hubspot_base_url": f"{url}/hubspot"}
    await tendril(settings.model_copy(update=there), stopping, nowhere=False)


async def bare(settings: Settings, stopping: asyncio.Event) -> None:
    worker = Worker(
        await connect(settings),
        task_queue=BARE_QUEUE,
        workflows=[Bare],
        activities=[nothing],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=settings.worker_cached_workflows,
        max_concurrent_workflow_tasks=settings.worker_workflow_tasks,
        max_concurrent_activities=settings.worker_activities,
    )
    spare_the_collector()
    async with worker:
        await stopping.wait()


async def main(which: str) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await {"tendril": tendril, "mailing": mailing, "bare": bare}[which](Settings(), stopping)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)  # the SDK's core may crash while the interpreter goes down (sdk-python issue 300)
