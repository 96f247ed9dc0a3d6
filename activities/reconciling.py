"""Push desired state to the CRM, and read sellers' answers back (DESIGN decision 5).

Desired state is rows that stay dirty until the vendor has taken them, so any failure only means: later. A row that the
vendor refuses for what it says is put off by itself, so that it holds nobody else up.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.errors import OurFault, RecordsRefused, VendorFault
from domain.ports import Clock, Crm, CrmChange, DesiredLists, Inbox

PUSH_CRM = "push_crm"
READ_FEEDBACK = "read_feedback"
#: Rows taken up in one run; what is left stays dirty for the next.
_MOST_BATCHES = 50
_MOST_HANDOFFS = 500
#: Seconds a round waits for a vendor that said when to come again.
_MOST_PATIENCE = 30.0
#: That something must wait is no error: the SDK logs these without a traceback.
_EXPECTED = ApplicationErrorCategory.BENIGN
_log = logging.getLogger("tendril.reconcile")


@dataclass(frozen=True, slots=True)
class Reconciling:
    """The activities of the ``Reconcile`` workflow. Each returns how many rows or answers it dealt with."""

    lists: DesiredLists
    crm: Crm
    inbox: Inbox
    clock: Clock

    @activity.defn(name=PUSH_CRM)
    async def push_crm(self) -> int:
        """Upsert dirty CRM records in the vendor's batches. Fails at the end when some were refused."""
        taken, refused = 0, 0
        for _ in range(_MOST_BATCHES):
            changes = await self.lists.dirty_crm(self.crm.batch_size)
            if not changes:
                break
            ids = await self._upsert(changes)
            taken += len(ids)
            refused += len(changes) - len(ids)
        if refused:
            raise refusal(f"the CRM refused {refused} records and took {taken}: crm_record.error says why")
        return taken

    @activity.defn(name=READ_FEEDBACK)
    async def read_feedback(self) -> int:
        """Put sellers' answers on open handoffs into the inbox, where the journey finds them as behaviour."""
        tasks = await self.lists.open_handoff_tasks(_MOST_HANDOFFS)
        if not tasks:
            return 0
        try:
            answers = await self.crm.feedback(tasks)
        except VendorFault as fault:
            raise later(fault) from None
        for answer in answers:
            await self.inbox.sales_answer(answer, self._now())
        return len(answers)

    async def _upsert(self, changes: Sequence[CrmChange]) -> dict[str, str]:
        """Lead → vendor id for those taken; the others are put off."""
        activity.heartbeat()
        why = "refused by the CRM"
        try:
            ids = await self.crm.upsert(changes)
        except RecordsRefused as fault:
            ids, why = {}, opaque(fault)
        except VendorFault as fault:
            raise later(fault) from None
        await self.lists.crm_pushed([change for change in changes if change.lead in ids], ids, self._now())
        await self.lists.crm_refused([change for change in changes if change.lead not in ids], why)
        return ids

    def _now(self) -> datetime:
        return self.clock.from_real(activity.info().started_time)


def opaque(fault: VendorFault) -> str:
    """The fault without anybody's data."""
    return f"{fault.vendor} {fault.status or ''} {fault.code}".replace("  ", " ").strip()


def refusal(message: str) -> ApplicationError:
    """What was refused comes again in its own time: the run fails only so that somebody sees it."""
    _log.warning(message)
    return ApplicationError(message, type="RecordsRefused", non_retryable=True, category=_EXPECTED)


def _gravity(fault: VendorFault) -> tuple[bool, float]:
    return isinstance(fault, OurFault), fault.retry_after or 0.0


def later(fault: VendorFault) -> ApplicationError:
    """Nothing is lost: what was not taken stays dirty. A fault of ours, or one that lasts, waits for a later round."""
    ours, wait = _gravity(fault)
    place = {"vendor": fault.vendor, "status": fault.status, "code": fault.code}
    if ours:
        _log.error("push held: a person must mend this", extra=place)
    else:
        _log.info("pushed later", extra=place)
    return ApplicationError(
        opaque(fault),
        type=type(fault).__name__,
        non_retryable=ours or wait > _MOST_PATIENCE,
        next_retry_delay=timedelta(seconds=wait) if wait else None,
        category=_EXPECTED,
    )
