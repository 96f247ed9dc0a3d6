"""The import itself: batches in transactions that hold their own progress, so that a crash doubles nobody."""

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cli.importing.job import Job
from cli.importing.pace import Pace
from cli.importing.progress import Shown
from cli.importing.rejects import Rejects
from cli.importing.rows import Row
from domain.ports import Clock
from storage import imports, operators_log
from storage.database import Connection, Database
from storage.leads import upsert_many

#: Leads in one transaction: enough to make round trips rare, few enough to hold no lock for long.
_BATCH = 500


@dataclass
class Outcome:
    """What an import did. ``before`` is the row at which an interrupted run before it had stopped (0: none)."""

    before: int = 0
    created: int = 0
    updated: int = 0
    enrolled: int = 0
    rejected: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def taken(self) -> int:
        return self.created + self.updated

    @property
    def rows_per_second(self) -> float:
        return self.taken / self.seconds if self.seconds else 0.0


async def already(db: Database, job: Job) -> imports.Progress:
    """How far this import has come before."""
    return await imports.begin(db, job.id)


class Import:
    """One run over the file, counted in ``line`` of the operators' log. After any interruption a new run goes on where
    the last committed batch ended.
    """

    def __init__(self, job: Job, db: Database, clock: Clock, rejects: Rejects, line: int) -> None:
        self._job = job
        self._db = db
        self._clock = clock
        self._rejects = rejects
        self._line = line
        self._pace = Pace(job.options.rate)
        self.outcome = Outcome()

    async def run(self, before: imports.Progress, show: Shown) -> Outcome:
        """Take every row after ``before``. Rows up to there are only read, for duplicates and the file of rejects."""
        began = time.monotonic()
        self.outcome.before = before.rows_done
        size = self._pace.batch(_BATCH)
        batch: list[Row] = []
        for done, row in enumerate(self._job.rows(), start=1):
            if row.lead is None:
                self._rejects.add(row.record, row.problem)
            if row.record.number > before.rows_done:
                batch.append(row)
            if len(batch) >= size:
                await self._take(batch)
                batch = []
                show(done, f"{self._rejects.count:,} rejected")
        if batch:
            await self._take(batch)
        await imports.finish(self._db, self._job.id)
        self.outcome.rejected = self._rejects.count
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    async def _take(self, batch: list[Row]) -> None:
        """Leads, journeys and the progress of the import, in one transaction."""
        leads = [row.lead for row in batch if row.lead is not None]
        await self._pace.wait(len(leads))
        self._rejects.flush()
        last, rejected = batch[-1].record.number, self._rejects.count

        async def progress(connection: Connection) -> None:
            await imports.advance(connection, self._job.id, last, rejected)
            await operators_log.count(connection, self._line, {"leads": len(leads)})

        now = self._clock.from_real(datetime.now(UTC))
        name = self._job.playbook.document.name
        for upserted in await upsert_many(self._db, leads, now, name, also=progress):
            self.outcome.created += upserted.created
            self.outcome.updated += not (upserted.created or upserted.erased)
            self.outcome.enrolled += upserted.enrolled
            if upserted.erased:
                self.outcome.notes["a person was erased before and was not taken in"] += 1
            elif upserted.note:
                self.outcome.notes["an address belongs to another lead and was left there"] += 1
