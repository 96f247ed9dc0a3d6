"""A ledger, a playbook in force, and one touch that is planned."""

import pytest

from domain.state import JourneyState
from storage.database import Database
from storage.ledger import PgLedger
from storage.playbooks import PgPlaybooks
from tests.storage.planned import plan
from tests.storage.samples import NOW, applied, enrolled


@pytest.fixture
def ledger(database: Database) -> PgLedger:
    return PgLedger(database, PgPlaybooks(database))


@pytest.fixture
async def playbook(database: Database) -> str:
    return await applied(database)


@pytest.fixture
async def key(database: Database, playbook: str) -> str:
    """The key of one planned e-mail to ann@acme.example."""
    lead = await enrolled(database, fields={"role": "cto"}, owner="seller-1")
    return (await plan(database, lead, playbook, "hello"))[0]


@pytest.fixture
async def begun(database: Database) -> JourneyState:
    """The state of a journey just enrolled."""
    playbook = await applied(database)
    lead = await enrolled(database, country="DE", fields={"role": "cto", "team": None})
    return JourneyState.begin(lead, 1, playbook, NOW)
