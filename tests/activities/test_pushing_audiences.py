"""Audiences reach each network in its own batches; what one did not take is pushed later, and holds nobody up."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities.audiences import Pushing
from domain.audiences import LIST_MADE, AdsAudience, Fate, Outcome, Taken
from domain.clock import ScaledClock
from domain.errors import OurFault, TransientFault
from storage.audiences import PgAudiences
from storage.database import Database
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


async def push(db: Database, network: Network, *, patience: float = 30.0, **others: Network) -> int:
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
