"""Look after every lead, on a Temporal Schedule: what was lost on the way is found and told (C37).

All of it is one activity: it keeps nothing between its steps, and may begin anew at any time.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows.messages import AUDIT_WORKFLOW

_LONGEST = timedelta(minutes=30)
_HEARTBEAT = timedelta(minutes=1)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=10), maximum_attempts=3)


@workflow.defn(name=AUDIT_WORKFLOW)
class Audit:
    """One audit of everybody."""

    @workflow.run
    async def run(self) -> dict[str, int]:
        """Returns kind of finding → how many were left."""
        left: dict[str, int] = await workflow.execute_activity(
            "audit",
            result_type=dict[str, int],
            start_to_close_timeout=_LONGEST,
            heartbeat_timeout=_HEARTBEAT,
            retry_policy=_RETRY,
            summary="every lead against every journey that runs",
        )
        lines = [f"**{kind.replace('_', ' ')}:** {number}" for kind, number in sorted(left.items())]
        workflow.set_current_details("\n\n".join(lines) or "Every lead is ended or has a next wake.")
        return left
