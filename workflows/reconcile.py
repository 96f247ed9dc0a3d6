"""Bring vendors and ledger to what they should be, on a Temporal Schedule (DESIGN decision 5).

One run serves one period of the schedule with as many rounds as it asks for: waiting between rounds takes place in an
activity, so that idle rounds leave nothing in history and runs do not crowd journeys out of the Temporal UI's list.
What takes longer than the time between rounds (a vendor that is slow, a worker that died) holds nothing else up.
"""

import asyncio
from datetime import timedelta

from temporalio import exceptions, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from activities.messages import OUTSTANDING, STOPPING, Watch
from workflows.messages import RECONCILE, Rounds

#: In runs that began with an older build, each round waits for all its parts.
_SIDE_BY_SIDE = "a slow part holds no other up"
_PUSH = timedelta(minutes=5)
#: The next round comes soon: one gives up early.
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_attempts=3)
_WATCH_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10))
#: How long nobody may be there to watch.
_WATCH_GRACE = timedelta(minutes=1)
#: A worker that died is noticed after so long (``runtime.heartbeats``).
_WATCH_HEARTBEAT = timedelta(seconds=10)
_PUSH_HEARTBEAT = timedelta(seconds=20)


@workflow.defn(name=RECONCILE)
class Reconcile:
    """Runs what is outstanding, side by side, round by round."""

    @workflow.init
    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._taken: dict[str, int] = {}
        self._failed: dict[str, ActivityError] = {}

    @workflow.run
    async def run(self, rounds: Rounds) -> dict[str, int]:
        """Returns name of the activity → rows dealt with. Fails in the end when the last try of a part failed, so that
        the schedule's page shows it.
        """
        try:
            await self._all_rounds(2 * rounds.rounds)  # and not more, whatever the clock says
            await workflow.wait_condition(lambda: not self._busy)
        finally:
            for task in self._busy.values():
                task.cancel()
        for failure in self._failed.values():
            raise failure
        return self._taken

    async def _all_rounds(self, most: int) -> None:
        after = 0.0
        for _ in range(most):
            for name in await self._outstanding(after):
                self._busy[name] = asyncio.create_task(self._part(name))
            after = await self._until_next()
            over = not self._busy and self._left() < self._rounds.seconds
            if over or workflow.info().is_continue_as_new_suggested():
                break

    async def _until_next(self) -> float:
        """Wait for the parts at work, but no longer than rounds are apart; seconds until the next look."""
        if not self._busy:
            return self._rounds.seconds
        wait = self._rounds.seconds if workflow.patched(_SIDE_BY_SIDE) else None
        try:
            await workflow.wait_condition(lambda: not self._busy, timeout=wait)
        except TimeoutError:
            return 0.0
        return self._rounds.seconds

    def _left(self) -> float:
        """Seconds in which a round may still begin so that it ends before the schedule comes round.

        Should one have lasted longer, the schedule has passed over that period: this run serves it, too.
        """
        period = self._rounds.rounds * self._rounds.seconds
        return period - workflow.now().timestamp() % period - self._rounds.seconds / 2

    async def _outstanding(self, after: float) -> list[str]:
        """What there is to do, as soon as there is something. While a part is at work, only one look is taken: what is
        busy now may have more to do soon.
        """
        lasting = after if self._busy else max(self._left(), after)
        watch = Watch(after=after, every=self._rounds.seconds, lasting=lasting, busy=tuple(self._busy))
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

    async def _part(self, name: str) -> None:
        self._failed.pop(name, None)
        try:
            self._taken[name] = self._taken.get(name, 0) + await self._run(name)
        except ActivityError as error:
            if not is_cancelled_exception(error):
                self._failed[name] = error
        del self._busy[name]
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
    stopping = isinstance(cause, ApplicationError) and cause.type == STOPPING
    return stopping or isinstance(cause, exceptions.TimeoutError)


def _words(name: str) -> str:
    return name.replace("_", " ")
