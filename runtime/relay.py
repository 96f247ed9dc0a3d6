"""The relay: tells journeys that their inbox holds something new (DESIGN decision 3).

A wake is a row, leased and committed before any call to Temporal and deleted only after it: whatever dies in between,
the lease runs out and the wake is told again, which harms nobody. Starting a journey, waking it and bringing a lost
one back are the same act. Any number of relays may run.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from time import monotonic

import asyncpg
import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.ports import Clock
from domain.state import JourneyState
from runtime import telemetry, tracing
from runtime.erasing import Erasing
from runtime.settings import Settings
from runtime.spacing import Spacing
from runtime.standing import PgStandings
from runtime.turns import Turns, Undecided, all_taken
from runtime.wake_names import told
from storage import wakes
from storage.database import Database, plain_url
from storage.wakes import JourneyInfo, LeasedWake
from workflows.messages import JOURNEY, WAKE, workflow_id

_log = structlog.get_logger("tendril.relay")
_CHANNEL = "tendril_wake"
_LANES = 2
_LEASE = 30.0
_POLL = 1.0  # seconds; the safety net beneath LISTEN
_SOON = 0.01  # seconds between looks, whatever is new, while wakes may wait for a place
_LOOK_ROUND = 15.0  # seconds between looks for journeys that lag behind their inbox
_LAGGING = timedelta(minutes=1)
#: A journey so late has no timer any more. It is told once in that time: a busy worker may need a while to decide.
_OVERDUE = timedelta(minutes=5)
_LOOKS_PER_OVERDUE = int(_OVERDUE.total_seconds() / _LOOK_ROUND)
_MOST_BACKOFF = 10.0
_CALL = timedelta(seconds=10)
#: A run that closed before it recorded anything is begun again only after so many attempts: it may just be late.
_PATIENT_ATTEMPTS = 3
#: The last of them is what asyncpg raises where a connection breaks between two of its steps.
_DATABASE_TROUBLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


def _real_now() -> datetime:
    return datetime.now(UTC)


class _Recalled(Exception):
    """The database had forgotten something of the journey, which it knows again."""


class Relay:
    """Runs until ``stop``. Trouble with the database or Temporal is waited out; wakes stay where they are meanwhile."""

    def __init__(
        self,
        database: Database,
        client: Client,
        clock: Clock,
        settings: Settings,
        now: Callable[[], datetime] = _real_now,
    ) -> None:
        self._database = database
        self._client = client
        self._clock = clock
        self._now = now
        self._erasing = Erasing(database, client, clock)
        self._standings = PgStandings(database, client, clock)
        self._queue = settings.task_queue
        self._batch = max(1, settings.relay_concurrency // _LANES)
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._backoff = 0.0
        self._spacing = Spacing()
        self._leasing = asyncio.Lock()
        self._turns = Turns()
        self._undecided = Undecided(settings.relay_undecided)
        self._full = False
        self._looked = 0.0

    async def run(self) -> None:
        """Relay wakes until ``stop``; what is being told is told to its end."""
        listening = asyncio.create_task(self._listen())
        looking = asyncio.create_task(self._look_round())
        try:
            await asyncio.gather(*(self._lane() for _ in range(_LANES)))
        finally:
            for task in (listening, looking):
                task.cancel()
            await asyncio.gather(listening, looking, return_exceptions=True)

    def stop(self) -> None:
        self._stopping.set()
        self._news.set()

    # --- one lane: lease, tell, forget ---------------------------------------------------------------------------

    async def _lane(self) -> None:
        while not self._stopping.is_set():
            self._news.clear()
            telemetry.RELAY_ROUNDS.inc()
            try:
                leased = await self.relay_once()
            except _DATABASE_TROUBLE as error:
                await self._wait_out("PostgreSQL", error)
                continue
            if self._backoff:
                await self._pause(self._backoff)
            elif leased < self._batch and not self._full:
                await self._pause(_POLL)

    async def relay_once(self) -> int:
        """Lease one batch and tell it. Returns how many were leased. Raises when the database does not answer."""
        leased = await self._lease()
        told = await asyncio.gather(*map(self._tell_or_put_off, leased))
        done = [(wake.lead, wake.version) for wake, success in zip(leased, told, strict=True) if success]
        if done:
            self._backoff = 0.0
            if await wakes.done_many(self._database, done):
                self._news.set()  # a lane that looked meanwhile passed over them
        return len(leased)

    async def _lease(self) -> list[LeasedWake]:
        """The next wakes, as many as journeys can decide side by side; urgent ones in any case."""
        async with self._leasing:
            if self._full:
                await asyncio.sleep(self._looked + _SOON - monotonic())
            self._looked = monotonic()
            if self._full or self._undecided.room(monotonic()) < self._batch:
                decided = await wakes.decided(self._database, self._undecided.waited_for())
                self._undecided.decided(decided, monotonic())
            most = min(self._undecided.room(monotonic()), self._batch)
            turns, places = self._turns, self._undecided.places(monotonic())
            leased = await wakes.lease(
                self._database,
                self._batch,
                _LEASE,
                most=most,
                turns=turns.next,
                turn=turns.turn,
                share=places.share,
                undecided=places.taken,
            )
            turns.taken(leased)
            self._undecided.told(leased, monotonic())
            self._full = all_taken(places, most, leased)
        return leased

    async def _tell_or_put_off(self, wake: LeasedWake) -> bool:
        """True when the wake is settled. What failed comes back later, the later the more often it has failed."""
        if wait := self._spacing.wait(wake.lead, monotonic()):
            self._undecided.put_off(wake.lead)
            await wakes.failed(self._database, wake.lead, wake.version, wait)
            asyncio.get_running_loop().call_later(wait, self._news.set)
            return False
        began = monotonic()
        try:
            with tracing.told(wake.trace):
                how = await self._tell(wake)
        except _Recalled:
            delay = 0.0
        except WorkflowAlreadyStartedError:
            # The lead's former run is closing, or this one has begun and not yet decided: soon it will be clear.
            delay = 1.0
        except (RPCError, RuntimeError) as error:  # RuntimeError: a lazy client that could not connect
            self._note_trouble(error)
            delay = min(0.5 * 2 ** min(wake.attempts, 10), _MOST_BACKOFF)
        else:
            self._spacing.told(wake.lead, monotonic())
            telemetry.WAKES.labels(how).inc()
            telemetry.WAKE_LAG.observe(wake.waited + monotonic() - began)
            return True
        self._undecided.put_off(wake.lead)
        telemetry.RELAY_FAILURES.inc()
        await wakes.failed(self._database, wake.lead, wake.version, delay)
        return False

    # --- telling one journey -------------------------------------------------------------------------------------

    async def _tell(self, wake: LeasedWake) -> str:
        journey, names = wake.journey, told(wake.types)
        if journey is None:
            return "dropped"
        if journey.ended:
            return await self._return(wake.lead)
        if wake.state is None:
            return await self._begin(wake, journey, names)
        if await self._signal(wake.lead, names):
            return "signalled"
        return await self._bring_back(wake, JourneyState.model_validate(wake.state), names)

    async def _return(self, lead: str) -> str:
        """The journey has ended. A new cycle, where the playbook allows one, comes with a wake of its own."""
        begun = await wakes.reenter(self._database, lead, self._clock.from_real(self._now()))
        return "re_entered" if begun else "dropped"

    async def _begin(self, wake: LeasedWake, journey: JourneyInfo, names: list[str]) -> str:
        """Start a journey that has decided nothing yet.

        Raises ``WorkflowAlreadyStartedError`` when another run is in the way: a later cycle must not disturb the
        closing run of the one before, nor a late wake revive a run that has just ended.
        """
        state = JourneyState.begin(wake.lead, journey.cycle, journey.playbook_hash, journey.started_at)
        state = state.model_copy(update={"cursor": journey.cursor})
        if journey.cycle > 1 or wake.attempts > 1:
            await self._recall(wake.lead)
        if journey.cycle > 1:
            await self._start(state, None, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
        elif wake.attempts == 1 and await self._start_fresh(state):
            pass
        elif wake.attempts <= _PATIENT_ATTEMPTS:
            await self._start(state, names, WorkflowIDReusePolicy.REJECT_DUPLICATE)
        else:
            await self._start(state, names, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
        return "started"

    async def _start_fresh(self, state: JourneyState) -> bool:
        """Start a journey nobody has started, the usual case: the first task comes back with the answer (eager start).

        Such a start can't carry a wake, and needs none: the first decision reads the inbox. False when a run is there.
        """
        try:
            await self._start(state, None, WorkflowIDReusePolicy.REJECT_DUPLICATE)
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _bring_back(self, wake: LeasedWake, state: JourneyState, names: list[str]) -> str:
        """No workflow runs: the journey has ended since the lease, or is lost and goes on from its last decision."""
        latest = await wakes.latest(self._database.pool, wake.lead)
        if latest is None or latest.ended or latest.cycle != state.cycle:
            return await self._return(wake.lead)
        await self._recall(wake.lead)
        await self._start(state, names, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
        _log.warning("journey brought back from its last decision", lead=wake.lead, decision=state.number)
        return "brought_back"

    async def _recall(self, lead: str) -> None:
        """Temporal may know more of a journey that is to begin, or to go on, than a database that was restored: that it
        is over, what was sent. Raises ``_Recalled`` when it did, and the wake is to be told anew.
        """
        if await self._standings.recall(lead):
            raise _Recalled

    async def _signal(self, lead: str, names: list[str]) -> bool:
        """False when no workflow of this lead runs."""
        try:
            await self._client.get_workflow_handle(workflow_id(lead)).signal(WAKE, names, rpc_timeout=_CALL)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True

    async def _start(self, state: JourneyState, names: list[str] | None, reuse: WorkflowIDReusePolicy) -> None:
        """Start a journey, with a wake that a run already there takes as well; without one a run there is an error."""
        await self._client.start_workflow(
            JOURNEY,
            state,
            id=workflow_id(state.lead),
            task_queue=self._queue,
            id_reuse_policy=reuse,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL if names is None else WorkflowIDConflictPolicy.UNSPECIFIED,
            start_signal=None if names is None else WAKE,
            start_signal_args=[] if names is None else [names],
            request_eager_start=names is None,
            static_summary=f"{state.lead}, cycle {state.cycle}",
            rpc_timeout=_CALL,
        )

    # --- hearing of news and waiting -----------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Set ``_news`` on every notification; connect again whenever the connection is lost."""
        while True:
            lost = asyncio.Event()
            with suppress(*_DATABASE_TROUBLE):
                connection = await asyncpg.connect(plain_url(self._database.url))
                connection.add_termination_listener(lambda _connection, lost=lost: lost.set())
                try:
                    await connection.add_listener(_CHANNEL, lambda *_: self._news.set())
                    self._news.set()
                    await lost.wait()
                finally:
                    connection.terminate()
            await asyncio.sleep(_POLL)

    async def _look_round(self) -> None:
        """Measure the backlog; wake journeys that lag behind their inbox, or their time, although nobody woke them;
        finish erasures.
        """
        for turn in count():
            with suppress(*_DATABASE_TROUBLE):
                number, age = await wakes.waiting(self._database)
                telemetry.WAITING.set(number)
                telemetry.LAG.set(age)
                late = await wakes.lagging(self._database, self._clock.from_real(self._now() - _LAGGING))
                if late:
                    _log.warning("journeys lagged behind their inbox and were woken", number=len(late))
                if turn % _LOOKS_PER_OVERDUE == 0:
                    await self._wake_overdue()
            with suppress(*_DATABASE_TROUBLE, RPCError, RuntimeError):
                await self._erasing.look()
            await asyncio.sleep(_LOOK_ROUND)

    async def _wake_overdue(self) -> None:
        missed = await wakes.overdue(self._database, self._clock.from_real(self._now() - _OVERDUE))
        if missed:
            _log.warning("journeys had missed their time and were woken", number=len(missed))

    def _note_trouble(self, error: Exception) -> None:
        if not self._backoff:
            _log.warning("Temporal does not take wakes; they wait", error=str(error))
        self._backoff = min(max(self._backoff * 2, 0.25), _MOST_BACKOFF)

    async def _wait_out(self, what: str, error: BaseException) -> None:
        _log.warning(f"{what} does not answer; wakes wait", error=str(error) or type(error).__name__)
        await self._pause(_POLL)

    async def _pause(self, seconds: float) -> None:
        """Wait for news or for ``seconds``; after trouble the time is waited in full, unless stopped."""
        awaited = self._stopping if self._backoff else self._news
        with suppress(TimeoutError):
            await asyncio.wait_for(awaited.wait(), seconds)
