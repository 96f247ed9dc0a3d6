"""How a trace passes through a journey.

The library's own interceptor puts all that a workflow ever does into the trace that began it, and only links signals:
right for a workflow of seconds, useless for a journey of months. Here every wake is a trace of its own: what a signal
or an update brought is the parent of the next decision and of the touches that follow from it; a timer begins a trace.

Replay-safe: the workflow's side only passes headers on, which are no part of a command's identity, and makes a span for
a timer only when it is not replaying.
"""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from opentelemetry.context import Context
from opentelemetry.trace import Tracer, set_span_in_context
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.worker import (
    ActivityInboundInterceptor,
    ContinueAsNewInput,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    HandleSignalInput,
    HandleUpdateInput,
    StartActivityInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

from domain.trace import TRACE

_HEADER = "_tracer-data"
_TIMER = "tendril_timer_span"
_DECIDE = "decide"


class JourneyTracing(TracingInterceptor):
    """For ``Client.connect``: calls and activities as the library does it, workflows as above."""

    def __init__(self, tracer: Tracer, traceparent: Callable[[], str]) -> None:
        super().__init__(tracer)
        self._traceparent = traceparent

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 the SDK's name
        return super().intercept_activity(_Traced(next, self._traceparent))

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[Any]:  # noqa: A002 the SDK's name
        input.unsafe_extern_functions[_TIMER] = self._timer
        return _Journey

    def _timer(self, workflow_id: str, nanoseconds: int) -> Payload:
        """The header of a trace that begins with a timer. The span has no length: the journey goes on from it."""
        attributes = {"temporalWorkflowID": workflow_id}
        span = self.tracer.start_span("timer", Context(), attributes=attributes, start_time=nanoseconds)
        span.end(nanoseconds)
        carrier: dict[str, Any] = {}
        self.text_map_propagator.inject(carrier, set_span_in_context(span, Context()))
        return self.payload_converter.to_payloads([carrier])[0]


class _Traced(ActivityInboundInterceptor):
    """Inside the activity's span: what the activity writes knows its trace."""

    def __init__(self, next: ActivityInboundInterceptor, traceparent: Callable[[], str]) -> None:  # noqa: A002 the SDK's name
        super().__init__(next)
        self._traceparent = traceparent

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 the SDK's name
        token = TRACE.set(self._traceparent())
        try:
            return await self.next.execute_activity(input)
        finally:
            TRACE.reset(token)


class _Journey(WorkflowInboundInterceptor):
    """``told`` is the header of what came last and was not decided on yet, ``now`` that of the present decision."""

    def __init__(self, next: WorkflowInboundInterceptor) -> None:  # noqa: A002 the SDK's name
        super().__init__(next)
        self.told: Payload | None = None
        self.now: Payload | None = None

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_FromJourney(outbound, self))

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002 the SDK's name
        self._hear(input.headers)
        return await self.next.execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002 the SDK's name
        self._hear(input.headers)
        await self.next.handle_signal(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002 the SDK's name
        self._hear(input.headers)
        return await self.next.handle_update_handler(input)

    def decides(self) -> None:
        """What was told until here is what the decision is about; nothing told means that its time had come."""
        self.now, self.told = self.told, None
        if self.now is None and not workflow.unsafe.is_replaying():
            begin = workflow.extern_functions()[_TIMER]
            self.now = begin(workflow.info().workflow_id, workflow.time_ns())

    def _hear(self, headers: Mapping[str, Payload]) -> None:
        self.told = headers.get(_HEADER) or self.told


class _FromJourney(WorkflowOutboundInterceptor):
    def __init__(self, next: WorkflowOutboundInterceptor, journey: _Journey) -> None:  # noqa: A002 the SDK's name
        super().__init__(next)
        self._journey = journey

    def start_local_activity(self, input: StartLocalActivityInput) -> Any:  # noqa: A002 the SDK's name
        if input.activity == _DECIDE:
            self._journey.decides()
        input.headers = self._with(input.headers)
        return self.next.start_local_activity(input)

    def start_activity(self, input: StartActivityInput) -> Any:  # noqa: A002 the SDK's name
        input.headers = self._with(input.headers)
        return self.next.start_activity(input)

    def continue_as_new(self, input: ContinueAsNewInput) -> NoReturn:  # noqa: A002 the SDK's name
        """The next run's decisions have causes of their own."""
        self.next.continue_as_new(input)

    def _with(self, headers: Mapping[str, Payload]) -> Mapping[str, Payload]:
        now = self._journey.now
        return {**headers, _HEADER: now} if now is not None else headers
