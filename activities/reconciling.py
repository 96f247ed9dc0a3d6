"""Push desired state to the CRM and the ads vendor, and read sellers' answers back (DESIGN decision 5).

Desired state is rows that stay dirty until the vendor has taken them, so any failure only means: later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.errors import OurFault, PartialFault, VendorFault
from domain.ports import AudienceChange, Audiences, Clock, Crm, DesiredLists, Inbox

PUSH_CRM = "push_crm"
PUSH_AUDIENCES = "push_audiences"
READ_FEEDBACK = "read_feedback"
#: Rows taken up in one run; what is left stays dirty for the next.
_MOST_BATCHES = 50
_MOST_HANDOFFS = 500


@dataclass(frozen=True, slots=True)
class Reconciling:
    """The activities of the ``Reconcile`` workflow. Each returns how many rows or answers it dealt with."""

    lists: DesiredLists
    crm: Crm
    audiences: Audiences
    inbox: Inbox
    clock: Clock

    @activity.defn(name="outstanding")
    async def outstanding(self) -> list[str]:
        """Names of the activities that have something to do, so that an idle run costs next to nothing."""
        work = {
            PUSH_CRM: await self.lists.dirty_crm(1),
            PUSH_AUDIENCES: await self.lists.dirty_audiences(1),
            READ_FEEDBACK: await self.lists.open_handoff_tasks(1),
        }
        return [name for name, rows in work.items() if rows]

    @activity.defn(name=PUSH_CRM)
    async def push_crm(self) -> int:
        """Upsert dirty CRM records in the vendor's batches. A batch that makes no progress ends the run."""
        taken = 0
        for _ in range(_MOST_BATCHES):
            changes = await self.lists.dirty_crm(self.crm.batch_size)
            if not changes:
                break
            try:
                ids = await self.crm.upsert(changes)
            except VendorFault as fault:
                raise _later(fault) from None
            done = [change for change in changes if change.lead in ids]
            await self.lists.crm_pushed(done, ids, self._now())
            taken += len(done)
            if not done:
                break
        return taken

    @activity.defn(name=PUSH_AUDIENCES)
    async def push_audiences(self) -> int:
        """Add and remove audience members, audience by audience; one that fails does not keep the others back."""
        changes = await self.lists.dirty_audiences(self.audiences.batch_size * _MOST_BATCHES)
        by_audience = groupby(sorted(changes, key=attrgetter("audience")), key=attrgetter("audience"))
        taken, faults = 0, []
        for audience, rows in by_audience:
            try:
                taken += await self._push(audience, list(rows))
            except VendorFault as fault:
                faults.append(fault)
        if faults:
            raise _later(faults[0])
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

    async def _push(self, audience: str, rows: Sequence[AudienceChange]) -> int:
        size = self.audiences.batch_size
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            try:
                await self.audiences.push(audience, batch)
            except PartialFault as fault:
                taken = [row for row in batch if row.lead in fault.taken]
                await self.lists.audiences_pushed(taken, self._now())
                raise
            await self.lists.audiences_pushed(batch, self._now())
        return len(rows)

    def _now(self) -> datetime:
        return self.clock.from_real(activity.info().started_time)


def _later(fault: VendorFault) -> ApplicationError:
    """A fault of ours is not tried again in this run: the next one is soon enough."""
    message = f"{fault.vendor} {fault.status or ''} {fault.code}".strip()
    return ApplicationError(message, type=type(fault).__name__, non_retryable=isinstance(fault, OurFault))
