"""Carry out retention, daily: what has been kept for its time goes (``domain.retention``)."""

import time
from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from domain.ports import Clock, Retention

PURGE_EXPIRED = "purge_expired"
#: Seconds after which a run ends, between two steps: what is left is due still, and the next round goes on there.
_LONGEST = 200.0


@dataclass(frozen=True, slots=True)
class Retaining:
    """The activity of the ``Reconcile`` workflow by which what is due is purged."""

    retention: Retention
    clock: Clock
    longest: float = _LONGEST

    @activity.defn(name=PURGE_EXPIRED)
    async def purge_expired(self) -> int:
        """Returns how many rows were purged."""
        began, rows = time.monotonic(), 0
        async for step in self.retention.purge(self._now()):
            rows += step.rows
            if time.monotonic() - began > self.longest:
                break
        return rows

    def _now(self) -> datetime:
        return self.clock.from_real(activity.info().started_time)
