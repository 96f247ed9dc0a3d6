"""Gauges over the whole deployment, counted once: by the one worker that holds the database's survey lock.

Every worker tries for the lock; who has it counts, the others expose none of these gauges. When that worker dies, its
connection closes and another takes over within ``OFTEN`` seconds. Prometheus reads what was counted last: scraping
costs the database nothing. Only ``tendril_database_up`` and the disk are every worker's own.
"""

import asyncio
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import structlog
from prometheus_client import Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from temporalio.client import Client
from temporalio.service import RPCError

from domain.ports import Clock
from runtime.telemetry import REGISTRY
from storage import survey
from storage.database import plain_url
from storage.survey import Counted

OFTEN = 15.0
#: Rounds of ``OFTEN`` between two of what costs more.
_SELDOM = 4
#: A journey whose wake is due for longer, on the wall clock, has been missed: timers come within a second.
_OVERDUE = timedelta(minutes=1)
_MAIL_DAYS = timedelta(days=1)
_TIMEOUT = 30.0
#: What the server itself says of a workflow whose task fails again and again. It takes no lead's id to ask.
STUCK_QUERY = "TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running'"
_log = structlog.get_logger("tendril.survey")

DATABASE_UP = Gauge(
    "tendril_database_up", "1 when this worker's last look at the database answered.", registry=REGISTRY
)
DISK_FREE = Gauge("tendril_disk_free_bytes", "Bytes left on the disk of the data directory.", registry=REGISTRY)
DISK_SIZE = Gauge("tendril_disk_size_bytes", "Size of the disk of the data directory.", registry=REGISTRY)

_Labels = tuple[str, ...]
#: What is counted → metric of its number, metric of its oldest's age, the labels its words are.
_SHAPES: Mapping[str, tuple[str, str, _Labels]] = {
    "overdue": ("tendril_wakes_overdue", "tendril_wakes_overdue_oldest_seconds", ()),
    "touches": ("tendril_touches_open", "tendril_touches_open_oldest_seconds", ("status", "channel")),
    "handoffs": ("tendril_handoffs_open", "", ("sla",)),
    "dead_letters": ("tendril_dead_letters", "", ()),
    "unreconciled": ("tendril_unreconciled_rows", "tendril_unreconciled_oldest_seconds", ("target", "state")),
    "sending_paused": ("tendril_sending_paused", "", ("domain",)),
    "journeys": ("tendril_journeys", "", ("status", "stage")),
    "behind": ("tendril_journeys_behind", "", ()),
    "unread": ("tendril_behaviours_unread", "", ()),
    "mail": ("tendril_mail_day", "", ("domain", "fate")),
    "database_bytes": ("tendril_database_bytes", "", ()),
    "stuck": ("tendril_journeys_stuck", "", ()),
    "audit_drift": ("tendril_audit_drift", "", ("kind",)),
    "audit_notices": ("tendril_audit_notices", "", ("kind",)),
    "audit_age": ("tendril_audit_age_seconds", "", ()),
}
_HELP: Mapping[str, str] = {
    "tendril_wakes_overdue": "Journeys whose time to wake passed over a minute ago.",
    "tendril_wakes_overdue_oldest_seconds": "How long the oldest of them is overdue, in real seconds.",
    "tendril_touches_open": "Touches planned, claimed (on their way, or cut off) or unknown (parked for a person).",
    "tendril_touches_open_oldest_seconds": "Age of the oldest of them, in real seconds.",
    "tendril_handoffs_open": "Open handoffs, by whether sales has missed its time to answer (breached).",
    "tendril_dead_letters": "Events acknowledged and not understood, kept for a person.",
    "tendril_unreconciled_rows": "Rows of desired state that a vendor has not acknowledged: waiting or refused.",
    "tendril_unreconciled_oldest_seconds": "Age of the oldest of them, in real seconds.",
    "tendril_sending_paused": "1 while no mail leaves from the sending domain: its breaker is open.",
    "tendril_journeys": "Running journeys by lead status and buyer stage.",
    "tendril_journeys_behind": "Running journeys with behaviour they have not considered.",
    "tendril_behaviours_unread": "Behaviours that running journeys have not considered.",
    "tendril_mail_day": "Mails of the last day (deployment's clock) by what became of them.",
    "tendril_database_bytes": "Size of the database.",
    "tendril_audit_drift": "Drift that the last audit found and left, or had mended in vain, by kind (domain.drift).",
    "tendril_audit_notices": "What the last audit found that is no drift and a person should know, by kind.",
    "tendril_audit_age_seconds": "Since the last audit ended.",
    "tendril_journeys_stuck": "Workflows that Temporal reports problems of: their tasks fail again and again.",
}


class Findings(Collector):
    """What was counted last; nothing while this process does not survey."""

    def __init__(self) -> None:
        self._seldom: Sequence[Counted] = ()
        self._often: Sequence[Counted] = ()
        self._age: Callable[[datetime], float] = lambda _at: 0.0

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Every name, whether or not it is counted here now."""
        return list(_families().values())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families = _families()
        for counted in (*self._often, *self._seldom):
            number, age, labels = _SHAPES[counted.what]
            words = [word for word, _ in zip((counted.one, counted.two), labels, strict=False)]
            families[number].add_metric(words, counted.number)
            if age:
                families[age].add_metric(words, self._age(counted.oldest) if counted.oldest else 0.0)
        yield from (family for family in families.values() if family.samples)

    def found(
        self, often: Sequence[Counted], seldom: Sequence[Counted] | None, age: Callable[[datetime], float]
    ) -> None:
        """``seldom``: None keeps what was counted before. ``age``: seconds since an instant of deployment time."""
        self._often, self._age = often, age
        self._seldom = self._seldom if seldom is None else seldom

    def forget(self) -> None:
        """Another process counts now, or none can."""
        self._often = self._seldom = ()


def _families() -> dict[str, GaugeMetricFamily]:
    return {
        name: GaugeMetricFamily(name, _HELP[name], labels=labels)
        for number, age, labels in _SHAPES.values()
        for name in (number, age)
        if name
    }


FINDINGS = Findings()
REGISTRY.register(FINDINGS)


class Surveyor:
    """Runs until it is cancelled, beside the relay. Trouble with the database is waited out, and shown."""

    def __init__(self, url: str, client: Client, clock: Clock, data_dir: Path, findings: Findings = FINDINGS) -> None:
        self._url = plain_url(url)
        self._client = client
        self._clock = clock
        self._data_dir = data_dir
        self._findings = findings
        self._round = 0
        self._silent = False

    async def run(self) -> None:
        while True:
            try:
                await self._connected()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                DATABASE_UP.set(0)
            self._findings.forget()
            await asyncio.sleep(OFTEN)

    async def _connected(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=_TIMEOUT, command_timeout=_TIMEOUT)
        try:
            mine = False
            while True:
                mine = mine or await survey.mine(connection)
                DATABASE_UP.set(1)
                self._look_at_the_disk()
                if mine:
                    await self.look(connection)
                await asyncio.sleep(OFTEN)
        finally:
            connection.terminate()

    async def look(self, connection: asyncpg.Connection) -> None:
        """Count once; every fourth time also what costs more. Raises what the database raises."""
        real = datetime.now(UTC)
        now = self._clock.from_real(real)
        often = await survey.often(connection, self._clock.from_real(real - _OVERDUE), now)
        seldom = None
        if self._round % _SELDOM == 0:
            seldom = [*await survey.seldom(connection, now - _MAIL_DAYS), *await self._stuck()]
        self._round += 1
        self._findings.found(often, seldom, self._age)

    async def _stuck(self) -> list[Counted]:
        """Nothing when Temporal gives no answer (servers before 1.30 do not know the attribute): the alert
        StuckUncounted tells of that, and the log why.
        """
        try:
            found = await self._client.count_workflows(STUCK_QUERY, rpc_timeout=timedelta(seconds=5))
        except (RPCError, RuntimeError) as error:
            self._say(error)
            return []
        self._silent = False
        return [Counted("stuck", "", "", found.count, None)]

    def _say(self, error: Exception) -> None:
        """Once for as long as it lasts."""
        if not self._silent:
            _log.warning("stuck journeys can't be counted: Temporal did not answer the query", why=str(error))
        self._silent = True

    def _age(self, at: datetime) -> float:
        return max((datetime.now(UTC) - self._clock.to_real(at)).total_seconds(), 0.0)

    def _look_at_the_disk(self) -> None:
        with suppress(OSError):
            usage = shutil.disk_usage(self._data_dir if self._data_dir.exists() else Path.cwd())
            DISK_FREE.set(usage.free)
            DISK_SIZE.set(usage.total)
