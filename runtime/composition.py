"""Where the ports meet their adapters: the only place that knows the concrete ones (DESIGN, Layout)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from domain.audiences import Audiences, DesiredAudiences
from domain.crm_ports import CrmConnection, DesiredLists
from domain.ports import Clock, Inbox, Journeys, Ledger, Playbooks, TouchChannel
from domain.suppressions import Suppressing
from domain.words import Channel
from runtime.settings import Settings
from runtime.vendors import Vendors, open_vendors
from storage import deployment
from storage.audiences import PgAudiences
from storage.database import Database
from storage.inbox import PgInbox
from storage.journeys import PgJourneys
from storage.ledger import PgLedger
from storage.lists import PgLists
from storage.playbooks import PgPlaybooks
from storage.schema import require_fitting


@dataclass(frozen=True, slots=True)
class Composition:
    """One process's parts, ready for use. Built by ``composed``; made by hand in tests."""

    settings: Settings
    database: Database
    clock: Clock
    playbooks: Playbooks
    journeys: Journeys
    ledger: Ledger
    inbox: Inbox
    lists: DesiredLists
    audiences: DesiredAudiences
    vendors: Vendors

    @property
    def channels(self) -> Mapping[Channel, TouchChannel]:
        return self.vendors.channels

    @property
    def crm(self) -> CrmConnection:
        return self.vendors.crm

    @property
    def suppressing(self) -> Suppressing | None:
        """The mail vendor, where it keeps a list of people it won't write to."""
        carrier = self.vendors.carrier
        return carrier if isinstance(carrier, Suppressing) else None

    @property
    def networks(self) -> Mapping[str, Audiences]:
        return self.vendors.audiences


@asynccontextmanager
async def opened_database(settings: Settings) -> AsyncIterator[Database]:
    """A connected pool, closed at the end. Raises ``OSError`` or asyncpg's errors when there is no database, and
    ``Refused`` when its schema and this build don't fit each other.
    """
    database = await Database.connect(settings.database_url, max_size=settings.database_pool)
    try:
        await require_fitting(database.pool)
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def composed(settings: Settings) -> AsyncIterator[Composition]:
    """Everything a worker needs, opened in order and closed in reverse."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened_database(settings))
        playbooks = PgPlaybooks(database)
        clock = await deployment.clock(database)
        vendors = await stack.enter_async_context(open_vendors(settings, playbooks))
        yield Composition(
            settings=settings,
            database=database,
            clock=clock,
            playbooks=playbooks,
            journeys=PgJourneys(database),
            ledger=PgLedger(database, playbooks),
            inbox=PgInbox(database),
            lists=PgLists(database),
            audiences=PgAudiences(database, settings.ads_networks),
            vendors=vendors,
        )
