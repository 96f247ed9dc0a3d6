"""Segment's library for Node, unmodified but for the host: nothing is lost and nothing doubled."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from storage.database import Database
from tests.clients.front import Fault, Front
from tests.clients.node import modules

SEND = Path(__file__).parent / "send.cjs"


@pytest.fixture(scope="module")
def library() -> Path:
    return modules()


async def send(library: Path, address: str, key: str, kind: str) -> list[str]:
    """What failed, in the library's own words."""
    process = await asyncio.create_subprocess_exec(
        "node", SEND, address, key, kind, env={**os.environ, "MODULES": str(library)}, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    failed: list[str] = json.loads(out)
    return failed


async def stored(database: Database) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await database.pool.fetch("select kind, name from behaviour order by id")]


async def test_every_call_arrives_as_what_it_is(library: Path, address: str, write_key: str, database: Database):
    assert await send(library, address, write_key, "calls") == []

    assert await stored(database) == [
        ("page", "/pricing"),
        ("identify", "identify"),
        ("track", "Demo Watched"),
        ("page", "/screen/Pricing"),
        ("group", "group"),
        ("alias", "alias"),
    ]
    assert await database.pool.fetchval("select count(distinct lead_id) from behaviour") == 1
    assert await database.pool.fetchval("select a.name from account a join lead l on l.account_id = a.id") == "Orchard"


@pytest.mark.parametrize("faults", [(Fault.AWAY,), (Fault.BUSY,), (Fault.LOST, Fault.AWAY)])
async def test_whatever_fails_on_the_way_each_event_counts_once(
    library: Path, address: str, write_key: str, front: Front, database: Database, faults: tuple[Fault, ...]
):
    front.fail(*faults)

    assert await send(library, address, write_key, "many") == []

    assert sorted(name for _, name in await stored(database)) == sorted(f"E{number}" for number in range(150))
    assert {status for _, status in front.seen} > {200}
