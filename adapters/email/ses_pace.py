"""Sending at the rate that the vendor says the account has, asked for at the first mail and every hour after."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from adapters.budget import Budget
from domain.errors import VendorFault

#: Amazon raises quotas by itself, over days.
_ASK_AGAIN = 3600.0


class Pace:
    """``learn`` gives mails a second. While it can't be learned anew, the rate known before holds."""

    def __init__(self, vendor: str, learn: Callable[[], Awaitable[float]]) -> None:
        self._vendor = vendor
        self._learn = learn
        self._asking = asyncio.Lock()
        self._asked_at = -math.inf
        self._rate = 0.0
        self._budgets: list[Budget] = []

    async def turn(self) -> None:
        """Wait until a mail may leave. Raises a ``VendorFault`` when that takes too long, or no rate can be learned."""
        async with self._asking:
            if time.monotonic() - self._asked_at > _ASK_AGAIN:
                await self._ask()
        await self._budgets[-1].turn()

    def closed(self, seconds: float) -> None:
        """The vendor takes no mail for so long."""
        self._budgets[-1].closed(seconds)

    def close(self) -> None:
        for budget in self._budgets:
            budget.close()

    async def _ask(self) -> None:
        try:
            rate = await self._learn()
        except VendorFault:
            if not self._budgets:
                raise
            rate = self._rate
        if rate != self._rate:
            most = max(1, math.floor(rate))
            # The one before is closed at the end: somebody may still wait for a turn in it.
            self._budgets.append(Budget(self._vendor, most, most / rate))
        self._rate, self._asked_at = rate, time.monotonic()
