"""The contract of ``domain.audiences.Audiences``: what every ads network must do. One subclass a network.

A subclass says how to make the adapter against a running sandbox, and whose keys the network then holds.
"""

from abc import ABC, abstractmethod
from typing import Any

import pytest

from domain.audiences import AdsAudience, Audiences, AudienceState
from domain.errors import OurFault, TransientFault, VendorFault
from tests.adapters.running import Sandbox
from tests.adapters.touches import PERSONAL

QUIET = AdsAudience(id="gone_quiet", label="Gone quiet")


def address(number: int) -> str:
    return f"lead{number}@example.com"


class AudiencesContract(ABC):
    #: The sandbox's name of the network, and which part of its paths fills a list.
    network: str
    filling: str
    #: People that a list needs before ads are shown to it, and members a request, as the network publishes them.
    least: int
    batch: int

    @abstractmethod
    def audiences(self, sandbox: Sandbox, **options: Any) -> Audiences: ...

    @abstractmethod
    def held(self, sandbox: Sandbox) -> dict[str, set[str]]:
        """Titles of the lists that the network has → the keys on them."""

    async def ready(self, sandbox: Sandbox, **options: Any) -> Audiences:
        """An adapter whose list is there. A network may want a pause first."""
        made = self.audiences(sandbox, **options)
        await self.filled(made, 0)
        await made.remove(QUIET, [made.key(address(0))])
        return made

    async def filled(self, audiences: Audiences, *numbers: int) -> None:
        keys = [audiences.key(address(number)) for number in numbers]
        try:
            said = await audiences.add(QUIET, keys)
        except TransientFault:  # it wants a pause first
            said = await audiences.add(QUIET, keys)
        assert said.refused == frozenset()

    async def fault(self, audiences: Audiences) -> VendorFault:
        """The fault that filling a list meets; it tells nobody's name."""
        with pytest.raises(VendorFault) as caught:
            await audiences.add(QUIET, [audiences.key("ada.sample@example.com")])
        told = f"{caught.value} {caught.value!r} {caught.value.code} {caught.value.__cause__}"
        assert not [word for word in PERSONAL if word in told]
        assert audiences.key("ada.sample@example.com") not in told
        return caught.value

    async def test_a_list_is_made_on_first_use_and_found_again_by_anybody(self, sandbox):
        await self.filled(self.audiences(sandbox), 1)
        other = self.audiences(sandbox)
        await self.filled(other, 2)
        assert self.held(sandbox) == {QUIET.title: {other.key(address(1)), other.key(address(2))}}

    async def test_members_are_added_and_removed_and_again_is_harmless(self, sandbox):
        audiences = await self.ready(sandbox)
        for _ in range(2):
            await self.filled(audiences, 1, 2)
        for _ in range(2):
            assert (await audiences.remove(QUIET, [audiences.key(address(1))])).refused == frozenset()
        assert self.held(sandbox) == {QUIET.title: {audiences.key(address(2))}}

    async def test_to_leave_a_list_that_was_never_made_makes_none(self, sandbox):
        audiences = self.audiences(sandbox)
        assert (await audiences.remove(QUIET, [audiences.key(address(1))])).refused == frozenset()
        assert self.held(sandbox) == {}

    async def test_lists_do_not_mix(self, sandbox):
        audiences = await self.ready(sandbox)
        other = AdsAudience(id="gone_quiet_too", label="Gone quiet too")
        for _ in range(2):
            try:
                await audiences.add(other, [audiences.key(address(1))])
            except TransientFault:
                continue
        assert self.held(sandbox) == {QUIET.title: set(), other.title: {audiences.key(address(1))}}

    async def test_no_address_reaches_the_network(self, sandbox):
        await self.filled(await self.ready(sandbox), 1)
        store = sandbox.app.state.store
        store.write()
        held = [one.model_dump_json() for one in store._held.values()]
        assert "example.com" not in store.state.model_dump_json() + "".join(held)

    async def test_a_full_batch_is_taken(self, sandbox):
        audiences = await self.ready(sandbox)
        assert audiences.batch_size == self.batch
        assert 1 <= audiences.at_once <= 10
        await self.filled(audiences, *range(self.batch))
        assert len(self.held(sandbox)[QUIET.title]) == self.batch

    async def test_what_is_no_hash_is_refused_by_itself_or_with_its_batch(self, sandbox):
        """Never silently: who was not taken is named, or nobody was."""
        audiences = await self.ready(sandbox)
        good = audiences.key(address(1))
        try:
            said = await audiences.add(QUIET, [good, "no hash"])
        except OurFault:
            assert self.held(sandbox) == {QUIET.title: set()}
            return
        assert said.refused == {"no hash"}
        assert self.held(sandbox) == {QUIET.title: {good}}

    async def test_a_refused_token_is_our_fault(self, sandbox):
        fault = await self.fault(self.audiences(sandbox, token="expired"))
        assert isinstance(fault, OurFault)
        assert "check the token" in str(fault)

    async def test_a_busy_network_is_nobodys_fault_and_says_when_to_come_again(self, sandbox):
        audiences = await self.ready(sandbox)
        sandbox.fail(self.network, "429", path=self.filling, seconds=3)
        fault = await self.fault(audiences)
        assert isinstance(fault, TransientFault)
        assert fault.retry_after
        with pytest.raises(TransientFault):
            await audiences.add(QUIET, [audiences.key(address(1))])
        assert self.held(sandbox) == {QUIET.title: set()}, "nobody asks again before"

    @pytest.mark.parametrize("kind", ["500", "reset"])
    async def test_a_broken_network_is_nobodys_fault(self, sandbox, kind):
        audiences = await self.ready(sandbox)
        sandbox.fail(self.network, kind, path=self.filling)
        fault = await self.fault(audiences)
        assert isinstance(fault, TransientFault)
        assert fault.certainly_not_sent, "once more has the effect of once"

    async def test_no_answer_is_nobodys_fault(self, sandbox):
        await self.ready(sandbox)
        sandbox.fail(self.network, "timeout", path=self.filling)
        assert isinstance(await self.fault(self.audiences(sandbox, timeout=0.3)), TransientFault)

    async def test_a_lost_answer_does_no_harm(self, sandbox):
        audiences = await self.ready(sandbox)
        sandbox.fail(self.network, "reset", path=self.filling, after=True)
        await self.fault(audiences)
        await self.filled(audiences, 1)
        assert audiences.key(address(1)) in self.held(sandbox)[QUIET.title]

    async def test_a_list_is_read_back_and_that_it_is_small_is_no_error(self, sandbox):
        audiences = await self.ready(sandbox)
        await self.filled(audiences, 1, 2, 3)
        state = await audiences.state(QUIET)
        assert state is not None
        assert (state.audience, state.least, state.usable) == (QUIET.id, self.least, False)
        assert state.status
        await self.filled(audiences, *range(self.least))
        state = await audiences.state(QUIET)
        assert isinstance(state, AudienceState)
        assert (state.size, state.usable) == (self.least, True)

    async def test_a_list_that_is_not_there_has_no_state(self, sandbox):
        assert await self.audiences(sandbox).state(QUIET) is None
