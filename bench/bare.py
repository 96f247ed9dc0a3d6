"""What every figure is a ratio to: the least a workflow can do on the same server in the same run.

One workflow that sleeps, wakes on a signal, and runs one activity that does nothing.
"""

from datetime import timedelta

from temporalio import activity, workflow

BARE_QUEUE = "bare"


@activity.defn(name="nothing")
async def nothing(_: str) -> None:
    return


@workflow.defn(name="Bare")
class Bare:
    """One activity at the start and one for each signal; ends on the signal ``end``."""

    def __init__(self) -> None:
        self._due = 1
        self._ended = False

    @workflow.run
    async def run(self, activities: bool) -> None:
        if not activities:
            self._due = 0
        while not self._ended:
            while self._due:
                self._due -= 1
                await workflow.execute_activity(
                    "nothing", workflow.info().workflow_id, start_to_close_timeout=timedelta(seconds=30)
                )
            await workflow.wait_condition(lambda: self._due > 0 or self._ended, timeout=timedelta(days=30))

    @workflow.signal
    def wake(self) -> None:
        self._due += 1

    @workflow.signal
    def end(self) -> None:
        self._ended = True
