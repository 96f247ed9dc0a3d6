"""What the CRM has told: records that changed there, waiting to be read again."""

from datetime import datetime

from storage.database import Connection

_CHANGED = """
insert into crm_news (vendor, record, crm_id, told_real_at) values ($1, $2, $3, $4)
on conflict (vendor, record, crm_id) do update set version = crm_news.version + 1
"""
#: What vendors call an opportunity.
_SAME = {"deal": "opportunity"}


async def changed(connection: Connection, vendor: str, record: str, crm_id: str, at: datetime) -> None:
    """A record has changed in the CRM and is to be read again: ``contact``, ``company``, ``deal`` or ``task``.

    ``at`` is when it was told, on the wall clock. In the caller's transaction; the same record is kept once. Nothing of
    a company is read.
    """
    if record != "company":
        await connection.execute(_CHANGED, vendor, _SAME.get(record, record), crm_id, at)
