"""The contract of ``TouchChannel``: what every channel must do, whatever carries it. One subclass a channel.

A subclass says how to make the channel against a running sandbox, how to make the sandbox fail, and how many touches
the vendor holds.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import Any

import pytest

from domain.errors import OurFault, TransientFault, VendorFault
from domain.ports import TouchChannel
from domain.words import Channel
from tests.adapters.running import Sandbox
from tests.adapters.touches import PERSONAL, touch


class TouchChannelContract(ABC):
    kind: Channel
    #: The sandbox's name of the vendor, and which part of its paths is the sending itself.
    vendor: str
    sending: str = ""
    busy, broken, locked_out = "429", "500", "401"

    @abstractmethod
    def channel(self, sandbox: Sandbox, **options: Any) -> TouchChannel: ...

    @abstractmethod
    async def held(self, sandbox: Sandbox) -> int:
        """How many touches the vendor holds."""

    @abstractmethod
    def unreachable(self) -> TouchChannel:
        """A channel to a vendor that is not there."""

    def fail(self, sandbox: Sandbox, kind: str, **options: Any) -> None:
        sandbox.fail(self.vendor, kind, path=self.sending, **options)

    async def fault(self, channel: TouchChannel) -> VendorFault:
        """The fault that sending meets; it tells nobody's name."""
        with pytest.raises(VendorFault) as caught:
            await channel.send(touch(self.kind))
        told = f"{caught.value} {caught.value!r} {caught.value.code} {caught.value.__cause__}"
        assert not [word for word in PERSONAL if word in told]
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        return caught.value

    async def test_a_touch_is_sent_and_has_a_receipt(self, sandbox):
        receipt = await self.channel(sandbox).send(touch(self.kind))
        assert receipt.vendor
        assert receipt.vendor_id
        assert await self.held(sandbox) == 1

    async def test_before_it_is_sent_lookup_finds_nothing(self, sandbox):
        assert await self.channel(sandbox).lookup(touch(self.kind)) is None

    async def test_after_it_was_sent_lookup_finds_the_same_receipt_every_time(self, sandbox):
        channel = self.channel(sandbox)
        sent = await channel.send(touch(self.kind))
        assert [await channel.lookup(touch(self.kind)) for _ in range(2)] == [sent, sent]
        assert await self.held(sandbox) == 1

    async def test_lookup_does_not_mistake_another_touch_for_this_one(self, sandbox):
        channel = self.channel(sandbox)
        await channel.send(touch(self.kind, key="ld_aaaabbbbcccc/1/0/guide/1"))
        assert await channel.lookup(touch(self.kind, key="ld_aaaabbbbcccc/1/0/guide/11")) is None

    async def test_a_refused_login_is_our_fault(self, sandbox):
        self.fail(sandbox, self.locked_out)
        fault = await self.fault(self.channel(sandbox))
        assert isinstance(fault, OurFault)
        assert fault.certainly_not_sent
        assert await self.held(sandbox) == 0

    async def test_a_busy_vendor_is_nobodys_fault(self, sandbox):
        self.fail(sandbox, self.busy, seconds=7)
        fault = await self.fault(self.channel(sandbox))
        assert isinstance(fault, TransientFault)
        assert fault.certainly_not_sent
        assert fault.status == int(self.busy)
        if self.busy == "429":
            assert fault.retry_after == 7

    async def test_a_broken_vendor_is_nobodys_fault(self, sandbox):
        self.fail(sandbox, self.broken)
        assert isinstance(await self.fault(self.channel(sandbox)), TransientFault)

    async def test_no_answer_leaves_it_open_whether_the_touch_was_sent(self, sandbox):
        self.fail(sandbox, "timeout")
        fault = await self.fault(self.channel(sandbox, timeout=0.3))
        assert isinstance(fault, TransientFault)
        assert not fault.certainly_not_sent

    async def test_a_lost_answer_is_cleared_up_by_lookup(self, sandbox):
        """The vendor took the touch and the connection died before it said so."""
        self.fail(sandbox, "reset", after=True)
        channel = self.channel(sandbox)
        fault = await self.fault(channel)
        assert not fault.certainly_not_sent
        assert await self.held(sandbox) == 1
        assert await channel.lookup(touch(self.kind)) is not None

    async def test_a_vendor_that_is_not_there_certainly_took_nothing(self):
        fault = await self.fault(self.unreachable())
        assert isinstance(fault, TransientFault)
        assert fault.certainly_not_sent

    async def test_many_touches_at_once_all_arrive_once(self, sandbox):
        channel = self.channel(sandbox)
        keys = [f"ld_aaaabbbbcccc/1/0/step-{number}" for number in range(30)]
        receipts = await asyncio.gather(*(channel.send(touch(self.kind, key=key)) for key in keys))
        assert len({receipt.vendor_id for receipt in receipts}) == len(keys)
        assert await self.held(sandbox) == len(keys)
