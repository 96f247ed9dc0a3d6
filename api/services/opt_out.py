"""Opting out holds from the moment it is committed here, whatever else is down."""

from datetime import datetime

from adapters.email.links import UnsubscribeToken
from domain.words import CommandKind, DeliveryKind
from storage.database import Connection, Database
from storage.enrolment import wake_running
from storage.inbox import PgInbox
from storage.permission import suppress_leads


async def by_link(database: Database, owner: UnsubscribeToken, now: datetime) -> None:
    """An unsubscribe link was used: suppression, behaviour and wake in one transaction. Twice is once."""
    await PgInbox(database).deliver(owner.touch, DeliveryKind.UNSUBSCRIBED, now, "one-click")


async def by_operator(connection: Connection, lead: str, actor: str, now: datetime) -> None:
    """Suppress the lead's address now, and let its journey hear of it even if Temporal can't be told yet.

    In the caller's transaction, and last in it: claims wait for what forbids.
    """
    await wake_running(connection, [lead], CommandKind.OPT_OUT)
    await suppress_leads(connection, {lead: "opted_out"}, f"operator {actor}", now)
