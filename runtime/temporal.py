"""Connecting to Temporal, and what a namespace must have before journeys run in it. All of it may be done again."""

from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import Any

import structlog
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowExecutionStatus,
)
from temporalio.common import SearchAttributeIndexedValueType, SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from runtime import tracing
from runtime.encryption import data_converter
from runtime.settings import Settings
from workflows.messages import AUDIT_WORKFLOW, RECONCILE, SEND_TOUCH, Rounds, workflow_id
from workflows.showing import ATTRIBUTES

SCHEDULE = "tendril-reconcile"
AUDIT_SCHEDULE = "tendril-audit"
#: Seconds. Shorter runs would crowd journeys out of the Temporal UI's list.
_LEAST_PERIOD = 300.0
_log = structlog.get_logger("tendril.temporal")
#: A cluster that keeps these to its administrators (Temporal Cloud): not ours to insist.
_NOT_OURS = {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.UNAUTHENTICATED}
_TYPES = {
    SearchAttributeIndexedValueType.KEYWORD: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SearchAttributeIndexedValueType.INT: IndexedValueType.INDEXED_VALUE_TYPE_INT,
    SearchAttributeIndexedValueType.DATETIME: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
}


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """A client for the settings' cluster and namespace. Every client is made here, so that all of them encrypt alike.

    Raises ``RuntimeError`` when the cluster does not answer, ``Refused`` when the payload keys can't be read.
    With ``lazy`` it connects at its first call, so that a process can start before Temporal has.
    """
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        api_key=settings.temporal_api_key.get_secret_value() or None,
        tls=_tls(settings),
        data_converter=data_converter(settings),
        lazy=lazy,
        interceptors=tracing.interceptors(),
    )


async def prepare(settings: Settings) -> None:
    """Connect and prepare the settings' namespace. Raises ``RuntimeError`` or ``RPCError``."""
    await prepare_namespace(await connect(settings), settings)


async def prepare_namespace(client: Client, settings: Settings) -> None:
    """Retention, search attributes and the schedules, each as it should be. Raises ``RPCError``."""
    await _if_permitted(_keep_history(client, settings.temporal_retention_days), "set the namespace's retention")
    await _if_permitted(register_search_attributes(client), "register search attributes")
    await schedule_reconcile(client, settings)
    await _put(client, AUDIT_SCHEDULE, _audits(settings))


async def register_search_attributes(client: Client) -> None:
    """Register those that are missing: an unregistered one would stall every journey."""
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    await add_search_attributes(client, [key for key in ATTRIBUTES if key.name not in listed.custom_attributes])


async def add_search_attributes(client: Client, keys: Sequence[SearchAttributeKey[Any]]) -> None:
    """Register search attributes that the namespace does not have."""
    if keys:
        types = {key.name: _TYPES[key.indexed_value_type] for key in keys}
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=types)
        )


async def schedule_reconcile(client: Client, settings: Settings) -> None:
    """Create the schedule that pushes desired state, or bring an existing one to the present settings.

    A run begins at once, unless one goes on or an operator paused the schedule.
    """
    await _put(client, SCHEDULE, _schedule(settings))


async def _put(client: Client, name: str, schedule: Schedule) -> None:
    try:
        await client.create_schedule(name, schedule, trigger_immediately=True)
    except ScheduleAlreadyRunningError:
        handle = client.get_schedule_handle(name)
        await handle.update(lambda current: _updated(current, schedule))
        if not schedule.state.paused:
            await handle.trigger(overlap=ScheduleOverlapPolicy.SKIP)


def _schedule(settings: Settings) -> Schedule:
    """Runs of at least five minutes, whatever the interval of their rounds: see ``workflows.reconcile``."""
    seconds = max(settings.reconcile_interval, 1.0)
    rounds = Rounds(rounds=max(round(_LEAST_PERIOD / seconds), 1), seconds=seconds)
    period = timedelta(seconds=rounds.rounds * rounds.seconds)
    action = ScheduleActionStartWorkflow(
        RECONCILE,
        rounds,
        id="reconcile",
        task_queue=settings.task_queue,
        static_summary="Pushes CRM fields and audiences, reads sellers' answers, settles claims",
    )
    # What was missed while nobody worked needs no repeating: one run pushes all that is outstanding.
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(seconds=10))
    return Schedule(action=action, spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=period)]), policy=policy)


def _audits(settings: Settings) -> Schedule:
    """Everybody, every ``audit_interval``, and after each start of a worker: a deploy or a restore went before."""
    action = ScheduleActionStartWorkflow(
        AUDIT_WORKFLOW,
        id="audit",
        task_queue=settings.task_queue,
        static_summary="Looks after every lead: ended, or with a next wake",
    )
    every = ScheduleIntervalSpec(every=timedelta(seconds=settings.audit_interval))
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(seconds=10))
    return Schedule(action=action, spec=ScheduleSpec(intervals=[every]), policy=policy)


def _updated(current: ScheduleUpdateInput, wanted: Schedule) -> ScheduleUpdate:
    """An operator may have paused it: that stays."""
    wanted.state = current.description.schedule.state
    return ScheduleUpdate(schedule=wanted)


class PendingTouches:
    """``ports.TouchesUnderWay``: what the server has still to see carried out."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def any(self, lead: str) -> bool:
        """Raises ``RPCError`` when the server can't be asked."""
        try:
            described = await self._client.get_workflow_handle(workflow_id(lead)).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        # A terminated workflow is still described with the activities it had.
        running = described.status is WorkflowExecutionStatus.RUNNING
        pending = described.raw_description.pending_activities
        return running and any(activity.activity_type.name == SEND_TOUCH for activity in pending)


async def _keep_history(client: Client, days: int) -> None:
    """Raise the namespace's retention to ``days``; never lower it."""
    service, name = client.workflow_service, client.namespace
    described = await service.describe_namespace(DescribeNamespaceRequest(namespace=name))
    wanted = days * 86_400
    if described.config.workflow_execution_retention_ttl.seconds < wanted:
        config = NamespaceConfig(workflow_execution_retention_ttl=Duration(seconds=wanted))
        await service.update_namespace(UpdateNamespaceRequest(namespace=name, config=config))


async def _if_permitted(task: Awaitable[None], what: str) -> None:
    try:
        await task
    except RPCError as error:
        if error.status not in _NOT_OURS:
            raise
        _log.warning(f"may not {what}: ask the namespace's administrator", status=error.status.name)


def _tls(settings: Settings) -> TLSConfig | bool | None:
    certificate, key, ca = settings.temporal_tls_cert, settings.temporal_tls_key, settings.temporal_tls_ca
    if certificate or key or ca:
        return TLSConfig(
            server_root_ca_cert=ca.read_bytes() if ca else None,
            client_cert=certificate.read_bytes() if certificate else None,
            client_private_key=key.read_bytes() if key else None,
        )
    return True if settings.temporal_tls or settings.temporal_api_key.get_secret_value() else None
