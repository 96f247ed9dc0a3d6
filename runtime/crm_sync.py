"""Reading a whole CRM back, for the command line: everything taken anew, or compared and left as it is."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime

from activities.reading import Reading, Wanted
from domain.crm import FIELDS, differing
from domain.crm_ports import CrmContact
from storage.crm import PgCrmNews

_PAGE = 1000
Progress = Callable[[int], None]


@dataclass(slots=True)
class Drift:
    """How contacts and leads differ. ``fields``: field → whose word holds → how many; ``leads`` are those concerned."""

    read: int = 0
    gone: int = 0
    fields: dict[str, Counter[str]] = field(default_factory=dict)
    leads: list[str] = field(default_factory=list)


async def everything(reading: Reading, news: PgCrmNews, now: datetime, progress: Progress) -> tuple[int, int]:
    """Read every contact that we know, take what sales changed, and let all be pushed again: leads changed, to push.

    Raises a ``VendorFault``; what was read stays read.
    """
    await reading.owners()
    wanted, changed, done = await reading.wanted(), 0, 0
    async for page in _pages(reading, news, wanted):
        changed += await news.take_contacts(page, now)
        done += len(page)
        progress(done)
    changed += await reading.look(now)
    return changed, await news.push_all()


async def drift(reading: Reading, news: PgCrmNews, progress: Progress) -> Drift:
    """Compare every contact that we know with its lead. Changes nothing. Raises a ``VendorFault``."""
    out, corrections = await reading.left_out(), (await reading.wanted()).fields
    fields = dict.fromkeys(name for name in (*FIELDS, *corrections) if name not in out)
    wanted = Wanted(tuple(fields), await reading.names())
    found = Drift()
    async for page in _pages(reading, news, wanted):
        held = await news.held([contact.crm_id for contact in page])
        for contact in page:
            one = held.get(contact.crm_id)
            found.read += 1
            if contact.deleted or one is None:
                found.gone += contact.deleted
                continue
            _count(found, one.lead, differing(one.fields, one.wanted, contact.fields, one.seen))
        progress(found.read)
    return found


def _count(found: Drift, lead: str, differences: dict[str, str]) -> None:
    for name, holds in differences.items():
        found.fields.setdefault(name, Counter())[holds] += 1
    if differences:
        found.leads.append(lead)


async def _pages(reading: Reading, news: PgCrmNews, wanted: Wanted) -> AsyncIterator[list[CrmContact]]:
    after = ""
    while ids := await news.known(after, _PAGE):
        yield await reading.connection.reading.read(ids, wanted.fields, wanted.names)
        after = ids[-1]
