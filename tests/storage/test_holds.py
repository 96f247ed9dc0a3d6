"""Holds: placed, listed and lifted."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import NotFound, Refused
from storage import holds, playbooks
from storage.database import Database
from tests.fixtures.playbooks import minimal_playbook

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)


async def test_a_hold_is_in_force_until_it_is_lifted(database: Database):
    placed = await holds.place(database, "channel:email", "ops", "the sender's name is wrong", NOW)
    with pytest.raises(Refused, match="held already"):
        await holds.place(database, "channel:email", "ops", "", NOW)
    assert await holds.listed(database) == [placed]

    lifted = await holds.lift(database, "channel:email", "ops", NOW + timedelta(days=1))

    assert (lifted.id, lifted.since, lifted.lifted_at) == (placed.id, NOW, NOW + timedelta(days=1))
    assert await holds.listed(database) == []
    assert await holds.listed(database, lifted=True) == [lifted]
    with pytest.raises(NotFound, match="no hold on channel:email"):
        await holds.lift(database, "channel:email", "ops", NOW)


async def test_only_what_there_is_can_be_held(database: Database):
    await playbooks.store(database, minimal_playbook(), NOW)
    for scope in ("everything", f"playbook:{minimal_playbook().name}", "channel:sdr_task"):
        assert (await holds.place(database, scope, "ops", "", NOW)).scope == scope
    for scope in ("", "playbook:", "playbook", "channel:fax", "lead:ld_a", "playbook:unheard-of"):
        with pytest.raises(Refused):
            await holds.place(database, scope, "ops", "", NOW)
