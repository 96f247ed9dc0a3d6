"""Audiences reach each network in its own batches; what one did not take is pushed later, and holds nobody up."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities.audiences import Pushing
from domain.audiences import LIST_MADE, AdsAudience, Audiences, Fate, Outcome, Taken
from domain.clock import ScaledClock
from domain.errors import OurFault, TransientFault
from storage import erasure
from storage.audiences import PgAudiences
from storage.database import Database
from tests.adapters.running import Sandbox, running_sandbox
from tests.adapters.test_google import google, kept
from tests.storage.samples import NOW
from tests.storage.test_audiences import lead, want
from tests.workflows.running import QuietAudiences


@dataclass
class Network(QuietAudiences):
    """Raises ``faults``, one a call, those of a list first; refuses whom it is told to; counts what is under way."""

    faults: list[Exception] = field(default_factory=list)
    wrong: dict[str, Exception] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    outcomes: list[Outcome] = field(default_factory=list)
    makes: bool = False
    under_way: int = 0
    most: int = 0

    async def add(self, audience: AdsAudience, keys: Sequence[str]) -> Taken:
        if fault := self.wrong.get(audience.id) or (self.faults.pop(0) if self.faults else None):
            raise fault
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.01)
        self.under_way -= 1
        await super().add(audience, [key for key in keys if key not in self.refused])
        return Taken(
            refused=self.refused & set(keys), code="no", request="request-1" if self.outcomes else "", made=self.makes
        )

    async def outcome(self, request: str) -> Outcome:  # noqa: ARG002 the port has it
        return self.outcomes.pop(0)


async def push(db: Database, network: Audiences, *, patience: float = 30.0, **others: Audiences) -> int:
    networks = {network.network: network, **others}
    pushing = Pushing(PgAudiences(db, list(networks)), networks, ScaledClock(), patience)
    [activity, *_] = pushing.activities()
    taken: int = await ActivityEnvironment().run(activity)
    return taken


async def everybody(db: Database, number: int, audience: str = "retarget") -> list[str]:
    leads = [await lead(db, f"lead{one}@acme.example") for one in range(number)]
    for one in leads:
        await want(db, one, audience)
    return leads


async def test_members_are_pushed_once_in_full_batches_side_by_side(database: Database):
    await everybody(database, 11)
    network = Network(batch_size=3, at_once=2)
    assert await push(database, network) == 11
    assert [len(keys) for _, _, keys in network.calls] == [3, 3, 3, 2]
    assert network.most == 2
    assert await push(database, network) == 0
    assert len(network.calls) == 4


async def test_whoever_leaves_is_removed_before_anybody_joins(database: Database):
    [first, second] = await everybody(database, 2)
    network = Network()
    await push(database, network)
    await want(database, first, member=False)
    await database.pool.execute("update lead set email = 'new@acme.example' where id = $1", second)
    await push(database, network)
    assert network.calls[1:] == [
        ("remove", "retarget", tuple(f"lead{n}@acme.example" for n in (0, 1)))
        if first < second
        else ("remove", "retarget", tuple(f"lead{n}@acme.example" for n in (1, 0))),
        ("add", "retarget", ("new@acme.example",)),
    ]
    assert network.members == {"retarget": {"new@acme.example"}}


async def test_an_address_that_is_the_same_to_the_network_is_not_removed(database: Database):
    [one] = await everybody(database, 1)
    network = Network()
    await push(database, network)
    await database.pool.execute("update lead set email = 'LEAD0@acme.example' where id = $1", one)
    await push(database, network)
    assert [call[0] for call in network.calls] == ["add", "add"]
    assert network.members == {"retarget": {"lead0@acme.example"}}


async def test_one_refused_member_does_not_hold_the_others_up(database: Database):
    leads = await everybody(database, 3)
    network = Network(refused=frozenset({"lead1@acme.example"}))
    with pytest.raises(ApplicationError, match="linkedin refused 1 members and took 2"):
        await push(database, network)
    rows = await database.pool.fetch("select lead_id, error, held from network_member where error <> ''")
    assert [tuple(row) for row in rows] == [(leads[1], "linkedin no", False)]
    assert await push(database, network) == 0, "it comes again later"


async def test_one_list_that_is_wrong_does_not_hold_the_others_up(database: Database):
    await everybody(database, 1, "broken")
    await everybody(database, 1, "sound")
    network = Network(wrong={"broken": OurFault("no", vendor="linkedin", status=400)})
    with pytest.raises(ApplicationError, match="linkedin 400") as later:
        await push(database, network)
    assert later.value.non_retryable
    assert network.members == {"sound": {"lead0@acme.example"}}


async def test_a_network_that_says_when_to_come_again_is_waited_for(database: Database):
    await everybody(database, 1)
    busy = TransientFault("busy", vendor="linkedin", code=LIST_MADE, retry_after=0.05)
    assert await push(database, Network(faults=[busy, busy])) == 1


async def test_a_network_that_is_down_is_left_at_once_and_the_others_are_served(database: Database, caplog: Any):
    await everybody(database, 20)
    down = TransientFault("down", vendor="google", status=503)
    broken = Network(network="google", batch_size=5, at_once=1, faults=[down] * 9)
    sound = Network()
    with pytest.raises(ApplicationError) as later:
        await push(database, broken, linkedin=sound)
    assert later.value.category is ApplicationErrorCategory.BENIGN
    assert not later.value.non_retryable
    assert len(broken.faults) == 8, "asked once"
    assert await push(database, sound, google=broken) == 20
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize(("wait", "again"), [(5.0, True), (3600.0, False)])
async def test_what_must_wait_longer_is_left_to_a_later_run(database: Database, wait: float, again: bool):
    await everybody(database, 1)
    busy = TransientFault("busy", vendor="linkedin", status=429, retry_after=wait)
    with pytest.raises(ApplicationError) as later:
        await push(database, Network(faults=[busy]), patience=0.0)
    assert (later.value.next_retry_delay, not later.value.non_retryable) == (timedelta(seconds=wait), again)


async def test_a_batch_that_failed_later_is_pushed_again(database: Database):
    await everybody(database, 1)
    network = Network(outcomes=[Outcome(fate=Fate.FAILED, why="BAD")])
    assert await push(database, network) == 1
    await database.pool.execute("update network_request set look_real_at = now()")
    await push(database, network)
    row = await database.pool.fetchrow("select error, retry_real_at > now() as waits from network_member")
    assert tuple(row) == ("BAD", True)
    await database.pool.execute("update network_member set retry_real_at = now()")
    assert await push(database, network) == 1


@pytest.mark.parametrize("pause", [True, False])
async def test_a_list_that_had_to_be_made_anew_gets_everybody_back(database: Database, pause: bool):
    await everybody(database, 2)
    network = Network()
    await push(database, network)
    network.members.clear()
    await want(database, await lead(database, "lead2@acme.example"))
    if pause:
        network.faults = [TransientFault("made", vendor="linkedin", code=LIST_MADE, retry_after=0.01)]
    else:
        network.makes = True
    await push(database, network)
    network.makes = False
    await push(database, network)
    assert network.members["retarget"] == {f"lead{number}@acme.example" for number in range(3)}


async def test_each_list_is_read_back(database: Database):
    await everybody(database, 2)
    await push(database, Network())
    row = await database.pool.fetchrow("select network, audience, status, size, usable from network_audience")
    assert tuple(row) == ("linkedin", "retarget", "READY", 2, True)


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox() as running:
        yield running


async def requests_due(db: Database) -> None:
    await db.pool.execute("update network_request set look_real_at = now()")
    await db.pool.execute("update network_member set retry_real_at = now()")


def held_back(sandbox: Sandbox, *keys: str, status: str = "FAILED") -> None:
    """Google took the last request, and did not do it: those it was to remove are there still."""
    [members] = [one.members for one in kept(sandbox).lists.values()]
    members.update(keys)
    list(kept(sandbox).requests.values())[-1]["requestStatus"] = status


async def known(db: Database) -> dict[str, tuple[bool, str]]:
    rows = await db.pool.fetch("select lead_id, held, known_as from network_member")
    return {row["lead_id"]: (row["held"], row["known_as"]) for row in rows}


@pytest.mark.parametrize("status", ["FAILED", "PARTIAL_SUCCESS"])
async def test_who_left_is_known_until_google_has_removed_them_and_removed_again_when_it_did_not(
    database: Database, sandbox: Sandbox, status: str
):
    adapter = google(sandbox)
    leads = await everybody(database, 3)
    keys = [adapter.key(f"lead{number}@acme.example") for number in range(3)]
    await push(database, adapter)
    await want(database, leads[0], member=False)
    await database.pool.execute("update lead set email = 'new@acme.example' where id = $1", leads[1])
    await erasure.erase(database, leads[2], "test", NOW)
    await push(database, adapter)
    held_back(sandbox, *keys, status=status)
    assert await known(database) == {lead: (True, key) for lead, key in zip(leads, keys, strict=True)}
    assert await push(database, adapter) == 0, "nobody is told twice, nor joins under another address before"

    erased = await erasure.finish(database, leads[2], NOW)
    assert erased is not None
    assert erased.waiting == ("audience retarget at google",)
    assert await database.pool.fetchval("select email from erasure") is None, "the key is enough"
    assert await erasure.unfinished(database, 10) == [], "nothing to do but wait"

    for _ in range(2):  # the outcome, then whom it sends again
        await requests_due(database)
        await push(database, adapter)
    [members] = [one.members for one in kept(sandbox).lists.values()]
    assert members == set()
    assert await known(database) == {lead: (True, key) for lead, key in zip(leads, keys, strict=True)}

    await requests_due(database)
    await push(database, adapter)
    moved = adapter.key("new@acme.example")
    assert await known(database) == {leads[0]: (False, ""), leads[1]: (True, moved), leads[2]: (False, "")}
    [members] = [one.members for one in kept(sandbox).lists.values()]
    assert members == {moved}
    assert await erasure.unfinished(database, 10) == [leads[2]]
    finished = await erasure.finish(database, leads[2], NOW)
    assert finished is not None
    assert finished.finished_at == NOW


async def test_who_was_never_told_of_does_not_take_whoever_has_the_same_key_along(database: Database, sandbox: Sandbox):
    adapter, [ann] = google(sandbox), await everybody(database, 1)
    await push(database, adapter)
    same = await lead(database, "same@acme.example")
    await database.pool.execute("update lead set email = 'LEAD0@acme.example' where id = $1", same)
    await want(database, same)
    await PgAudiences(database, ["google"]).spread()
    await want(database, same, member=False)
    assert await push(database, adapter) == 1
    key = adapter.key("lead0@acme.example")
    assert [one.members for one in kept(sandbox).lists.values()] == [{key}]
    assert await known(database) == {ann: (True, key), same: (False, "")}


async def dead_requests(db: Database, number: int) -> None:
    await db.pool.execute(
        "insert into network_request (network, request, audience, asked_real_at, look_real_at)"
        " select 'google', 'dead-' || n, 'retarget', now() - interval '1 day', now() - interval '1 day'"
        " from generate_series(1, $1::int) n",
        number,
    )


@pytest.mark.parametrize(("kind", "number", "left"), [("404", 100, 0), ("403", 3, 3), ("500", 3, 3)])
async def test_requests_that_google_does_not_tell_of_hold_no_other_up(
    database: Database, sandbox: Sandbox, kind: str, number: int, left: int
):
    adapter = google(sandbox)
    [lead] = await everybody(database, 1)
    await push(database, adapter)
    held_back(sandbox)
    await database.pool.execute("update network_request set look_real_at = now()")
    await dead_requests(database, number)
    if kind != "404":
        sandbox.fail("google", kind, count=number, path="requestStatus")
    for _ in range(number + 1 if kind == "500" else 2):  # one that is down is asked once a time
        await push(database, adapter)
    requests = await database.pool.fetch("select request from network_request where look_real_at > now()")
    assert (len(requests), sandbox.faults.waiting) == (left, ())
    assert await database.pool.fetchval("select refusals from network_member where lead_id = $1", lead) == 1
    assert await PgAudiences(database, ["google"]).due() == []


async def test_whoever_was_in_a_request_that_google_does_not_know_or_never_finishes_is_told_again(
    database: Database, sandbox: Sandbox
):
    adapter = google(sandbox)
    leads = await everybody(database, 2)
    await push(database, adapter)
    kept(sandbox).requests.clear()
    await database.pool.execute("update network_request set look_real_at = now()")
    await push(database, adapter)
    problem = "what became of a batch can't be asked: google 404 NOT_FOUND"
    row = await database.pool.fetchrow("select problem, (select max(error) from network_member) from network_audience")
    assert tuple(row) == (problem, problem)

    await requests_due(database)
    assert await push(database, adapter) == len(leads)
    held_back(sandbox, status="PROCESSING")
    await database.pool.execute(
        "update network_request set look_real_at = now(), asked_real_at = now() - interval '73 hours'"
    )
    await push(database, adapter)
    rows = await database.pool.fetch("select distinct refusals, error from network_member")
    assert [tuple(row) for row in rows] == [(2, "google does not say what became of a batch")]
    assert await database.pool.fetchval("select count(*) from network_request") == 0
