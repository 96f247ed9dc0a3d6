"""What arrives at once shares a transaction; nobody's flood delays another, and nothing acknowledged is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from api.services.accepting import IN_COMPANY, Accepting
from storage import keys
from storage.database import Database
from storage.inbox import Accepted
from storage.keys import KeyInfo
from tests.api.conftest import assert_problem
from tests.api.test_tracking import behaviours, lead_of
from tests.api.world import eventually
from tests.storage.samples import NOW, event


async def key_of(database: Database, name: str) -> KeyInfo:
    await keys.create(database, name, ["write"])
    return next(key for key in await keys.list_keys(database) if key.name == name)


@pytest_asyncio.fixture
async def lead(api: httpx.AsyncClient, playbook: str) -> str:
    return await lead_of(api)


@pytest_asyncio.fixture
async def flooding(database: Database) -> KeyInfo:
    return await key_of(database, "flooding")


@pytest_asyncio.fixture
async def other(database: Database) -> KeyInfo:
    return await key_of(database, "other")


@asynccontextmanager
async def held(database: Database, lead: str) -> AsyncIterator[None]:
    """Somebody else has the lead's row: what is to be stored of the lead waits."""
    async with database.pool.acquire() as holder, holder.transaction():
        await holder.execute("select from lead where id = $1 for update", lead)
        yield


def sent(accepting: Accepting, key: KeyInfo, *names: str, lead: str | None = None) -> "list[asyncio.Task[Accepted]]":
    """A request for each name."""
    return [asyncio.create_task(accepting.accept(key, [event(name, lead_id=lead)], NOW)) for name in names]


async def stored(database: Database) -> list[str]:
    return [str(row["message_id"]) for row in await behaviours(database)]


async def transactions(database: Database) -> int:
    count: int = await database.pool.fetchval("select count(distinct xmin::text) from behaviour")
    return count


async def test_what_comes_while_one_is_committed_shares_a_transaction(database: Database, lead: str, flooding: KeyInfo):
    accepting = Accepting(database, 1)
    async with held(database, lead):
        tasks = sent(accepting, flooding, *(f"m-{number}" for number in range(60)), lead=lead)
        await asyncio.sleep(0)

    taken = await asyncio.gather(*tasks)

    assert {(each.accepted, each.duplicates) for each in taken} == {(1, 0)}
    assert await transactions(database) == 2
    assert await stored(database) == [f"m-{number}" for number in range(60)]


async def test_each_request_is_told_of_its_own_events(database: Database, lead: str, flooding: KeyInfo):
    accepting = Accepting(database, 1)
    batches = [["a"], ["b", "b", "c"], ["c", "d"], ["b"], ["e", "f"]]

    taken = await asyncio.gather(
        *(accepting.accept(flooding, [event(name, lead_id=lead) for name in batch], NOW) for batch in batches)
    )

    assert [(each.accepted, each.duplicates) for each in taken] == [(1, 0), (2, 1), (1, 1), (0, 1), (2, 0)]
    assert await stored(database) == ["a", "b", "c", "d", "e", "f"]


async def test_another_keys_event_waits_for_no_more_than_one_group_of_a_flood(
    database: Database, lead: str, flooding: KeyInfo, other: KeyInfo
):
    accepting = Accepting(database, 1)
    flood = [f"flood-{number}" for number in range(3 * IN_COMPANY.events)]
    async with held(database, lead):
        tasks = sent(accepting, flooding, *flood, lead=lead)
        await asyncio.sleep(0)
        tasks += sent(accepting, other, "late", lead=lead)
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)

    order = await stored(database)
    assert len(order) == len(flood) + 1
    assert order.index("late") == 1, "after the group at work"


async def test_what_one_key_waits_for_holds_up_no_other(
    database: Database, lead: str, flooding: KeyInfo, other: KeyInfo
):
    accepting = Accepting(database, 3)
    async with held(database, lead):
        stuck = sent(accepting, flooding, *(f"m-{number}" for number in range(50)), lead=lead)
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            (free,) = await asyncio.gather(*sent(accepting, other, "free"))
        assert free.accepted == 1
        assert not any(task.done() for task in stuck)
    assert sum(each.accepted for each in await asyncio.gather(*stuck)) == 50


async def test_events_of_one_connection_keep_their_order(database: Database, lead: str, flooding: KeyInfo):
    accepting = Accepting(database, 4)

    async def connection(number: int) -> None:
        for turn in range(10):
            await accepting.accept(flooding, [event(f"{number}-{turn}", lead_id=lead)], NOW)

    await asyncio.gather(*map(connection, range(8)))

    order = await stored(database)
    assert all([name for name in order if name[0] == str(n)] == [f"{n}-{turn}" for turn in range(10)] for n in range(8))
    assert {row["position"] for row in await behaviours(database)} == set(range(1, 81))


async def test_what_the_database_refuses_of_one_request_harms_no_other(
    database: Database, lead: str, flooding: KeyInfo
):
    """A rule of the database's own stands for whatever nobody has thought of."""
    await database.pool.execute("alter table behaviour add constraint no_poison check (name <> 'poison')")
    accepting = Accepting(database, 1)
    names = ["/pricing"] * 5 + ["poison"] + ["/pricing"] * 5
    events = [event(f"m-{number}", lead_id=lead, name=name) for number, name in enumerate(names)]

    told = await asyncio.gather(*(accepting.accept(flooding, [each], NOW) for each in events), return_exceptions=True)

    assert isinstance(told[5], asyncpg.CheckViolationError)
    assert [each.accepted for each in told if isinstance(each, Accepted)] == [1] * 10
    assert "m-5" not in await stored(database)
    assert [row["position"] for row in await behaviours(database)] == list(range(1, 11))


async def test_a_sender_that_leaves_takes_nobody_with_it(database: Database, lead: str, flooding: KeyInfo):
    accepting = Accepting(database, 1)
    async with held(database, lead):
        tasks = sent(accepting, flooding, "first", "left", "stays", lead=lead)
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)

    told = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(told[1], asyncio.CancelledError)
    assert await stored(database) == ["first", "left", "stays"]


@pytest.mark.parametrize(
    ("bounds", "status", "kind"),
    [({"most_of_key": 30}, 429, "too-many-events"), ({"most": 30}, 503, "overloaded")],
    ids=["of a key", "of all"],
)
async def test_too_much_at_once_is_refused_and_what_was_acknowledged_is_there(
    api: httpx.AsyncClient,
    app: FastAPI,
    database: Database,
    lead: str,
    bounds: dict[str, int],
    status: int,
    kind: str,
):
    app.state.context.accepting.__init__(database, 1, **bounds)
    bodies = [{"userId": lead, "event": "Looked", "messageId": f"m-{number}"} for number in range(60)]
    async with held(database, lead):
        tasks = [asyncio.create_task(api.post("/v1/track", json=body)) for body in bodies]

        async def the_rest_is_refused() -> bool:
            return sum(task.done() for task in tasks) == 60 - 31

        await eventually(the_rest_is_refused)
    answers = await asyncio.gather(*tasks)

    refused = [answer for answer in answers if answer.status_code != 200]
    for answer in refused:
        assert_problem(answer, status, kind)
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["access-control-expose-headers"] == "Retry-After"
    taken = {body["messageId"] for body, answer in zip(bodies, answers, strict=True) if answer.status_code == 200}
    assert set(await stored(database)) == taken
    assert len(taken) == 31

    again = [(await api.post("/v1/track", json=body)).json() for body in bodies]
    assert sum(answer["accepted"] for answer in again) == len(refused)
    assert len(await stored(database)) == 60
