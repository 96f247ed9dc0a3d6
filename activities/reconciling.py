"""Push desired state to the CRM and the ads vendor, and read sellers' answers back (DESIGN decision 5).

Desired state is rows that stay dirty until the vendor has taken them, so any failure only means: later. A row that the
vendor refuses for what it says is put off by itself, so that it holds nobody else up.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.errors import OurFault, PartialFault, RecordsRefused, VendorFault
from domain.ports import AudienceChange, Audiences, Clock, Crm, CrmChange, DesiredLists, Inbox

PUSH_CRM = "push_crm"
PUSH_AUDIENCES = "push_audiences"
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
    audiences: Audiences
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
            raise _refusal(f"the CRM refused {refused} records and took {taken}: crm_record.error says why")
        return taken

    @activity.defn(name=PUSH_AUDIENCES)
    async def push_audiences(self) -> int:
        """Add and remove audience members, audience by audience; one that fails does not keep the others back."""
        changes = await self.lists.dirty_audiences(self.audiences.batch_size * _MOST_BATCHES)
        by_audience = groupby(sorted(changes, key=attrgetter("audience")), key=attrgetter("audience"))
        taken, refused, faults = 0, 0, []
        for audience, rows in by_audience:
            for batch in _batches(list(rows), self.audiences.batch_size):
                try:
                    pushed = await self._push(audience, batch)
                except VendorFault as fault:
                    faults.append(fault)
                    break
                taken += pushed
                refused += len(batch) - pushed
        if faults:
            raise _later(max(faults, key=_gravity))
        if refused:
            raise _refusal(f"{refused} members were refused, {taken} taken: audience_member.error says why")
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
            raise _later(fault) from None
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
            ids, why = {}, _opaque(fault)
        except VendorFault as fault:
            raise _later(fault) from None
        await self.lists.crm_pushed([change for change in changes if change.lead in ids], ids, self._now())
        await self.lists.crm_refused([change for change in changes if change.lead not in ids], why)
        return ids

    async def _push(self, audience: str, batch: Sequence[AudienceChange]) -> int:
        """How many were taken; the others are put off. Raises the fault when nothing is known of any."""
        activity.heartbeat()
        taken, why = frozenset(change.lead for change in batch), ""
        try:
            await self.audiences.push(audience, batch)
        except PartialFault as fault:
            taken, why = fault.taken, _opaque(fault)
        except RecordsRefused as fault:
            taken, why = frozenset(), _opaque(fault)
        pushed = [change for change in batch if change.lead in taken]
        await self.lists.audiences_pushed(pushed, self._now())
        await self.lists.audiences_refused([change for change in batch if change.lead not in taken], why)
        return len(pushed)

    def _now(self) -> datetime:
        return self.clock.from_real(activity.info().started_time)


def _batches(rows: Sequence[AudienceChange], size: int) -> Iterator[Sequence[AudienceChange]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _opaque(fault: VendorFault) -> str:
    return f"{fault.vendor} {fault.status or ''} {fault.code}".replace("  ", " ").strip()


def _refusal(message: str) -> ApplicationError:
    """What was refused comes again in its own time: the run fails only so that somebody sees it."""
    _log.warning(message)
    return ApplicationError(message, type="RecordsRefused", non_retryable=True, category=_EXPECTED)


def _gravity(fault: VendorFault) -> tuple[bool, float]:
    return isinstance(fault, OurFault), fault.retry_after or 0.0


def _later(fault: VendorFault) -> ApplicationError:
    """Nothing is lost: what was not taken stays dirty. A fault of ours, or one that lasts, waits for a later round."""
    ours, wait = _gravity(fault)
    place = {"vendor": fault.vendor, "status": fault.status, "code": fault.code}
    if ours:
        _log.error("push held: a person must mend this", extra=place)
    else:
        _log.info("pushed later", extra=place)
    return ApplicationError(
        _opaque(fault),
        type=type(fault).__name__,
        non_retryable=ours or wait > _MOST_PATIENCE,
        next_retry_delay=timedelta(seconds=wait) if wait else None,
        category=_EXPECTED,
    )
