"""Push desired state to the CRM, and read sellers' answers back (DESIGN decision 5).

Desired state is rows that stay dirty until the vendor has taken them, so any failure only means: later. A row that the
vendor refuses for what it says is put off by itself, so that it holds nobody else up.

Rows are fetched by big pages and pushed in full batches, several at once: the vendor's rate is the limit, not ours.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.crm import said_by_sales
from domain.crm_ports import CrmChange, CrmConnection, DesiredLists
from domain.errors import OurFault, RecordsRefused, VendorFault
from domain.ports import Clock, Inbox, Playbooks

PUSH_CRM = "push_crm"
READ_FEEDBACK = "read_feedback"
#: Rows fetched at a time, and how often in one run; what is left stays dirty for the next.
_PAGE = 5000
_MOST_PAGES = 10
#: Batches on their way at once.
_AT_ONCE = 8
_MOST_HANDOFFS = 500
#: Seconds a round waits for a vendor that said when to come again.
_MOST_PATIENCE = 30.0
_STATUS = "lead_status"
#: That something must wait is no error: the SDK logs these without a traceback.
_EXPECTED = ApplicationErrorCategory.BENIGN
_log = logging.getLogger("tendril.reconcile")


@dataclass(frozen=True, slots=True)
class Reconciling:
    """The activities of the ``Reconcile`` workflow. Each returns how many rows or answers it dealt with."""

    lists: DesiredLists
    connection: CrmConnection
    playbooks: Playbooks
    inbox: Inbox
    clock: Clock

    @activity.defn(name=PUSH_CRM)
    async def push_crm(self) -> int:
        """Upsert dirty CRM records, and remove those of people who were erased. Fails at the end when some were
        refused.
        """
        taken = refused = 0
        for _ in range(_MOST_PAGES):
            changes = [await self._named(change) for change in await self.lists.dirty_crm(_PAGE)]
            if not changes:
                break
            done = await self._push(changes)
            taken, refused = taken + done, refused + len(changes) - done
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
            answers = await self.connection.crm.feedback(tasks)
        except VendorFault as fault:
            raise later(fault) from None
        for answer in answers:
            await self.inbox.sales_answer(answer, self._now())
        return len(answers)

    async def _named(self, change: CrmChange) -> CrmChange:
        """With what the playbook calls the fields in this CRM, and without those that it leaves out."""
        if not change.playbook:
            return change
        mapping = (await self.playbooks.compiled(change.playbook)).document.crm
        left_out = mapping.left_out(self.connection.name)
        fields = {name: value for name, value in change.fields.items() if name not in left_out}
        return change.model_copy(update={"fields": fields, "names": mapping.names(self.connection.name)})

    async def _push(self, changes: Sequence[CrmChange]) -> int:
        """How many were taken. After a fault nothing more is begun; what is on its way comes to its end."""
        waiting = _batches(changes, self.connection.crm.batch_size)
        results = await asyncio.gather(*(self._work(waiting) for _ in range(_AT_ONCE)), return_exceptions=True)
        for result in results:
            if isinstance(result, VendorFault):
                raise later(result) from None
            if isinstance(result, BaseException):
                raise result
        return sum(result for result in results if isinstance(result, int))

    async def _work(self, waiting: Iterator[Sequence[CrmChange]]) -> int:
        taken = 0
        for batch in waiting:
            try:
                taken += await self._batch(batch)
            except VendorFault:
                for _ in waiting:  # nobody begins another
                    pass
                raise
        return taken

    async def _batch(self, changes: Sequence[CrmChange]) -> int:
        """How many were taken; the others are put off."""
        why = "refused by the CRM"
        changes = await self._heeding_sales(changes)
        try:
            ids = await self._taken(changes)
        except RecordsRefused as fault:
            ids, why = {}, opaque(fault)
        await self.lists.crm_pushed([change for change in changes if change.lead in ids], ids, self._now())
        await self.lists.crm_refused([change for change in changes if change.lead not in ids], why)
        return len(ids)

    async def _heeding_sales(self, changes: Sequence[CrmChange]) -> Sequence[CrmChange]:
        """Without our status where sales has set one since the CRM was read: it holds, and the next reading hears it.

        Only where ours has changed as well; that costs a call a batch, as no vendor writes batches on a condition.
        """
        asked = [change for change in changes if _overrules(change)]
        theirs: dict[str, str] = {}
        for place in sorted({change.names.get(_STATUS, "") for change in asked}):
            ids = [change.crm_id for change in asked if change.names.get(_STATUS, "") == place]
            read = await self.connection.reading.read(ids, (_STATUS,), {_STATUS: place} if place else {})
            theirs |= {contact.crm_id: str(contact.fields.get(_STATUS) or "") for contact in read}
        return [_heeding(change, theirs.get(change.crm_id, "")) for change in changes]

    async def _taken(self, changes: Sequence[CrmChange]) -> dict[str, str]:
        """Lead → vendor id for those taken."""
        if not changes[0].erased:
            return await self.connection.crm.upsert(changes)
        gone = await self.connection.crm.erase(changes)
        return {change.lead: change.crm_id for change in changes if change.lead in gone}

    def _now(self) -> datetime:
        return self.clock.from_real(activity.info().started_time)


def _overrules(change: CrmChange) -> bool:
    """Whether a status would be written over. Of a contact not known yet, such as a merged lead's, ours holds."""
    return bool(change.crm_id) and not change.erased and change.status_seen is not None and _STATUS in change.fields


def _heeding(change: CrmChange, theirs: str) -> CrmChange:
    if not said_by_sales(theirs, change.status_seen, str(change.fields.get(_STATUS, ""))):
        return change
    return change.model_copy(update={"fields": {name: v for name, v in change.fields.items() if name != _STATUS}})


def _batches(changes: Sequence[CrmChange], size: int) -> Iterator[Sequence[CrmChange]]:
    """Full batches of one kind: those of known contacts apart from those of new ones, which go another way, and those
    whose status changes together: they are read first.
    """
    for erased in (True, False):
        alike = sorted((c for c in changes if c.erased is erased), key=_kind)
        for start in range(0, len(alike), size):
            yield alike[start : start + size]


def _kind(change: CrmChange) -> tuple[bool, bool, bool]:
    return bool(change.crm_id), bool(change.email), _overrules(change)


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
