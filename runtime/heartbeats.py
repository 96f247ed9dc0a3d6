"""Signs of life: for every activity that the server watches, as long as its worker lives.

A worker that dies is then noticed within the heartbeat timeout, which may be short however long a vendor takes to
answer; an activity that hangs runs into its ``start_to_close_timeout``.
"""

import asyncio
from typing import Any

from temporalio import activity
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

#: Heartbeats in one heartbeat timeout. The SDK passes on as many of them as the server needs.
_OFTEN = 4


class Heartbeats(Interceptor):
    """Activities need not say that they are alive. What one says of its progress stays said."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 the SDK's name
        return _Alive(next)


class _Alive(ActivityInboundInterceptor):
    said: "_Said"

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self.said = _Said(outbound)
        super().init(self.said)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 the SDK's name
        timeout = activity.info().heartbeat_timeout
        if not timeout:
            return await self.next.execute_activity(input)
        beating = asyncio.create_task(self._beat(timeout.total_seconds() / _OFTEN))
        try:
            return await self.next.execute_activity(input)
        finally:
            beating.cancel()

    async def _beat(self, every: float) -> None:
        while True:
            activity.heartbeat(*self.said.details)
            await asyncio.sleep(every)


class _Said(ActivityOutboundInterceptor):
    """Remembers what the activity said last: a heartbeat without details would take it back."""

    details: tuple[Any, ...] = ()

    def heartbeat(self, *details: Any) -> None:
        self.details = details
        super().heartbeat(*details)
