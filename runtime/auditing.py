"""The audit: every lead in the database against every journey that Temporal runs (``domain.auditing``).

The first look takes all of it: Temporal's list of what runs, in memory, then the database's leads page by page beside
it. The list lags behind what happens, so whoever looks wrong is a suspect: a second look asks the server about that one
workflow, and the database about that one lead, before anything is said.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.auditing import SUSPICIONS, Finding, Run, findings
from domain.drift import KINDS, SAFE, Drift, Repair
from domain.ports import Clock
from runtime import running
from runtime.settings import Settings
from runtime.temporal import AUDIT_SCHEDULE, SCHEDULE, prepare_namespace
from storage import audit, audit_results
from storage.audit_results import Audited
from storage.database import Database
from storage.operators_log import note
from workflows.messages import WAKE, workflow_id

#: Everything that an audit can do.
ALL = frozenset(Repair)
_SCHEDULES = (SCHEDULE, AUDIT_SCHEDULE)
_AT_ONCE = 20
#: Suspects looked at with one read of the database.
_BATCH = 500
_DONE: Mapping[Repair, str] = {
    Repair.WAKE: "woken",
    Repair.SIGNAL: "told",
    Repair.TERMINATE: "terminated",
    Repair.SCHEDULE: "made",
}
_WHY = "The audit ended it: this database does not know its lead, so it can neither decide nor send."
_log = structlog.get_logger("tendril.audit")
T = TypeVar("T")
R = TypeVar("R")


class Progress(Protocol):
    """Told how many leads are done, and what is being done."""

    def __call__(self, done: int, note: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Result:
    """What an audit found, each with what was done about it ("" for nothing), drift before notices."""

    audited: Audited
    found: Sequence[tuple[Finding, str]]

    @property
    def left(self) -> int:
        """How much drift nothing was done about."""
        return self.audited.left


@dataclass(slots=True)
class _Counts:
    leads: int = 0
    running: int = 0
    suspects: int = 0


class Auditor:
    """Audits a deployment. Any number may: all of it may be done twice."""

    def __init__(self, database: Database, client: Client, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._client = client
        self._clock = clock
        self._settings = settings

    async def everybody(self, by: str, repairs: Collection[Repair] = SAFE, shown: Progress | None = None) -> Result:
        """Audit every lead, do what ``repairs`` allows, and keep what was found.

        Raises ``RPCError`` when Temporal, or asyncpg's errors when the database does not answer: nothing is kept then.
        """
        began, counts, tell = _real_now(), _Counts(), shown or _quiet
        found = [*await self._leads(counts, tell), *await self._schedules()]
        tell(counts.leads, "touches, lists and handoffs")
        found += await audit.others(self._database, self._clock, _real_now())
        result = await self._finish(by, began, counts, found, repairs)
        await audit_results.keep(self._database, result.audited, result.found)
        return result

    async def everybody_safely(self, shown: Callable[[int], None]) -> Mapping[str, int]:
        """As ``domain.auditing.Audits`` says."""
        result = await self.everybody("schedule", SAFE, lambda done, _note="": shown(done))
        return Counter(one.kind.value for one, _ in result.found)

    async def one(self, lead: str, by: str, repairs: Collection[Repair] = ()) -> Result:
        """Audit one lead. Nothing is kept: what stands in the table is about everybody."""
        began, counts = _real_now(), _Counts(leads=1)
        found = await self._look_again([lead])
        found += [one for one in await audit.others(self._database, self._clock, _real_now()) if one.lead == lead]
        return await self._finish(by, began, counts, found, repairs)

    # --- looking -------------------------------------------------------------------------------------------------

    async def _leads(self, counts: _Counts, tell: Progress) -> list[Finding]:
        runs = await running.running(self._client, lambda number: tell(0, f"{number:,} workflows run"))
        counts.running = len(runs)
        found, suspects = [], []
        async for page in audit.records(self._database, self._clock):
            now = _real_now()
            for record in page:
                shown = runs.pop(record.lead, None)
                seen = findings(record.lead, record, None if shown is None else Run(shown), now)
                if any(one.kind in SUSPICIONS for one in seen):
                    suspects.append(record.lead)
                else:
                    found += seen
            counts.leads += len(page)
            tell(counts.leads)
        suspects += runs  # whom the database does not know
        counts.suspects = len(suspects)
        return found + await self._look_again(suspects, lambda done: tell(counts.leads, f"{done:,} suspects"))

    async def _look_again(
        self, leads: Sequence[str], looked: Callable[[int], None] = lambda _done: None
    ) -> list[Finding]:
        """Judge each by what both sides say now: the workflow first, since the record is written before its history."""
        found: list[Finding] = []
        for begin in range(0, len(leads), _BATCH):
            batch = leads[begin : begin + _BATCH]
            runs = await _at_once(batch, lambda lead: running.look(self._client, lead))
            records = await audit.records_of(self._database.pool, self._clock, batch)
            known = await audit.known(self._database.pool, batch)
            for lead, run in zip(batch, runs, strict=True):
                found += findings(lead, records.get(lead), run, _real_now(), known=lead in known)
            looked(begin + len(batch))
        return found

    async def _schedules(self) -> list[Finding]:
        found = []
        for name in _SCHEDULES:
            try:
                described = await self._client.get_schedule_handle(name).describe()
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                found.append(Finding(Drift.SCHEDULE_MISSING, name))
            else:
                if described.schedule.state.paused:
                    found.append(Finding(Drift.SCHEDULE_PAUSED, name))
        return found

    # --- repairing -----------------------------------------------------------------------------------------------

    async def _finish(
        self, by: str, began: datetime, counts: _Counts, found: Iterable[Finding], repairs: Collection[Repair]
    ) -> Result:
        ordered = sorted(found, key=lambda one: (one.notice, one.kind, one.subject))
        await self._repair(by, ordered, repairs)
        done = [(one, _DONE.get(_repair(one), "") if _repair(one) in repairs else "") for one in ordered]
        left = sum(not outcome and not one.notice for one, outcome in done)
        if left and by == "schedule":  # whoever asks is told
            _log.warning("the audit found drift", left=left, kinds=sorted({one.kind.value for one in ordered}))
        repaired = sum(bool(outcome) for _, outcome in done)
        audited = Audited(
            by, began, _real_now(), counts.leads, counts.running, counts.suspects, repaired=repaired, left=left
        )
        return Result(audited, done)

    async def _repair(self, by: str, found: Sequence[Finding], repairs: Collection[Repair]) -> None:
        to_do = {
            repair: list(dict.fromkeys(one.lead or one.subject for one in found if _repair(one) is repair))
            for repair in repairs
        }
        if set(repairs) - SAFE:  # only a person asks for more than what is safe at any time
            await self._note(by, to_do)
        if leads := to_do.get(Repair.WAKE):
            await audit.wake(self._database, leads)
        await _at_once(to_do.get(Repair.SIGNAL, ()), self._signal)
        await _at_once(to_do.get(Repair.TERMINATE, ()), self._terminate)
        if to_do.get(Repair.SCHEDULE):
            await prepare_namespace(self._client, self._settings)

    async def _note(self, by: str, to_do: Mapping[Repair, Sequence[str]]) -> None:
        """Keep in the operators' log who lets what be done, before it is: Temporal knows no transaction of ours."""
        asked = {repair: subjects for repair, subjects in to_do.items() if subjects and repair in _DONE}
        whose = {subject for subjects in asked.values() for subject in subjects}
        now = self._clock.from_real(_real_now())
        async with self._database.pool.acquire() as connection, connection.transaction():
            for lead in asked.get(Repair.TERMINATE, ()):
                await note(connection, by, "journey_terminated", lead, now)
            if asked:
                counts = {_DONE[repair]: len(subjects) for repair, subjects in asked.items()}
                await note(connection, by, "audit_repaired", whose.pop() if len(whose) == 1 else "", now, counts)

    async def _signal(self, lead: str) -> None:
        await _unless_gone(self._client.get_workflow_handle(workflow_id(lead)).signal(WAKE, ["audit"]))

    async def _terminate(self, lead: str) -> None:
        _log.warning("the workflow of a lead that the database does not know is ended", lead=lead)
        await _unless_gone(self._client.get_workflow_handle(workflow_id(lead)).terminate(reason=_WHY))


def _repair(finding: Finding) -> Repair:
    return KINDS[finding.kind].repair


async def _unless_gone(call: Awaitable[None]) -> None:
    try:
        await call
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended meanwhile
            raise


async def _at_once(items: Sequence[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(item: T) -> R:
        async with turns:
            return await work(item)

    return await asyncio.gather(*map(one, items))


def _quiet(done: int, note: str = "") -> None:
    pass


def _real_now() -> datetime:
    return datetime.now(UTC)
