"""Push desired state to vendors, on a Temporal Schedule (DESIGN decision 5): see ``activities.reconciling``."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows.messages import RECONCILE

_QUICK = timedelta(seconds=10)
_PUSH = timedelta(minutes=5)
#: The schedule comes round again soon: a run gives up early.
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_attempts=3)


@workflow.defn(name=RECONCILE)
class Reconcile:
    """Runs what is outstanding, side by side. Fails when a part failed, so that the schedule's page shows it."""

    @workflow.run
    async def run(self) -> dict[str, int]:
        """Returns name of the activity → rows dealt with."""
        names: list[str] = await workflow.execute_local_activity(
            "outstanding", result_type=list[str], start_to_close_timeout=_QUICK, retry_policy=_RETRY
        )
        results = await asyncio.gather(*map(self._run, names), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return {name: result for name, result in zip(names, results, strict=True) if isinstance(result, int)}

    async def _run(self, name: str) -> int:
        taken: int = await workflow.execute_activity(
            name, result_type=int, start_to_close_timeout=_PUSH, retry_policy=_RETRY, summary=name.replace("_", " ")
        )
        return taken
