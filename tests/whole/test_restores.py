"""Either database is restored from a backup older than the other: nothing is sent twice, nobody is lost, and what can't
be brought back is named. The backups are copies of the real servers' files.
"""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest
import pytest_asyncio
from temporalio.common import WorkflowIDConflictPolicy

from domain import auditing
from domain.drift import Drift
from domain.words import CommandKind
from runtime.auditing import ALL, Auditor
from runtime.embedded.plan import ROOT, environment
from runtime.embedded.postgres import EmbeddedPostgres
from runtime.temporal import connect, prepare_namespace
from storage import audit_results
from storage.database import Database
from storage.migrate import upgrade
from tests.whole.processes import Process, Processes, eventually, kill, stop
from tests.whole.stack import Stack, whole_stack
from tests.whole.story import at_any_hour
from workflows.messages import JOURNEY, CommandRequest, workflow_id

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("restores")]
#: Audits of these tests are less patient than those of a busy deployment.
_SETTLING = timedelta(seconds=1)
#: SQLite's own, beside the file that is named: the log of what is not in it yet.
_SQLITE = ("temporal.db", "temporal.db-wal", "temporal.db-shm")


@dataclass
class Restorable:
    """A stack whose databases are copied and put back while nothing else of it runs."""

    stack: Stack
    home: Path
    postgres: EmbeddedPostgres
    server: Process
    begun: float = 0.0

    @property
    def _data(self) -> Path:
        return self.home / "postgres"

    async def backup_postgres(self) -> None:
        """As a file-level backup is made: of a server that was stopped."""
        stop(self.server)
        await _copy(self._data, self.home / "backup")
        self.server = await self.stack.processes.serve(self.postgres.program())

    async def restore_postgres(self) -> None:
        kill(self.stack.running["worker"])
        kill(self.server)
        shutil.rmtree(self._data)
        (self.home / "backup").rename(self._data)
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self.postgres.prepare()
        self.server = await self.stack.processes.serve(self.postgres.program())
        self.begun = time.monotonic()
        self.stack.start_worker()

    async def backup_temporal(self) -> None:
        kill(self.stack.running["worker"])
        stop(self.stack.temporal)
        (self.home / "temporal-backup").mkdir()
        for name in _SQLITE:
            if (self.home / name).exists():
                shutil.copy(self.home / name, self.home / "temporal-backup" / name)
        await self._serve_temporal()

    async def restore_temporal(self, *, empty: bool = False) -> None:
        kill(self.stack.running["worker"])
        kill(self.stack.temporal)
        for name in _SQLITE:
            (self.home / name).unlink(missing_ok=True)
            kept = self.home / "temporal-backup" / name
            if kept.exists() and not empty:
                shutil.copy(kept, self.home / name)
        await self._serve_temporal()

    async def _serve_temporal(self) -> None:
        self.stack.temporal = await self.stack.processes.serve(self.stack.temporal_program)

        async def prepared() -> bool:
            await prepare_namespace(await connect(self.stack.settings), self.stack.settings)
            return True

        await eventually(prepared, "the namespace can't be prepared")
        self.begun = time.monotonic()
        self.stack.start_worker()

    async def enrol(self, name: str) -> str:
        lead = await self.stack.enrol(f"{name}@acme.example", anonymous_ids=(name,))
        await self.stack.mail_arrives(name)
        return lead

    async def command(self, lead: str, kind: CommandKind) -> None:
        journey = await self.stack.journey(lead)
        await journey.execute_update(kind.value, CommandRequest(by="test"))

    async def visits(self, name: str, message_id: str) -> None:
        visit = {"anonymousId": name, "messageId": message_id, "properties": {"path": "/blog/one"}}

        async def accepted() -> bool:
            return (await self.stack.api.post("/v1/page", json=visit)).is_success

        await eventually(accepted, "the API does not come back")

    async def told_by_command(self, *options: str) -> tuple[int, str]:
        """Exit code and output of `tendril audit`."""
        command = [sys.executable, "-m", "cli", "audit", *options]
        variables = os.environ | environment(self.stack.settings)
        ran = await asyncio.create_subprocess_exec(*command, env=variables, cwd=ROOT, stdout=PIPE, stderr=STDOUT)
        output, _ = await ran.communicate()
        return ran.returncode or 0, output.decode()

    async def audit(self) -> dict[Drift, set[str]]:
        """Kind → subjects of what an audit finds and mends."""
        stack = self.stack
        result = await Auditor(stack.database, await stack.client(), stack.clock, stack.settings).everybody("test", ALL)
        return {kind: {one.subject for one, _ in result.found if one.kind is kind} for kind in Drift}

    async def converges(self) -> dict[Drift, set[str]]:
        """Everything that audits found until one found nothing more. What has just been decided is given its time."""
        seen: dict[Drift, set[str]] = {kind: set() for kind in Drift}
        await asyncio.sleep(_SETTLING.total_seconds() - (time.monotonic() - self.begun))

        async def quiet() -> bool:
            found = await self.audit()
            for kind, subjects in found.items():
                seen[kind] |= subjects
            return not any(found.values())

        await eventually(quiet, "the audit finds drift for ever")
        return seen


@pytest.fixture(scope="module")
def impatient() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auditing, "SETTLING", _SETTLING)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def restorable(impatient: None) -> AsyncIterator[Restorable]:
    """Not below pytest's own directory: as root PostgreSQL's user must pass through to its data."""
    with tempfile.TemporaryDirectory(prefix="tendril-restored-", ignore_cleanup_errors=True) as directory:
        home = Path(directory)
        postgres, processes = EmbeddedPostgres(home / "postgres"), Processes(home)
        await asyncio.to_thread(postgres.prepare)
        try:
            server = await processes.serve(postgres.program())
            await postgres.create_database()
            await asyncio.to_thread(upgrade, postgres.url())
            async with whole_stack(postgres.url(), home, at_any_hour(), processes=processes) as stack:
                stack.start_worker()
                await stack.start_api()
                yield Restorable(stack, home, postgres, server)
        finally:
            processes.stop_all()


async def test_postgresql_older_than_temporal(restorable: Restorable):
    stack = restorable.stack
    ada, bea = await restorable.enrol("ada"), await restorable.enrol("bea")
    await restorable.backup_postgres()
    await restorable.visits("ada", "lost")
    await stack.until("select cursor >= 1 from journey where lead_id = $1", ada, otherwise="the visit was not read")
    await restorable.command(ada, CommandKind.SKIP_WAIT)
    await stack.mail_arrives("ada", 2)
    await restorable.command(bea, CommandKind.OPT_OUT)
    cleo = await restorable.enrol("cleo")
    await restorable.restore_postgres()

    await restorable.visits("ada", "new")
    await restorable.command(ada, CommandKind.SKIP_WAIT)
    await stack.mail_arrives("ada", 3)
    code, told = await restorable.told_by_command()
    assert (code, cleo in told, "`--repair` ends the workflow" in told) == (1, True, True), told
    seen = await restorable.converges()
    assert (len(await stack.mails("ada")), len(await stack.mails("bea")), await stack.repeated()) == (3, 1, 0)
    assert await stack.touches(ada) == {"first": "sent", "second": "sent", "third": "sent"}
    assert await stack.database.pool.fetchval("select cursor from journey where lead_id = $1", ada) == 1, "it was read"
    assert await stack.ended(bea) == "opted_out"
    assert await stack.database.pool.fetchval("select reason from suppression") == "opted_out"
    assert seen[Drift.ORPHAN] == {cleo}, "who came after the backup is named"
    assert await _told(stack.database) == {Drift.RESTORED: {ada, bea}, Drift.BEHAVIOUR_LOST: {ada}}


async def test_temporal_older_than_postgresql_and_then_empty(restorable: Restorable):
    stack = restorable.stack
    dora, eve = await restorable.enrol("dora"), await restorable.enrol("eve")
    await restorable.backup_temporal()
    await restorable.command(dora, CommandKind.SKIP_WAIT)
    await stack.mail_arrives("dora", 2)
    await restorable.command(eve, CommandKind.END)
    fay = await restorable.enrol("fay")
    await restorable.restore_temporal()

    seen = await restorable.converges()
    assert seen[Drift.LINGERING] == {eve}
    assert fay in seen[Drift.LOST]
    await restorable.command(dora, CommandKind.SKIP_WAIT)
    await stack.mail_arrives("dora", 3)
    await restorable.restore_temporal(empty=True)
    seen = await restorable.converges()
    assert {dora, fay} <= seen[Drift.LOST]
    assert await stack.ended(eve) == "operator", "a command that was answered holds"
    assert [len(await stack.mails(name)) for name in ("dora", "eve", "fay")] == [3, 1, 1]
    assert await stack.repeated() == 0


async def test_a_history_that_nobody_can_read_keeps_the_audit_from_nobody_else(restorable: Restorable):
    stack = restorable.stack
    gus, client, queue = await restorable.enrol("gus"), await stack.client(), stack.settings.task_queue
    again, seen = WorkflowIDConflictPolicy.TERMINATE_EXISTING, set[tuple[Drift, str]]()
    for lead in (gus, "ld_nobody"):
        await client.start_workflow(
            JOURNEY, {"not": "ours"}, id=workflow_id(lead), task_queue=queue, id_conflict_policy=again
        )

    async def named() -> bool:
        found = await restorable.audit()
        seen.update((kind, subject) for kind, subjects in found.items() for subject in subjects)
        return {(Drift.UNREADABLE, gus), (Drift.ORPHAN, "ld_nobody")} <= seen

    await eventually(named, "the audit does not name who can't be read")
    code, told = await restorable.told_by_command("--lead", "gus@acme.example")
    assert (code, "unreadable" in told) == (1, True), told
    code, told = await restorable.told_by_command("--lead", "ld_nobody")
    assert (code, "There is no lead ld_nobody" in told) == (1, True), told
    log = "select by from operator_action where action = 'journey_terminated' and subject = 'ld_nobody'"
    assert await stack.database.pool.fetchval(log) == "test"


async def _copy(directory: Path, to: Path) -> None:
    """With owners and permissions: as root the server is another user's."""
    copying = await asyncio.create_subprocess_exec("cp", "-a", str(directory), str(to))
    assert await copying.wait() == 0


async def _told(database: Database) -> dict[Drift, set[str]]:
    told = (await audit_results.last(database, 100, (await database.pool.fetchval("select now()"))))["told"]
    kinds = {Drift(one["kind"]) for one in told}
    return {kind: {one["lead_id"] for one in told if one["kind"] == kind} for kind in kinds}
