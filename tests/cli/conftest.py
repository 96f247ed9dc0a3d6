"""A terminal on a migrated database, with and without a playbook in force."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage import playbooks
from storage.database import Database
from tests.cli.terminal import Terminal
from tests.fixtures.playbooks import minimal_playbook


@pytest.fixture
def tendril(database_url: str, tmp_path: Path) -> Terminal:
    return Terminal(database_url, tmp_path)


@pytest.fixture
async def playbook(database: Database) -> str:
    """The minimal playbook is in force and the default; its name."""
    await playbooks.store(database, minimal_playbook(), datetime.now(UTC), default=True)
    return minimal_playbook().name
