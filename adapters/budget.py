"""A vendor's rate limit, honoured before it is hit and after.

Before: requests wait for their turn in the window that the vendor publishes. After: when it says "come again in n
seconds", nobody asks before, and whoever would wait longer than that is worth is told so at once, uncontacted.
"""

import time

from pyrate_limiter import Limiter, Rate

from adapters import calls
from domain.errors import TransientFault

#: What the window is lengthened by: a share of it, and seconds. A vendor counts requests when they come to it, and they
#: may come closer together than they left.
_MARGIN, _JITTER = 0.02, 0.05
#: Seconds a request waits for its turn, or for a closed door to open, rather than being tried again later.
PATIENCE = 10.0


class Budget:
    """``most`` requests within any ``seconds``, of one process. One a vendor account, shared by its clients."""

    def __init__(self, vendor: str, most: int, seconds: float) -> None:
        self._vendor = vendor
        self._limiter = Limiter(Rate(most, round((seconds * (1 + _MARGIN) + _JITTER) * 1000)))
        self._closed_until = 0.0

    async def turn(self) -> None:
        """Wait until a request may leave. Raises ``TransientFault`` when that would take longer than patience."""
        closed = self._closed_until - time.monotonic()
        if closed > 0:
            raise self._full(closed)
        began = time.monotonic()
        taken = await self._limiter.try_acquire_async(self._vendor, timeout=PATIENCE)
        calls.WAITED.labels(self._vendor).observe(time.monotonic() - began)
        if not taken:
            raise self._full(PATIENCE)

    def closed(self, seconds: float) -> None:
        """The vendor will hear nobody for so long."""
        self._closed_until = max(self._closed_until, time.monotonic() + seconds)
        calls.CLOSED.labels(self._vendor).set(time.time() + self._closed_until - time.monotonic())

    def close(self) -> None:
        """Let go of the limiter's thread."""
        self._limiter.close()

    def _full(self, seconds: float) -> TransientFault:
        message = f"{self._vendor} takes no more requests for {seconds:.1f} s"
        return TransientFault(message, vendor=self._vendor, code="budget", retry_after=seconds)
