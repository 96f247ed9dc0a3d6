"""Segment's and RudderStack's Python libraries, unmodified but for the host: nothing is lost and nothing doubled."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
import rudderstack.analytics.client as rudder
import segment.analytics.client as segment

from storage.database import Database
from tests.clients.front import Fault, Front

Opened = Callable[..., Any]
CLIENTS = {"segment": segment.Client, "segment, compressed": segment.Client, "rudderstack": rudder.Client}


@pytest_asyncio.fixture(params=CLIENTS)
async def opened(request: pytest.FixtureRequest, address: str, write_key: str) -> AsyncIterator[Opened]:
    """Opens the library's client; ``failed`` of it are the errors it reported. Closed at the end."""
    clients: list[Any] = []

    def open_(key: str = write_key) -> Any:
        failed: list[Any] = []
        client: Any = CLIENTS[request.param](
            key,
            host=address,
            gzip=request.param != "segment",
            upload_interval=0.05,
            on_error=lambda error, _batch: failed.append(error),
        )
        client.failed = failed
        clients.append(client)
        return client

    yield open_
    for client in clients:
        await asyncio.to_thread(client.join)


async def sent(client: Any) -> None:
    """The library says that it has sent everything."""
    await asyncio.to_thread(client.flush)


async def stored(database: Database) -> list[tuple[Any, ...]]:
    rows = await database.pool.fetch("select lead_id, kind, name from behaviour order by id")
    return [tuple(row) for row in rows]


async def test_every_call_arrives_as_what_it_is(opened: Opened, database: Database):
    client = opened()
    client.page(anonymous_id="visitor-1", name="Pricing", properties={"path": "/pricing"})
    client.identify("crm-1", {"email": "robin@orchard.example", "role": "Head"}, anonymous_id="visitor-1")
    client.track("crm-1", "Demo Watched", {"percent": 90})
    client.screen("crm-1", name="Pricing")
    client.group("crm-1", "acc-77", {"name": "Orchard"})
    client.alias("visitor-0", "crm-1")
    await sent(client)

    lead = await database.pool.fetchrow("select id, external_id, email, fields from lead")
    assert tuple(lead)[1:] == ("crm-1", "robin@orchard.example", {"role": "Head"})
    assert await stored(database) == [
        (lead["id"], "page", "/pricing"),
        (lead["id"], "identify", "identify"),
        (lead["id"], "track", "Demo Watched"),
        (lead["id"], "page", "/screen/Pricing"),
        (lead["id"], "group", "group"),
        (lead["id"], "alias", "alias"),
    ]
    assert client.failed == []


@pytest.mark.parametrize("faults", [(Fault.AWAY,), (Fault.BUSY,), (Fault.LOST,), (Fault.LOST, Fault.AWAY)])
async def test_whatever_fails_on_the_way_each_event_counts_once(
    opened: Opened, front: Front, database: Database, faults: tuple[Fault, ...]
):
    front.fail(*faults)
    client = opened()
    for number in range(150):
        client.track("crm-1", f"E{number}")
    await sent(client)

    names = [name for _, _, name in await stored(database)]
    assert sorted(names) == sorted(f"E{number}" for number in range(150))
    assert [status for _, status in front.seen].count(200) >= 2
    assert client.failed == []


async def test_times_are_the_senders(opened: Opened, database: Database):
    at = datetime.now(UTC) - timedelta(days=2)
    client = opened()
    client.track("crm-1", "Demo Watched", timestamp=at)
    await sent(client)

    (occurred,) = [row[0] for row in await database.pool.fetch("select occurred_at from behaviour")]
    assert abs(occurred - at) < timedelta(seconds=5)


async def test_a_wrong_key_is_told_and_not_tried_again(opened: Opened, front: Front, database: Database):
    client = opened("wrong")
    client.track("crm-1", "Demo Watched")
    await sent(client)

    assert front.seen == [("/v1/batch", 401)]
    assert "key" in str(client.failed[0])
    assert await stored(database) == []


async def test_above_the_keys_rate_they_wait_and_lose_nothing(
    opened: Opened, app: Any, front: Front, database: Database
):
    app.state.context.rates.__init__(12, 5)
    client = opened()
    for number in range(130):
        client.track("crm-1", f"E{number}")
    await sent(client)
    client.track("crm-1", "one more")
    await sent(client)

    assert len(await stored(database)) == 131
    assert ("/v1/batch", 429) in front.seen
    assert client.failed == []
