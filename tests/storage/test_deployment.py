"""What a deployment shares: its keys, its playbooks, its clock."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.clock import ScaledClock
from domain.errors import NotFound, Refused
from storage import deployment, keys, playbooks
from storage.database import Database
from tests.storage.samples import NOW, playbook


async def test_a_key_opens_until_it_is_revoked(database: Database):
    key = await keys.create(database, "website", ["write", "read"])
    assert key.startswith("tdl_")
    info = await keys.verify(database, key)
    assert info is not None
    assert (info.name, sorted(info.scopes)) == ("website", ["read", "write"])
    await keys.revoke(database, info.id)
    assert await keys.verify(database, key) is None
    assert [known.name for known in await keys.list_keys(database)] == ["website"]


async def test_an_expired_or_unknown_key_opens_nothing(database: Database):
    key = await keys.create(database, "old", ["read"], datetime.now(UTC) - timedelta(seconds=1))
    assert await keys.verify(database, key) is None
    assert await keys.verify(database, "tdl_guess") is None


async def test_a_key_is_never_stored(database: Database):
    key = await keys.create(database, "website", ["read"])
    row = await database.pool.fetchrow("select * from api_key")
    assert not any(key in str(value) for value in row.values())


async def test_wrong_scopes_and_ids_are_said_to_be(database: Database):
    with pytest.raises(Refused, match="admin"):
        await keys.create(database, "x", ["admin"])
    with pytest.raises(NotFound, match="key_x"):
        await keys.revoke(database, "key_x")


async def test_a_stored_playbook_comes_back_as_it_was(database: Database):
    document = playbook(
        behaviours={
            "zebra": {"on": "page", "path": "/z", "label": "z"},
            "ant": {"on": "page", "path": "*", "label": "a"},
        }
    )
    content_hash = await playbooks.store(database, document, NOW)
    assert await playbooks.store(database, document, NOW) == content_hash
    compiled = await playbooks.PgPlaybooks(database).compiled(content_hash)
    assert (compiled.document, compiled.hash, list(compiled.document.behaviours)) == (
        document,
        content_hash,
        ["zebra", "ant"],
    )


async def test_a_name_points_to_what_was_applied_last_and_one_playbook_is_the_default(database: Database):
    first = await playbooks.store(database, playbook("one"), NOW)
    second = await playbooks.store(database, playbook("two"), NOW)
    assert await playbooks.active(database) == ("one", first)
    changed = await playbooks.store(database, playbook("one", title="Changed"), NOW)
    assert await playbooks.active(database, "one") == ("one", changed)
    await playbooks.store(database, playbook("two"), NOW, default=True)
    assert await playbooks.active(database) == ("two", second)
    assert [row["is_default"] for row in await playbooks.in_force(database)] == [False, True]


async def test_unknown_playbooks_are_said_to_be(database: Database):
    with pytest.raises(NotFound, match="No playbook has been applied"):
        await playbooks.active(database)
    with pytest.raises(NotFound, match="nonsense"):
        await playbooks.active(database, "nonsense")
    with pytest.raises(NotFound, match="0000"):
        await playbooks.PgPlaybooks(database).compiled("0000")


async def test_the_clock_is_real_until_set_and_never_jumps(database: Database):
    assert await deployment.clock(database) == ScaledClock()
    await deployment.set_clock(database, 86400, NOW)
    later = NOW + timedelta(seconds=2)
    fast = await deployment.clock(database)
    assert (fast.from_real(NOW), fast.from_real(later)) == (NOW, NOW + timedelta(days=2))
    await deployment.set_clock(database, 1, later)
    slow = await deployment.clock(database)
    assert slow.from_real(later + timedelta(hours=1)) == NOW + timedelta(days=2, hours=1)
    assert await deployment.set_clock(database, 1, later + timedelta(days=9)) == slow


async def test_a_start_may_anchor_the_clock_where_it_stopped(database: Database):
    clock = ScaledClock(scale=86400, real_anchor=NOW, virtual_anchor=NOW + timedelta(days=40))
    await deployment.anchor_clock(database, clock)
    assert await deployment.clock(database) == clock
