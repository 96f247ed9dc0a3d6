"""``read_crm``: what sales does in the CRM, read back: told by webhook at once, and looked for now and then.

Order does not matter, nor does reading twice: a record is taken as it is now, compared with what was seen before.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from temporalio import activity

from activities.reconciling import later
from domain.crm import CORRECTIONS
from domain.crm_ports import CrmConnection, CrmNews
from domain.errors import OurFault, VendorFault
from domain.playbook.models import CrmMapping
from domain.ports import Clock, Inbox, Playbooks

READ_CRM = "read_crm"
_TOLD = 1000
_PAGE = 200
#: Pages read in one run; the next one goes on there.
_MOST_PAGES = 100
_MAY_NOT = 403
_log = logging.getLogger("tendril.crm")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of each contact: our fields, and what they are called there."""

    fields: tuple[str, ...]
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """The activity, and its parts for the command line."""

    news: CrmNews
    connection: CrmConnection
    playbooks: Playbooks
    inbox: Inbox
    clock: Clock

    @activity.defn(name=READ_CRM)
    async def read_crm(self) -> int:
        """How much of it was news. Raises ``ApplicationError`` when the CRM could not be read."""
        now = self.clock.from_real(activity.info().started_time)
        try:
            found = await self.told(now)
            if await self.news.unseen_long():
                found += await self.look(now)
        except VendorFault as fault:
            raise later(fault) from None
        return found

    async def told(self, now: datetime) -> int:
        """Read what webhooks told of."""
        return await self._contacts(now) + await self._opportunities(now) + await self._tasks(now)

    async def look(self, now: datetime) -> int:
        """Read everything that changed since the last time. Raises a ``VendorFault``; what was read stays read."""
        await self.owners()
        wanted, found = await self.wanted(), 0
        for _ in range(_MOST_PAGES):
            page = await self.connection.reading.changed(
                await self.news.cursor("contact"), wanted.fields, wanted.names, _PAGE
            )
            found += await self.news.take_contacts(page.contacts, now)
            await self.news.read_upto("contact", page.cursor, ended=not page.more)
            if not page.more:
                break
        for _ in range(_MOST_PAGES):
            deals = await self.connection.reading.opportunities(await self.news.cursor("opportunity"), _PAGE)
            found += await self.news.take_opportunities(deals.opportunities, now)
            await self.news.read_upto("opportunity", deals.cursor, ended=not deals.more)
            if not deals.more:
                break
        return found

    async def owners(self) -> None:
        """Learn who the sellers are. A CRM that may not be asked leaves owners to be known by their ids."""
        try:
            await self.news.sellers(await self.connection.reading.owners())
        except OurFault as fault:
            if fault.status != _MAY_NOT:
                raise
            _log.warning("owners may not be read: they are known by their ids", extra={"vendor": fault.vendor})

    async def wanted(self) -> Wanted:
        """Lead status, and what sales may correct: of all playbooks in force."""
        fields = {"lead_status": None}
        for mapping, lead_fields in await self._mappings():
            out = mapping.left_out(self.connection.name)
            own = [*mapping.corrections, *(name for name in CORRECTIONS if name in lead_fields)]
            fields |= dict.fromkeys(name for name in own if name not in out)
        names = await self.names()
        return Wanted(tuple(fields), {name: value for name, value in names.items() if name in fields})

    async def names(self) -> dict[str, str]:
        """What our fields are called in this CRM; where two playbooks differ, the default's word holds."""
        names: dict[str, str] = {}
        for mapping, _ in await self._mappings():
            names = mapping.names(self.connection.name) | names
        return names

    async def left_out(self) -> frozenset[str]:
        """Fields that no playbook tells this CRM."""
        out = [mapping.left_out(self.connection.name) for mapping, _ in await self._mappings()]
        return frozenset.intersection(*out) if out else frozenset()

    async def _mappings(self) -> list[tuple[CrmMapping, Collection[str]]]:
        """Of all playbooks in force, the default first, with their lead fields."""
        compiled = [await self.playbooks.compiled(content_hash) for content_hash in await self.news.playbooks()]
        return [(one.document.crm, one.document.lead_fields) for one in compiled]

    async def _contacts(self, now: datetime) -> int:
        waiting = await self.news.waiting("contact", _TOLD)
        if not waiting:
            return 0
        wanted = await self.wanted()
        read = await self.connection.reading.read(list(waiting), wanted.fields, wanted.names)
        found = await self.news.take_contacts(read, now)
        await self.news.done("contact", waiting)
        return found

    async def _opportunities(self, now: datetime) -> int:
        waiting = await self.news.waiting("opportunity", _TOLD)
        if not waiting:
            return 0
        found = await self.news.take_opportunities(await self.connection.reading.read_opportunities(list(waiting)), now)
        await self.news.done("opportunity", waiting)
        return found

    async def _tasks(self, now: datetime) -> int:
        waiting = await self.news.waiting("task", _TOLD)
        if not waiting:
            return 0
        answers = await self.connection.crm.feedback(await self.news.handoffs(list(waiting)))
        for answer in answers:
            await self.inbox.sales_answer(answer, now)
        await self.news.done("task", waiting)
        return len(answers)
