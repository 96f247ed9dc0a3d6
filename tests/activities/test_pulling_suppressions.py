"""Who the mail vendor will not write to is written to by nobody, and what is under way for them stops at once."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messages import Watch
from activities.suppressions import PULL_SUPPRESSIONS, Pulling
from activities.watching import Watching
from domain.clock import ScaledClock
from domain.errors import OurFault
from domain.suppressions import Suppressed
from domain.words import Ending
from storage import erasure, leads, suppression
from storage.audiences import PgAudiences
from storage.database import Database
from storage.ledger import PgLedger
from storage.lists import PgLists
from storage.playbooks import PgPlaybooks
from storage.retention import PgRetention
from storage.suppression import Entry
from storage.vendor_suppressions import PgVendorSuppressions
from tests.activities.conftest import START, Bench

LONG_AGO = datetime(2024, 5, 1, tzinfo=UTC)


class Keeps:
    """A vendor that keeps a list, of which ``broken`` is found at its end; it knows what it was asked."""

    vendor = "carrier"

    def __init__(self, *entries: tuple[str, str], broken: bool = False) -> None:
        self.entries = [Suppressed(email, reason, LONG_AGO) for email, reason in entries]
        self.broken = broken
        self.asked: list[datetime | None] = []

    async def suppressed(self, since: datetime | None) -> AsyncIterator[Suppressed]:
        self.asked.append(since)
        for entry in self.entries:
            yield entry
        if self.broken:
            raise OurFault("the list may not be read", vendor=self.vendor, status=403)


def pulling(database: Database, theirs: Keeps, lasts: float = 60.0) -> Pulling:
    ours = PgVendorSuppressions(database, theirs.vendor, every=timedelta(hours=1))
    return Pulling(ours, theirs, ScaledClock(), lasts)


async def pull(database: Database, theirs: Keeps, lasts: float = 60.0) -> int:
    environment = ActivityEnvironment()
    environment.info = type(info := environment.default_info())(**{**vars(info), "started_time": START})
    taken: int = await environment.run(pulling(database, theirs, lasts).pull_suppressions)
    return taken


async def listed(database: Database) -> dict[str, tuple[str, str, datetime]]:
    entries = [entry async for entry in suppression.every_entry(database)]
    return {entry.email: (entry.reason, entry.source, entry.at) for entry in entries}


async def waiting(database: Database) -> Sequence[str]:
    rows = await database.pool.fetch("select unnest(types) as why from pending_wake")
    return [row["why"] for row in rows]


async def test_every_entry_is_on_our_list_with_its_reason_its_time_and_whose_it_is(database: Database):
    theirs = Keeps(
        ("Ann@Acme.example", "complained"), ("bob@acme.example", "hard_bounced"), ("eve@x.example", "opted_out")
    )
    assert await pull(database, theirs) == 3
    assert await listed(database) == {
        "ann@acme.example": ("complained", "carrier", LONG_AGO),
        "bob@acme.example": ("hard_bounced", "carrier", LONG_AGO),
        "eve@x.example": ("opted_out", "carrier", LONG_AGO),
    }


async def test_a_journey_in_flight_ends(bench: Bench):
    first = await bench.decide(await bench.enrol(), START)
    await bench.database.pool.execute("delete from pending_wake")
    await pull(bench.database, Keeps(("ada@acme.example", "complained")))
    assert await waiting(bench.database) == ["suppressed"]
    decided = await bench.decide(first.state, START + timedelta(minutes=1), wakes=("suppressed",))
    assert decided.state.ending is Ending.COMPLAINED


async def test_who_is_on_our_list_already_keeps_the_reason_and_wakes_nobody(bench: Bench):
    await bench.decide(await bench.enrol(), START)
    await bench.database.pool.execute("delete from pending_wake")
    known = Entry(email="ada@acme.example", reason="manual", source="us", at=LONG_AGO)
    async with bench.database.pool.acquire() as connection, connection.transaction():
        await suppression.add_on(connection, [known])
        await connection.execute("delete from pending_wake")
    assert await pull(bench.database, Keeps(("ada@acme.example", "complained"))) == 0
    assert await listed(bench.database) == {"ada@acme.example": ("manual", "us", LONG_AGO)}
    assert await waiting(bench.database) == []


async def test_the_journey_of_a_lead_that_took_in_another_is_woken_by_the_others_address(bench: Bench):
    survivor = await bench.enrol()
    await bench.decide(survivor, START)
    other = await leads.upsert(bench.database, leads.LeadInput(email="ada@old.example"), START)
    await bench.database.pool.execute("update lead set merged_into = $1 where id = $2", survivor.lead, other.lead_id)
    await bench.database.pool.execute("delete from pending_wake")
    await pull(bench.database, Keeps(("ada@old.example", "opted_out")))
    assert await bench.database.pool.fetchval("select lead_id from pending_wake") == survivor.lead


@pytest.mark.parametrize("entry", ["no address", "@acme.example", "*@acme.example", ""])
async def test_what_is_nobodys_address_is_left_and_never_stands_for_a_whole_domain(database: Database, entry: str):
    assert await pull(database, Keeps((entry, "hard_bounced"), ("bob@acme.example", "hard_bounced"))) == 1
    assert set(await listed(database)) == {"bob@acme.example"}


async def test_who_was_erased_is_not_held_again(bench: Bench):
    lead = (await bench.enrol()).lead
    await erasure.erase(bench.database, lead, "a test", START)
    assert await pull(bench.database, Keeps(("ada@acme.example", "opted_out"))) == 0
    assert await listed(bench.database) == {}


async def test_a_list_read_whole_is_read_from_there_the_next_time_with_a_day_to_spare(database: Database):
    theirs, before = Keeps(), datetime.now(UTC)
    await pull(database, theirs)
    await pull(database, theirs)
    async for _ in pulling(database, theirs).pull(before, full=True):
        pass
    first, second, by_hand = theirs.asked
    assert (first, by_hand) == (None, None)
    assert abs(second - (before - timedelta(days=1))) < timedelta(minutes=1)


async def test_a_list_that_breaks_off_is_read_anew_and_what_was_read_stays(database: Database):
    theirs = Keeps(*((f"lead{number}@acme.example", "complained") for number in range(600)), broken=True)
    with pytest.raises(ApplicationError, match="carrier 403"):
        await pull(database, theirs)
    assert len(await listed(database)) == 500
    theirs.broken = False
    assert await pull(database, theirs) == 100
    assert theirs.asked == [None, None]


async def test_a_list_that_takes_too_long_is_left_for_another_time(database: Database):
    theirs = Keeps(*((f"lead{number}@acme.example", "complained") for number in range(600)))
    assert await pull(database, theirs, lasts=0.0) == 500
    await pull(database, theirs)
    assert theirs.asked == [None, None]


async def test_on_a_scaled_clock_an_entry_is_of_now(database: Database):
    clock = ScaledClock(scale=86400, real_anchor=START, virtual_anchor=START)
    theirs = Keeps(("ann@acme.example", "complained"))
    at = START + timedelta(seconds=1)
    await run_at(Pulling(PgVendorSuppressions(database, "carrier", timedelta(0)), theirs, clock), at)
    assert (await listed(database))["ann@acme.example"][2] == START + timedelta(days=1)


async def run_at(pulls: Pulling, at: datetime) -> None:
    async for _ in pulls.pull(at):
        pass


async def test_it_is_outstanding_until_it_was_tried(database: Database):
    theirs = Keeps(broken=True)
    pulls = pulling(database, theirs)
    watching = Watching(
        PgLists(database),
        PgLedger(database, PgPlaybooks(database)),
        PgRetention(database),
        PgAudiences(database, []),
        suppressions=pulls.ours,
    )
    await database.pool.execute("update retention_pass set finished_real_at = now()")
    assert PULL_SUPPRESSIONS in await ActivityEnvironment().run(watching.outstanding, Watch(every=0.05))
    with pytest.raises(ApplicationError):
        await pull(database, theirs)
    assert PULL_SUPPRESSIONS not in await ActivityEnvironment().run(watching.outstanding, Watch(every=0.05))
