"""May we write to this person? Suppression (by address, always wins) and consent (by channel)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from storage.addresses import normalised
from storage.database import Connection, Database


async def suppress(db: Database, email: str, reason: str, source: str, now: datetime) -> None:
    """Never write to this address again. The first reason stays."""
    await db.pool.execute(
        "insert into suppression (email, reason, source, lead_id, at)"
        " values ($1, $2, $3, (select id from lead where email = $1), $4) on conflict (email) do nothing",
        normalised(email),
        reason,
        source,
        now,
    )


async def suppress_leads(connection: Connection, reasons: Mapping[str, str], source: str, now: datetime) -> None:
    """Never write to these leads again (lead id → reason). Leads without an address are passed over."""
    await connection.execute(
        "insert into suppression (email, reason, source, lead_id, at)"
        " select lead.email, why.reason, $3, lead.id, $4"
        " from unnest($1::text[], $2::text[]) as why (lead_id, reason) join lead on lead.id = why.lead_id"
        " where lead.email is not null order by lead.email on conflict (email) do nothing",
        list(reasons),
        list(reasons.values()),
        source,
        now,
    )


async def suppressed(db: Database, emails: Sequence[str]) -> dict[str, str]:
    """Which of these addresses are suppressed: normalised address → reason."""
    rows = await db.pool.fetch(
        "select email, reason from suppression where email = any($1)", [normalised(email) for email in emails]
    )
    return {row["email"]: row["reason"] for row in rows}
