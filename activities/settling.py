"""``settle_claims``: find out what became of touches whose attempt died and which nobody will try again.

A worker that dies with a touch on its way leaves a claim; the next attempt settles it. There is none when the journey
called the touch back meanwhile, or ended. Nothing is ever sent from here.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from domain.errors import CannotTell, LeadFault, VendorFault
from domain.ports import Clock, Ledger, OpenClaim, Receipt, TouchChannel, TouchesUnderWay
from domain.words import Channel, TouchStatus

SETTLE_CLAIMS = "settle_claims"
_GIVEN_UP = "its attempt died before it was sent, and the journey had called it back or ended"
_MOST = 50
_AT_ONCE = 5
_log = logging.getLogger("tendril.touches")


@dataclass(frozen=True, slots=True)
class Settling:
    """The activity by which ``Reconcile`` settles claims. ``timeout``: seconds a vendor has for one answer."""

    ledger: Ledger
    channels: Mapping[Channel, TouchChannel]
    under_way: TouchesUnderWay
    clock: Clock
    timeout: float = 20.0

    @activity.defn(name=SETTLE_CLAIMS)
    async def settle_claims(self) -> int:
        """How many claims were settled; the others are asked about again in a later round."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def settled(claim: OpenClaim) -> bool:
            async with turns:
                return await self._settled(claim)

        return sum(await asyncio.gather(*map(settled, await self.ledger.open_claims(_MOST))))

    async def _settled(self, claim: OpenClaim) -> bool:
        if await self.under_way.any(claim.touch.lead):
            return False
        try:
            receipt = await self._asked(claim)
        except (CannotTell, LeadFault) as why:  # an address that can't be asked about stays so
            _log.error("touch parked: it can't be told whether it was delivered", extra={"key": claim.touch.key})
            return await self.ledger.settle(claim, TouchStatus.UNKNOWN, self._now(), reason=str(why))
        except (VendorFault, TimeoutError) as fault:
            place = {"key": claim.touch.key, "fault": type(fault).__name__}
            _log.warning("the vendor could not be asked about an open claim", extra=place)
            return False
        if receipt is None:
            return await self.ledger.settle(claim, TouchStatus.WITHDRAWN, self._now(), reason=_GIVEN_UP)
        return await self.ledger.settle(claim, TouchStatus.SENT, self._now(), receipt=receipt)

    async def _asked(self, claim: OpenClaim) -> Receipt | None:
        channel = self.channels.get(claim.touch.channel)
        if channel is None:
            raise CannotTell(f"no adapter carries {claim.touch.channel}")
        async with asyncio.timeout(self.timeout):
            return await channel.lookup(claim.touch)

    def _now(self) -> datetime:
        return self.clock.from_real(activity.info().started_time)
