"""``outstanding``: wait until something must be reconciled. Waiting in an activity costs a run of hours no history."""

import asyncio
import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.audiences import pushing
from activities.mail import READ_MAIL
from activities.messages import OUTSTANDING, STOPPING, Watch
from activities.reading import READ_CRM
from activities.reconciling import PUSH_CRM, READ_FEEDBACK
from activities.retaining import PURGE_EXPIRED
from activities.settling import SETTLE_CLAIMS
from activities.suppressions import PULL_SUPPRESSIONS
from domain.audiences import DesiredAudiences
from domain.crm_ports import CrmNews, DesiredLists
from domain.mailbox import MailReading
from domain.ports import Ledger, Retention
from domain.suppressions import VendorSuppressions

_log = logging.getLogger("tendril.reconcile")


@dataclass(frozen=True, slots=True)
class Watching:
    """The activity by which ``Reconcile`` learns what there is to do."""

    lists: DesiredLists
    ledger: Ledger
    retention: Retention
    audiences: DesiredAudiences
    networks: Collection[str] = ()
    news: CrmNews | None = None
    suppressions: VendorSuppressions | None = None
    mailbox: MailReading | None = None

    @activity.defn(name=OUTSTANDING)
    async def outstanding(self, watch: Watch) -> list[str]:
        """Names of the activities that have something to do and are not busy, as soon as one has; none when the time is
        over.

        Raises ``ApplicationError`` when its worker stops, so that another one goes on watching.
        """
        began = time.monotonic()
        wait = watch.after
        while True:
            await _pause(wait)
            names = [name for name in await self._names() if name not in watch.busy]
            wait = watch.every
            if names or time.monotonic() - began + wait > watch.lasting:
                return names

    async def _names(self) -> list[str]:
        work = {
            PUSH_CRM: await self.lists.dirty_crm(1),
            READ_FEEDBACK: await self.lists.open_handoff_tasks(1),
            READ_CRM: self.news is not None and await self.news.due(),
            READ_MAIL: self.mailbox is not None and await self.mailbox.due(),
            SETTLE_CLAIMS: await self.ledger.open_claims(1),
            PULL_SUPPRESSIONS: self.suppressions is not None and await self.suppressions.due(),
            PURGE_EXPIRED: await self.retention.due(),
        }
        networks = await self.audiences.due()
        for network in set(networks) - set(self.networks):
            _tell_once(network)
        names = [name for name, something in work.items() if something]
        return names + [pushing(network) for network in networks if network in self.networks]


@cache
def _tell_once(network: str) -> None:
    """Nobody can be removed without credentials, and nothing else would say so."""
    _log.warning("people are on lists of a network that is not set up here", extra={"vendor": network})


async def _pause(seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await activity.wait_for_worker_shutdown()
    except TimeoutError:
        return
    raise ApplicationError("the worker stops", type=STOPPING, category=ApplicationErrorCategory.BENIGN)
