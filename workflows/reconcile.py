"""Bring vendors and ledger to what they should be, on a Temporal Schedule (DESIGN decision 5).

One run serves one period of the schedule with as many rounds as it asks for: waiting between rounds takes place in an
activity, so that idle rounds leave nothing in history and runs do not crowd journeys out of the Temporal UI's list.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, is_cancelled_exception  # noqa: A004

from activities.messages import OUTSTANDING, STOPPING, Watch
from workflows.messages import RECONCILE, Rounds

_PUSH = timedelta(minutes=5)
#: The next round comes soon: one gives up early.
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_attempts=3)
_WATCH_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10))
#: How long nobody may be there to watch.
_WATCH_GRACE = timedelta(minutes=1)
#: A worker that died is noticed after so long; it heartbeats more often.
_WATCH_HEARTBEAT = timedelta(seconds=10)
_PUSH_HEARTBEAT = timedelta(minutes=1)


@workflow.defn(name=RECONCILE)
class Reconcile:
    """Runs what is outstanding, side by side, round by round."""

    @workflow.init
    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds
        self._taken: dict[str, int] = {}
        self._failed: dict[str, ActivityError] = {}

    @workflow.run
    async def run(self, rounds: Rounds) -> dict[str, int]:
        """Returns name of the activity → rows dealt with. Fails in the end when the last try of a part failed, so that
        the schedule's page shows it.
        """
        after = 0.0
        for _ in range(2 * rounds.rounds):  # and not more, whatever the clock says
            await self._round(await self._outstanding(after))
            after = rounds.seconds
            if self._left() < after or workflow.info().is_continue_as_new_suggested():
                break
        for failure in self._failed.values():
            raise failure
        return self._taken

    def _left(self) -> float:
        """Seconds in which a round may still begin so that it ends before the schedule comes round.

        Should one have lasted longer, the schedule has passed over that period: this run serves it, too.
        """
        period = self._rounds.rounds * self._rounds.seconds
        return period - workflow.now().timestamp() % period - self._rounds.seconds / 2

    async def _outstanding(self, after: float) -> list[str]:
        """What there is to do, as soon as there is something."""
        watch = Watch(after=after, every=self._rounds.seconds, lasting=max(self._left(), after))
        try:
            names: list[str] = await workflow.execute_activity(
                OUTSTANDING,
                watch,
                result_type=list[str],
                schedule_to_close_timeout=timedelta(seconds=watch.lasting) + _WATCH_GRACE,
                heartbeat_timeout=_WATCH_HEARTBEAT,
                retry_policy=_WATCH_RETRY,
                summary="watch for changes",
            )
        except ActivityError as error:
            if not _nobody_was_there(error):
                raise
            return []
        return names

    async def _round(self, names: list[str]) -> None:
        results = await asyncio.gather(*map(self._run, names), return_exceptions=True)
        for name, result in zip(names, results, strict=True):
            self._failed.pop(name, None)
            if isinstance(result, ActivityError) and not is_cancelled_exception(result):
                self._failed[name] = result
            elif isinstance(result, BaseException):
                raise result
            else:
                self._taken[name] = self._taken.get(name, 0) + result
        workflow.set_current_details("\n\n".join(self._lines()))

    def _lines(self) -> list[str]:
        done = [f"**{_words(name)}:** {rows}" for name, rows in self._taken.items()]
        return done + [f"**{_words(name)}** failed: {failure.cause}" for name, failure in self._failed.items()]

    async def _run(self, name: str) -> int:
        taken: int = await workflow.execute_activity(
            name,
            result_type=int,
            start_to_close_timeout=_PUSH,
            heartbeat_timeout=_PUSH_HEARTBEAT,
            retry_policy=_RETRY,
            summary=_words(name),
        )
        return taken


def _nobody_was_there(error: ActivityError) -> bool:
    """All workers were stopped for a while: nothing went wrong, and what is outstanding waits for the next round."""
    cause = error.cause
    return isinstance(cause, TimeoutError) or (isinstance(cause, ApplicationError) and cause.type == STOPPING)


def _words(name: str) -> str:
    return name.replace("_", " ")
