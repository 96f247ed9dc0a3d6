"""Enrolling at a set rate."""

import asyncio
import re
import time

from typer import BadParameter

_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|m|h))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, None: 1}


def parse_rate(text: str | None) -> float:
    """``50/s``, ``600/m``, ``2000/h`` or ``50`` as leads a second; 0 when not given."""
    if text is None:
        return 0.0
    found = _RATE.fullmatch(text.strip())
    if not found or float(found[1]) == 0:
        raise BadParameter(f"{text!r} is not a rate: write 50/s, 600/m or 2000/h")
    return float(found[1]) / _SECONDS[found[2]]


class Pace:
    """Holds batches back so that no more than ``rate`` leads a second go through; 0 holds nothing back."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free_at = time.monotonic()

    def batch(self, most: int) -> int:
        """How many leads to take at once: about a second's worth, at most ``most``."""
        return max(1, min(most, int(self._rate))) if self._rate else most

    async def wait(self, leads: int) -> None:
        """Wait for the turn of this many leads."""
        if self._rate:
            now = time.monotonic()
            await asyncio.sleep(max(0.0, self._free_at - now))
            self._free_at = max(self._free_at, now) + leads / self._rate
