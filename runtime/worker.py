"""The worker process: journeys, their activities and the relay, until it is told to stop."""

import asyncio
import os
import signal
import threading
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from activities.audiences import Pushing
from activities.auditing import Auditing
from activities.deciding import Deciding
from activities.mail import ReadingMail
from activities.operating import Operating
from activities.reading import Reading
from activities.reconciling import Reconciling
from activities.retaining import Retaining
from activities.room import Room
from activities.settling import Settling
from activities.suppressions import Pulling
from activities.touches import Touching
from activities.watching import Watching
from runtime import probes, tracing
from runtime.auditing import Auditor
from runtime.builds import WORKFLOWS, build
from runtime.collecting import spare_the_collector
from runtime.composition import Composition, composed
from runtime.heartbeats import Heartbeats
from runtime.link_secret import require_secret
from runtime.logs import configure_logging
from runtime.mail_in import mail_reader
from runtime.operating import Starting, TemporalCommanding
from runtime.patience import patiently
from runtime.probes import Probes
from runtime.relay import Relay
from runtime.settings import Settings
from runtime.standing import PgStandings
from runtime.survey import Surveyor
from runtime.telemetry import expose_sdk, watch_loop, watch_pool
from runtime.temporal import PendingTouches, connect, prepare_namespace
from runtime.watched_activities import Counting
from storage.crm import PgCrmNews
from storage.operation_rows import PgOperations
from storage.retention import PgRetention
from storage.vendor_suppressions import PgVendorSuppressions

_log = structlog.get_logger("tendril.worker")
_LAST_GRACE = 3.0  # seconds after the drain in which the process must have left


def build_worker(client: Client, parts: Composition, *, runner: WorkflowRunner | None = None) -> Worker:
    """A worker for the settings' task queue.

    Journeys run without the SDK's sandbox: it takes up to a quarter of the worker's CPU and guards against mistakes
    that the tests, which run inside it, and the linters catch (docs/decisions/0017-no-sandbox-in-production.md).
    """
    settings = parts.settings
    standings = PgStandings(parts.database, client, parts.clock)
    deciding = Deciding(parts.journeys, parts.playbooks, parts.clock, standings)
    touching = Touching(
        parts.ledger,
        parts.channels,
        parts.inbox,
        parts.clock,
        settings.send_timeout,
        settings.claim_lease,
        # a channel whose vendor hangs leaves half of the slots to all others
        Room(max(1, settings.worker_activities // 2)),
    )
    reconciling = Reconciling(parts.lists, parts.crm, parts.playbooks, parts.inbox, parts.clock)
    news = PgCrmNews(parts.database, parts.crm.name, timedelta(seconds=settings.crm_interval))
    reading = Reading(news, parts.crm, parts.playbooks, parts.inbox, parts.clock)
    mailbox = mail_reader(parts.database, parts.clock)
    pushing = Pushing(parts.audiences, parts.networks, parts.clock)
    retention = PgRetention(parts.database)
    pulling = _pulling(parts)
    ours = pulling.ours if pulling else None
    settling = Settling(parts.ledger, parts.channels, PendingTouches(client), parts.clock, settings.send_timeout)
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=[
            deciding.decide,
            touching.send_touch,
            Watching(
                parts.lists, parts.ledger, retention, parts.audiences, parts.networks, news, ours, mailbox
            ).outstanding,
            *([pulling.pull_suppressions] if pulling else []),
            reconciling.push_crm,
            *pushing.activities(),
            reconciling.read_feedback,
            reading.read_crm,
            *([ReadingMail(mailbox).read_mail] if mailbox else []),
            settling.settle_claims,
            Operating(PgOperations(parts.database), TemporalCommanding(client), parts.clock).carry_out,
            Retaining(retention, parts.clock).purge_expired,
            Auditing(Auditor(parts.database, client, parts.clock, settings)).audit,
        ],
        workflow_runner=runner or UnsandboxedWorkflowRunner(),
        interceptors=[Counting(), Heartbeats()],
        max_cached_workflows=settings.worker_cached_workflows,
        max_concurrent_workflow_tasks=settings.worker_workflow_tasks,
        max_concurrent_local_activities=settings.worker_local_activities,
        max_concurrent_activities=settings.worker_activities,
        graceful_shutdown_timeout=timedelta(seconds=settings.worker_drain),
        **build(settings).options(),
    )


def _pulling(parts: Composition) -> Pulling | None:
    """None where the mail's carrier keeps no list of people it won't write to."""
    theirs = parts.suppressing
    if theirs is None:
        return None
    every = timedelta(seconds=parts.settings.suppressions_interval)
    return Pulling(PgVendorSuppressions(parts.database, theirs.vendor, every), theirs, parts.clock)


async def run_worker(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then let running touches finish for ``worker_drain`` seconds.

    Waits for a database or a Temporal that is not there yet. Raises what can't be waited out, such as a wrong password.
    """
    require_secret(settings)
    configure_logging(settings)
    probed = Probes()
    probes.serve(settings.metrics_port, probed)
    expose_sdk(settings.sdk_metrics_port)
    tracing.start(settings, "tendril-worker")
    stopping = _stop_on_signals(settings.worker_drain + _LAST_GRACE)
    beating = asyncio.create_task(probed.beat())
    async with AsyncExitStack() as stack:
        ready = asyncio.ensure_future(_ready(settings, stack, probed))
        await asyncio.wait([ready, asyncio.ensure_future(stopping.wait())], return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            return
        client, parts = ready.result()
        place = {"task_queue": settings.task_queue, "temporal": settings.temporal_address}
        _log.info("worker runs", build=str(build(settings)), **place)
        await _serve(client, parts, stopping, probed)
    beating.cancel()
    tracing.stop()
    _log.info("worker stopped")


async def _ready(settings: Settings, stack: AsyncExitStack, probed: Probes) -> tuple[Client, Composition]:
    probed.waits_for = "PostgreSQL"
    parts = await patiently(lambda: stack.enter_async_context(composed(settings)), probed.waits_for)
    probed.waits_for = f"Temporal at {settings.temporal_address}"
    client = await patiently(lambda: connect(settings), probed.waits_for)
    probed.waits_for = f"Temporal namespace {settings.temporal_namespace}"
    await patiently(lambda: prepare_namespace(client, settings), probed.waits_for)
    return client, parts


async def _serve(client: Client, parts: Composition, stopping: asyncio.Event, probed: Probes) -> None:
    """Run worker and relay side by side. When either fails, or a stop is asked for, both end in good order."""
    worker, relay = build_worker(client, parts), Relay(parts.database, client, parts.clock, parts.settings)
    starting = Starting(parts.database, client, parts.settings.task_queue)
    spare_the_collector()
    running = [asyncio.create_task(each.run()) for each in (worker, relay, starting)]
    measuring = _measuring(client, parts, probed)
    asked = asyncio.create_task(stopping.wait())
    await asyncio.wait([*running, asked], return_when=asyncio.FIRST_COMPLETED)
    for task in (asked, *measuring):
        task.cancel()
    probed.waits_for = "its end: it takes no more work"
    relay.stop()
    starting.stop()
    await asyncio.gather(worker.shutdown(), return_exceptions=True)
    await asyncio.gather(*running)


def _measuring(client: Client, parts: Composition, probed: Probes) -> list[asyncio.Task[None]]:
    """What is measured beside the work, until it is cancelled."""
    watch_pool(parts.database.pool)
    surveyor = Surveyor(parts.database.url, client, parts.clock, parts.settings.data_dir)
    watching = (surveyor.run(), watch_loop(), probed.watch(client, parts.settings.task_queue))
    return [asyncio.create_task(each) for each in watching]


def _stop_on_signals(patience: float) -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; whatever hangs then (a server that is gone) is left after ``patience`` s."""
    stopping = asyncio.Event()

    def stop() -> None:
        if not stopping.is_set():
            deadline = threading.Timer(patience, os._exit, [1])
            deadline.daemon = True
            deadline.start()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return stopping
