"""What every activity of ours counts and logs, so that activities need not know of metrics or of logging's context."""

from time import perf_counter
from typing import Any

import structlog
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.messages import DecideInput, SendTouch, TouchOutcome
from runtime.telemetry import DECISION_SECONDS, DECISIONS, TOUCHES


class Counting(Interceptor):
    """Counts what activities do, and names in each line of their logs whom it is about."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 the SDK's name
        return _CountingActivity(next)


class _CountingActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 the SDK's name
        given = input.args[0] if input.args else None
        with structlog.contextvars.bound_contextvars(**_names(given)):
            if isinstance(given, DecideInput):
                return await self._decision(input)
            if isinstance(given, SendTouch):
                return await self._touch(input, given)
            return await self.next.execute_activity(input)

    async def _decision(self, asked: ExecuteActivityInput) -> Any:
        began = perf_counter()
        try:
            result = await self.next.execute_activity(asked)
        except Exception:
            DECISIONS.labels("failed").inc()
            structlog.get_logger("tendril.decide").exception("a decision failed and will be tried again")
            raise
        DECISION_SECONDS.observe(perf_counter() - began)
        DECISIONS.labels("made").inc()
        return result

    async def _touch(self, asked: ExecuteActivityInput, touch: SendTouch) -> Any:
        try:
            outcome: TouchOutcome = await self.next.execute_activity(asked)
        except Exception as error:
            TOUCHES.labels(touch.channel, getattr(error, "type", None) or type(error).__name__).inc()
            raise
        TOUCHES.labels(touch.channel, outcome.result).inc()
        return outcome


def _names(given: Any) -> dict[str, Any]:
    """What the lines of one activity's log are about: opaque ids, each by the same name everywhere."""
    if isinstance(given, DecideInput):
        state = given.state
        return {"lead": state.lead, "journey": f"{state.lead}/{state.cycle}", "decision": state.number + 1}
    if isinstance(given, SendTouch):
        lead, cycle = given.key.split("/")[:2]
        return {"lead": lead, "journey": f"{lead}/{cycle}", "touch": given.key}
    return {"activity": activity.info().activity_type}
