"""The import itself: batches whose progress is stored with them, so that a crash loses and doubles nothing."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

from api.schemas.tracking import AnyEvent
from api.services import tracking
from api.services.events import Arrival, behaviours
from cli.backfill.events import Line
from cli.backfill.job import Job
from cli.importing.progress import Shown
from cli.importing.rejects import Rejects
from cli.importing.seen import Seen
from cli.session import Session
from storage import history, imports, inbox, operators_log
from storage.database import Connection
from storage.history import Past

#: Lines in one transaction: enough to make round trips rare, few enough to hold no lock for long.
_BATCH = 500
#: What happened longer ago than this fires no trigger, however it came in (``domain.core.triggers``).
RECENT = timedelta(days=7)
_NOBODY = "email: no lead has this address, and nothing else says whose it is: import the lead first"


@dataclass
class Outcome:
    """What an import did. ``before`` is the line at which an interrupted run before it had stopped (0: none).

    ``waiting`` are those of the stored that belong to nobody known yet; ``erased`` those left out,
    of people who were erased.
    """

    before: int = 0
    stored: int = 0
    duplicates: int = 0
    waiting: int = 0
    erased: int = 0
    rejected: int = 0
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return (self.stored + self.duplicates) / self.seconds if self.seconds else 0.0


@dataclass
class Forecast(Outcome):
    """What an import would do: ``kinds`` counts events by type and name; ``recent`` happened in the last 7 days."""

    kinds: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None
    recent: int = 0


class Backfill:
    """One run over the file, counted in ``line`` of the operators' log. After any interruption a new run goes on where
    the last committed batch ended.
    """

    def __init__(self, job: Job, here: Session, rejects: Rejects, line: int = 0) -> None:
        self._job = job
        self._here = here
        self._rejects = rejects
        self._line = line

    async def run(self, before: imports.Progress, show: Shown) -> Outcome:
        """Take every line after ``before``. Lines up to there are only read, for the file of rejects."""
        outcome, began = Outcome(before=before.rows_done), time.monotonic()
        done = 0
        for batch in self._batches():
            good = await self._good(batch)
            last = batch[-1].record.number
            if last > before.rows_done:
                await self._take(good, last, outcome)
            done += len(batch)
            show(done, f"{self._rejects.count:,} rejected")
        await imports.finish(self._here.database, self._job.id)
        outcome.rejected, outcome.seconds = self._rejects.count, time.monotonic() - began
        return outcome

    async def foretell(self, show: Shown) -> Forecast:
        """Read everything, ask the database, write nothing but the file of rejects."""
        forecast, began, done = Forecast(), time.monotonic(), 0
        seen = Seen()
        for batch in self._batches():
            good = await self._good(batch)
            fresh = [line for line in good if seen.first(_id(line), line.record.number) == line.record.number]
            await self._count(fresh, forecast)
            forecast.duplicates += len(good) - len(fresh)
            done += len(batch)
            show(done, f"{self._rejects.count:,} rejected")
        forecast.rejected, forecast.seconds = self._rejects.count, time.monotonic() - began
        return forecast

    def _batches(self) -> Iterator[list[Line]]:
        lines = self._job.lines()
        while batch := list(islice(lines, _BATCH)):
            yield batch

    async def _good(self, batch: list[Line]) -> list[Line]:
        """The lines that can be taken; the others are written to the file of rejects."""
        asked = [line.email for line in batch if line.by_address and line.email]
        known = await history.addressed(self._here.database.pool, asked) if asked else {}
        good = []
        for line in batch:
            problem = line.problem or (_NOBODY if line.by_address and line.email not in known else "")
            if problem:
                self._rejects.add(line.record, problem)
            else:
                good.append(_of_lead(line, known[line.email or ""]) if line.by_address else line)
        return good

    async def _take(self, good: list[Line], last: int, outcome: Outcome) -> None:
        self._rejects.flush()
        rejected = self._rejects.count

        async def progress(connection: Connection) -> None:
            await imports.advance(connection, self._job.id, last, rejected)
            await operators_log.count(connection, self._line, {"events": len(good)})

        if self._job.options.wake:
            taken = await tracking.take(self._here.database, _events(good), self._arrival(), inbox.IMPORT)
            async with self._here.database.pool.acquire() as connection:
                await progress(connection)
            outcome.stored += taken.accepted
            outcome.duplicates += taken.duplicates
            outcome.erased += len(good) - taken.accepted - taken.duplicates
            return
        kept = await history.keep(self._here.database, self._past(good), self._here.now, progress)
        outcome.stored += kept.stored
        outcome.waiting += kept.waiting
        outcome.erased += kept.erased
        outcome.duplicates += len(good) - kept.stored - kept.erased

    async def _count(self, fresh: list[Line], forecast: Forecast) -> None:
        past, now = self._past(fresh), self._here.now
        async with self._here.database.pool.acquire() as connection:
            known = await history.known_ids(connection, [each.event.message_id for each in past])
            found = await history.owners(connection, past)
            barred = await history.barred(connection, self._said(fresh, past))
        for each, lead, erased in zip(past, found, barred, strict=True):
            if erased:
                forecast.erased += 1
                continue
            if each.event.message_id in known:
                forecast.duplicates += 1
                continue
            at = each.event.occurred_at
            forecast.stored += 1
            forecast.waiting += lead is None
            forecast.recent += now - at <= RECENT
            forecast.kinds[f"{each.event.kind} {each.event.name}"] += 1
            forecast.first = min(at, forecast.first or at)
            forecast.last = max(at, forecast.last or at)

    def _past(self, lines: list[Line]) -> list[Past]:
        past = []
        for line, event in zip(lines, behaviours(_events(lines), self._arrival()), strict=True):
            owner = self._job.visitors.owner(event.anonymous_id)
            past.append(Past(event, None if event.user_id else owner.user_id, line.email or owner.email))
        return past

    def _said(self, lines: list[Line], past: list[Past]) -> list[Past]:
        """By which names it is asked whether somebody was erased: with ``--wake`` each event stands for itself."""
        if not self._job.options.wake:
            return past
        return [Past(each.event, None, line.email) for line, each in zip(lines, past, strict=True)]

    def _arrival(self) -> Arrival:
        return Arrival.at(self._here.clock, datetime.now(UTC))


def _of_lead(line: Line, lead: str) -> Line:
    assert line.event is not None  # noqa: S101 - a line known by its address was understood
    return Line(line.record, line.event.model_copy(update={"user_id": lead}), line.email)


def _events(lines: list[Line]) -> list[AnyEvent]:
    return [line.event for line in lines if line.event is not None]


def _id(line: Line) -> str:
    return (line.event and line.event.message_id) or ""
