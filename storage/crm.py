"""What the CRM has told: records waiting to be read again, how far it has been read, and what follows from it.

A contact is the lead's whose CRM id it has; else, where the lead has none yet, the lead's whose id or address it has.
People who were erased, and merged leads, are nobody's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.crm import merged
from domain.crm_ports import CrmContact, CrmOpportunity, CrmOwner
from storage import crm_sql as sql
from storage import inbox
from storage.addresses import normalised
from storage.database import Connection, Database
from storage.enrolment import wake_running
from storage.inbox import NewBehaviour

#: What vendors call an opportunity.
_SAME = {"deal": "opportunity"}


async def changed(connection: Connection, vendor: str, record: str, crm_id: str, at: datetime) -> None:
    """A record has changed in the CRM and is to be read again: ``contact``, ``company``, ``deal`` or ``task``.

    ``at`` is when it was told, on the wall clock. In the caller's transaction; the same record is kept once. Nothing of
    a company is read.
    """
    if record != "company":
        await connection.execute(sql.CHANGED, vendor, _SAME.get(record, record), crm_id, at)


@dataclass(frozen=True, slots=True)
class Held:
    """A lead as we have it: ``wanted`` is what sales is to see of it, ``seen`` what the CRM had when it was read."""

    lead: str
    fields: Mapping[str, Any]
    wanted: Mapping[str, Any]
    seen: Mapping[str, Any]


class PgCrmNews:
    """``domain.crm_ports.CrmNews``, of one vendor. ``every`` is how often the CRM is looked at unasked."""

    def __init__(self, db: Database, vendor: str, every: timedelta) -> None:
        self._db = db
        self._vendor = vendor
        self._every = every

    async def due(self) -> bool:
        waits: bool = await self._db.pool.fetchval(sql.WAITS, self._vendor)
        return waits or await self.unseen_long()

    async def unseen_long(self) -> bool:
        long_ago: bool = await self._db.pool.fetchval(sql.UNSEEN_LONG, self._vendor, self._every)
        return long_ago

    async def waiting(self, record: str, limit: int) -> dict[str, int]:
        rows = await self._db.pool.fetch(sql.WAITING, self._vendor, record, limit)
        return {row["crm_id"]: row["version"] for row in rows}

    async def done(self, record: str, read: Mapping[str, int]) -> None:
        await self._db.pool.execute(sql.DONE, self._vendor, record, list(read), list(read.values()))

    async def cursor(self, stream: str) -> str:
        found = await self._db.pool.fetchval(
            "select cursor from crm_cursor where vendor = $1 and stream = $2", self._vendor, stream
        )
        return found or ""

    async def read_upto(self, stream: str, cursor: str, *, ended: bool) -> None:
        await self._db.pool.execute(sql.READ_UPTO, self._vendor, stream, cursor, ended)

    async def sellers(self, owners: Sequence[CrmOwner]) -> None:
        ids, emails, names = [o.id for o in owners], [o.email for o in owners], [o.name for o in owners]
        await self._db.pool.execute(sql.SELLERS, self._vendor, ids, emails, names)

    async def handoffs(self, tasks: Sequence[str]) -> dict[str, str]:
        rows = await self._db.pool.fetch(sql.HANDOFFS, list(tasks))
        return {row["id"]: row["vendor_id"] for row in rows}

    async def playbooks(self) -> list[str]:
        return [row["hash"] for row in await self._db.pool.fetch(sql.PLAYBOOKS)]

    async def known(self, after: str, limit: int) -> list[str]:
        rows = await self._db.pool.fetch(sql.KNOWN, after, limit)
        return [row["crm_id"] for row in rows]

    async def held(self, ids: Sequence[str]) -> dict[str, Held]:
        """What we have of the leads of these contacts, by the contact's id."""
        rows = await self._db.pool.fetch(sql.HELD, list(ids))
        return {row["crm_id"]: Held(row["id"], row["fields"], row["desired"], row["seen"]) for row in rows}

    async def push_all(self) -> int:
        """Let everything be pushed again; how many records that are."""
        done: str = await self._db.pool.execute(sql.PUSH_ALL)
        return int(done.rpartition(" ")[2])

    async def take_contacts(self, contacts: Sequence[CrmContact], now: datetime) -> int:
        async with self._db.pool.acquire() as connection, connection.transaction():
            await connection.execute(sql.FORGET, [contact.crm_id for contact in contacts if contact.deleted])
            there = {contact.crm_id: contact for contact in contacts if not contact.deleted}
            rows = await _whose(connection, list(there.values()))
            sellers = {row["id"]: row for row in await connection.fetch(sql.OWNERS, self._vendor)}
            news = [_compared(row, there[row["contact"]], sellers) for row in rows]
            await _write(connection, news, now)
            return sum(1 for one in news if one.take or one.event or one.owner is not None)

    async def take_opportunities(self, found: Sequence[CrmOpportunity], now: datetime) -> int:
        told = [one for one in found if one.outcome]
        async with self._db.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                sql.OPPORTUNITIES,
                self._vendor,
                [one.id for one in told for _ in one.contacts],
                [contact for one in told for contact in one.contacts],
                [one.outcome for one in told for _ in one.contacts],
                [one.changed_at or now for one in told for _ in one.contacts],
                now,
            )
            await _consequences(connection, self._vendor, rows, now)
            return len(rows)


@dataclass(frozen=True, slots=True)
class _News:
    """What one contact's reading changes of a lead."""

    lead: str
    crm_id: str
    take: Mapping[str, Any]
    seen: Mapping[str, Any]
    owner: str | None
    event: NewBehaviour | None


async def _whose(connection: Connection, contacts: Sequence[CrmContact]) -> list[Any]:
    rows: list[Any] = await connection.fetch(
        sql.WHOSE,
        [contact.crm_id for contact in contacts],
        [contact.lead for contact in contacts],
        [normalised(contact.email) if contact.email else "" for contact in contacts],
    )
    return rows


def _compared(row: Any, contact: CrmContact, sellers: Mapping[str, Any]) -> _News:
    found = merged(row["fields"], contact.fields, row["seen"], row["wanted"] or "")
    seen, owner = dict(found.seen), None
    if contact.owner and contact.owner != row["seen"].get("owner_id"):
        seller = sellers.get(contact.owner)
        owner = (seller["email"] or seller["name"] or contact.owner) if seller else contact.owner
        seen["owner_id"] = contact.owner
    event = _status_set(row, contact, found.status) if found.status else None
    return _News(row["id"], contact.crm_id, found.take, seen, owner if owner != row["owner"] else None, event)


def _status_set(row: Any, contact: CrmContact, status: str) -> NewBehaviour:
    at = contact.changed_at.isoformat() if contact.changed_at else ""
    return NewBehaviour(
        message_id=f"crm:{contact.crm_id}:status:{status}:{at}",
        kind="crm",
        name="sales_set_status",
        properties={"status": status},
        occurred_at=row["now"],
        lead_id=row["id"],
    )


async def _write(connection: Connection, news: Sequence[_News], now: datetime) -> None:
    await connection.execute(
        sql.TAKE,
        [one.lead for one in news],
        [one.crm_id for one in news],
        [dict(one.take) for one in news],
        [one.owner for one in news],
        [dict(one.seen) for one in news],
        now,
    )
    events = [one.event._replace(occurred_at=now) for one in news if one.event]
    if events:
        await inbox.accept_on(connection, events, now)
    await wake_running(connection, [one.lead for one in news if one.take or one.owner is not None], "crm")


async def _consequences(connection: Connection, vendor: str, rows: Sequence[Any], now: datetime) -> None:
    """What an opportunity means for the lead, for its account, and for the others there (C26)."""
    accounts = [row["account_id"] for row in rows if row["account_id"]]
    await connection.execute(sql.ACCOUNTS, list(dict.fromkeys(accounts)), now)
    events = [_outcome(vendor, row, row["lead_id"], now) for row in rows if row["news"]]
    opened = [row for row in rows if row["news"] and row["outcome"] == "opportunity_opened" and row["account_id"]]
    siblings = await connection.fetch(sql.SIBLINGS, [row["account_id"] for row in opened])
    for row in opened:
        others = [one["id"] for one in siblings if one["account_id"] == row["account_id"]]
        events += [_outcome(vendor, row, other, now) for other in others if other != row["lead_id"]]
    once = {event.message_id: event for event in events}
    if once:
        await inbox.accept_on(connection, sorted(once.values(), key=lambda event: event.lead_id or ""), now)


def _outcome(vendor: str, row: Any, lead: str, now: datetime) -> NewBehaviour:
    own = lead == row["lead_id"]
    return NewBehaviour(
        message_id=f"opportunity:{vendor}:{row['id']}:{lead}:{row['outcome']}",
        kind="crm",
        name=f"sales_{row['outcome']}",
        properties={"opportunity": row["id"]} | ({} if own else {"colleague": True}),
        occurred_at=now,
        lead_id=lead,
    )
