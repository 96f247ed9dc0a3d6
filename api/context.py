"""What a request needs of the process: settings, database, Temporal, clock and verified keys."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from temporalio.client import Client

from api.keyring import Keyring
from api.rates import KeyRates
from api.services.accepting import Accepting
from domain.clock import ScaledClock
from runtime.settings import Settings
from storage.database import Database
from storage.playbooks import PgPlaybooks


@dataclass(frozen=True, slots=True)
class ApiContext:
    """One per process, in ``app.state.context``. ``temporal`` is None where only the database is at hand."""

    settings: Settings
    database: Database
    temporal: Client | None
    clock: ScaledClock
    keys: Keyring
    rates: KeyRates
    accepting: Accepting
    playbooks: PgPlaybooks

    def now(self) -> datetime:
        """The present on the deployment's clock."""
        return self.clock.from_real(datetime.now(UTC))


def _context(request: Request) -> ApiContext:
    context: ApiContext = request.app.state.context
    return context


Context = Annotated[ApiContext, Depends(_context)]
