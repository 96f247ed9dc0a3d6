"""What one key sends never delays others: a rate for each, and not every connection for any."""

import asyncio

import httpx
import pytest_asyncio
from fastapi import FastAPI

from api.rates import KeyRates
from storage import keys
from storage.database import Database
from tests.api.conftest import assert_problem
from tests.api.test_tracking import behaviours, lead_of
from tests.api.world import eventually

TRACK = {"anonymousId": "visitor-1", "event": "Looked"}
RATE = 10


class Time:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest_asyncio.fixture
async def other(database: Database) -> str:
    return await keys.create(database, "other", ["write"])


@pytest_asyncio.fixture
async def clock(app: FastAPI) -> Time:
    """A key may send 10 events a second, 100 at once, on this clock."""
    clock = Time()
    app.state.context.rates.__init__(RATE, 2, clock)
    return clock


def batch(size: int) -> dict[str, object]:
    return {"batch": [TRACK | {"type": "track"}] * size}


async def test_a_key_above_its_rate_is_told_when_to_come_again(api: httpx.AsyncClient, database: Database, clock: Time):
    assert (await api.post("/v1/batch", json=batch(130))).json()["accepted"] == 130

    refused = await api.post("/v1/track", json=TRACK)

    problem = assert_problem(refused, 429, "too-many-events")
    assert "everything" in problem["detail"]
    assert refused.headers["retry-after"] == "4"
    assert len(await behaviours(database)) == 130
    clock.now += 4
    assert (await api.post("/v1/track", json=TRACK)).status_code == 200


async def test_who_rests_may_send_as_much_again_and_no_more(api: httpx.AsyncClient, clock: Time):
    await api.post("/v1/batch", json=batch(100))
    clock.now += 10_000

    answers = [(await api.post("/v1/batch", json=batch(50))).status_code for _ in range(3)]

    assert answers == [200, 200, 429]


async def test_one_keys_flood_leaves_the_others_their_rate(api: httpx.AsyncClient, other: str, clock: Time):
    await api.post("/v1/batch", json=batch(200))
    assert (await api.post("/v1/track", json=TRACK)).status_code == 429

    answer = await api.post("/v1/track", json=TRACK, headers={"Authorization": f"Bearer {other}"})

    assert answer.status_code == 200


async def test_without_a_rate_any_number_is_taken(api: httpx.AsyncClient, app: FastAPI):
    app.state.context.rates.__init__(0, 2)

    for _ in range(10):
        assert (await api.post("/v1/batch", json=batch(2500))).status_code == 200


async def test_what_one_key_holds_up_holds_up_no_other(
    api: httpx.AsyncClient, app: FastAPI, database: Database, playbook: str, other: str
):
    """Somebody holds the lead's row, and a key sends event after event for that lead."""
    lead = await lead_of(api)
    app.state.context.rates.__init__(0, database.pool.get_max_size() // 2)
    holder = await database.pool.acquire()
    async with holder.transaction():
        await holder.execute("select from lead where id = $1 for update", lead)
        flood = [asyncio.create_task(api.post("/v1/track", json=TRACK | {"userId": lead})) for _ in range(60)]
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            answer = await api.post("/v1/track", json=TRACK, headers={"Authorization": f"Bearer {other}"})
            assert answer.json()["accepted"] == 1
    await database.pool.release(holder)

    assert {answer.status_code for answer in await asyncio.gather(*flood)} == {200}
    assert len(await behaviours(database)) == 61


async def test_only_so_many_requests_of_a_key_wait_that_say_who_somebody_is(
    api: httpx.AsyncClient, app: FastAPI, database: Database, playbook: str
):
    lead = await lead_of(api)
    said = {"userId": "crm-1", "traits": {"email": "crm-1@orchard.example"}}
    app.state.context.rates.__init__(0, 1)
    holder = await database.pool.acquire()
    async with holder.transaction():
        await holder.execute("select from lead where id = $1 for update", lead)
        flood = [asyncio.create_task(api.post("/v1/identify", json=said)) for _ in range(220)]

        async def some_refused() -> bool:
            return sum(task.done() for task in flood) == 220 - 201

        await eventually(some_refused)
    await database.pool.release(holder)

    answers = [answer.status_code for answer in await asyncio.gather(*flood)]
    assert (answers.count(200), answers.count(429)) == (201, 19)
    assert len(await behaviours(database)) == 201


async def test_a_sender_that_leaves_gives_its_turn_back():
    rates = KeyRates(0, 1)
    key = keys.KeyInfo(id="key_1", name="k", scopes=frozenset({"write"}), created_at="2026-01-01T00:00:00Z")
    async with rates.turn(key, 1):
        waiting = asyncio.create_task(rates.turn(key, 1).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    async with asyncio.timeout(30), rates.turn(key, 1):
        pass


async def test_what_cannot_be_understood_counts_as_much(api: httpx.AsyncClient, database: Database, clock: Time):
    garbage = {"batch": [{"type": "dance", "userId": "u"}] * 130}
    assert (await api.post("/v1/batch", json=garbage)).json()["rejected"] == 130

    refused = await api.post("/v1/batch", json={"batch": [TRACK | {"type": "track"}, *garbage["batch"]]})

    assert_problem(refused, 429, "too-many-events")
    assert await database.pool.fetchval("select count(*) from dead_letter") == 130
    assert await behaviours(database) == []


async def test_a_bad_event_waits_for_its_keys_turn(api: httpx.AsyncClient, app: FastAPI, database: Database, key: str):
    app.state.context.rates.__init__(0, 1)
    mine = await keys.verify(database, key)
    assert mine
    async with app.state.context.rates.turn(mine, 1):
        waiting = asyncio.create_task(api.post("/v1/batch", json={"batch": [TRACK | {"type": "track"}, {}]}))
        good = await api.post("/v1/track", json=TRACK)
        assert (good.status_code, await database.pool.fetchval("select count(*) from dead_letter")) == (200, 0)

    assert ((await waiting).json()["accepted"], (await waiting).json()["rejected"]) == (1, 1)


async def test_a_key_may_have_a_rate_of_its_own(api: httpx.AsyncClient, database: Database, clock: Time):
    """A low one, a high one, and one that is the deployment's."""
    made = [
        await keys.create(database, name, ["track"], rate=rate) for name, rate in (("a", 0.05), ("b", 50), ("c", 0))
    ]
    heads = [{"Authorization": f"Bearer {each}"} for each in made]
    batches = [await api.post("/v1/batch", json=batch(120), headers=head) for head in heads]
    assert {answer.status_code for answer in batches} == {200}

    low, high, same = [await api.post("/v1/track", json=TRACK, headers=head) for head in heads]

    assert (low.status_code, high.status_code, same.status_code) == (429, 200, 429)
    assert "more than 0.05 events a second" in low.json()["detail"]
    assert "tendril keys list" in low.json()["remedy"]
    assert "TENDRIL_TRACKING_RATE" in same.json()["remedy"]
    clock.now += int(low.headers["retry-after"])
    assert (await api.post("/v1/track", json=TRACK, headers=heads[0])).status_code == 200
