"""``pull_suppressions``: people whom the mail vendor won't write to any more are written to by nobody.

Its webhooks tell at once of those who complain, bounce or opt out of our mail. This finds the others: who was on the
vendor's list before, who was put there by a person or by another sender of the account, whatever a webhook lost.
"""

import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime

from temporalio import activity

from activities.reconciling import later
from domain.errors import VendorFault
from domain.ports import Clock
from domain.suppressions import Pulled, Suppressed, Suppressing, VendorSuppressions

PULL_SUPPRESSIONS = "pull_suppressions"
#: Entries written in one transaction.
_BATCH = 500
#: Seconds after which a run gives up, before the workflow's limit. A list is in no order: the next begins anew.
_LASTS = 240.0
_log = logging.getLogger("tendril.suppressions")


@dataclass(frozen=True, slots=True)
class Pulling:
    """The activity of the ``Reconcile`` workflow, and its parts for the command line."""

    ours: VendorSuppressions
    theirs: Suppressing
    clock: Clock
    lasts: float = _LASTS

    @activity.defn(name=PULL_SUPPRESSIONS)
    async def pull_suppressions(self) -> int:
        """Returns how many addresses are new on our list. Raises ``ApplicationError`` when the vendor can't be read."""
        began, real = time.monotonic(), activity.info().started_time
        added = 0
        try:
            async for step in self.pull(real):
                added += step.added
                if time.monotonic() - began > self.lasts:
                    _log.error("a list is too long to be read in one run: use `tendril suppressions pull`")
                    break
        except VendorFault as fault:
            raise later(fault) from None
        return added

    async def pull(self, real: datetime, *, full: bool = False) -> AsyncIterator[Pulled]:
        """Take what is new since the last time, or the whole list, step by step. ``real`` is the time on the wall.

        Raises a ``VendorFault``; what was taken stays.
        """
        now = self.clock.from_real(real)
        begun = await self.ours.begin(full=full)
        batch: list[Suppressed] = []
        async for one in self.theirs.suppressed(begun.since):
            # On a scaled clock the vendor's times mean nothing.
            batch.append(replace(one, at=min(one.at, now) if now == real else now))
            if len(batch) == _BATCH:
                yield await self.ours.take(batch, now)
                batch = []
        if batch:
            yield await self.ours.take(batch, now)
        await self.ours.ended(begun)
