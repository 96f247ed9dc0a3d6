"""Behaviour in: how fast it is on disk, beside PostgreSQL alone and beside an endpoint that stores nothing.

Real processes on fresh data: PostgreSQL, the API (``tendril api``) and the client, all on this machine. Each figure and
its floor are measured in turn, some rounds of each; the best of each counts, as what disturbs only slows down.
"""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from uuid import uuid4

from bench.load import request, send_all
from bench.report import Figure, Progress
from bench.stack import Stack, stack
from storage import keys

_BATCH = 100
_SINGLES, _BATCHES = 5_000, 200
_CONNECTIONS, _BATCH_CONNECTIONS, _FLOOR_CONNECTIONS = 128, 32, 4
_ROUNDS = 3
_LEADS = (1_000, 10_000, 100_000)
#: What the floors insert into: the inbox's own table, with its indexes and its reference, under another name.
_FLOOR_TABLE = (
    "create table floor (like behaviour including all)",
    "alter table floor add foreign key (lead_id) references lead",
)
_FLOOR = """
insert into floor (
    message_id, lead_id, position, user_id, anonymous_id, kind, name, properties, trusted, occurred_at, received_at
)
select message_id, lead_id, position, user_id, null, 'track', name, properties::jsonb, true, $7, $7
from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[])
    as e (message_id, lead_id, position, user_id, name, properties)
"""
_LEAD_COPIES = """
insert into lead (id, external_id, email, fields, created_at, updated_at)
select 'ld_bench' || n, 'b' || n, 'lead' || n || '@company' || n || '.example', '{"role": "cto"}', now(), now()
from generate_series($1::int, $2::int - 1) as n
"""


@dataclass
class Rates:
    """Events a second, the best of each round."""

    leads: int
    single: list[float] = field(default_factory=list)
    parsing: list[float] = field(default_factory=list)
    batch: list[float] = field(default_factory=list)
    one_writer: list[float] = field(default_factory=list)
    writers: list[float] = field(default_factory=list)


async def intake(progress: Progress) -> list[Figure]:
    """Events a second with 1,000 leads, one by one and by the hundred, and how that changes with ten times as many."""
    found = []
    async with stack(tracking_rate=0) as on, AsyncExitStack() as servers:
        key = await keys.create(on.database, "bench", ["write"])
        for statement in _FLOOR_TABLE:
            await on.database.pool.execute(statement)
        api = await servers.enter_async_context(on.serving("cli", "api", "--port"))
        parsing = await servers.enter_async_context(on.serving("bench.parsing"))
        known = 0
        for leads in _LEADS:
            await on.database.pool.execute(_LEAD_COPIES, known, leads)
            await on.database.pool.execute("vacuum analyze")
            known, rates = leads, Rates(leads)
            for turn in range(_ROUNDS):
                progress(f"events in with {leads:,} leads, round {turn + 1} of {_ROUNDS}")
                await _round(on, rates, key, api, parsing)
            found.append(rates)
    return [*_figures(found[0]), *(figure for later in found[1:] for figure in _growth(found[0], later))]


def _figures(rates: Rates) -> list[Figure]:
    single, parsing, batch = max(rates.single), max(rates.parsing), max(rates.batch)
    alone = max(*rates.one_writer, *rates.writers)
    return [
        Figure("events accepted one by one, durable before the answer", single, "/s"),
        Figure("an endpoint that parses one and stores nothing", parsing, "/s"),
        Figure("ratio of single events", single / parsing, "", target=">= 0.7"),
        Figure("events accepted by the hundred, durable before the answer", batch, "/s"),
        Figure("PostgreSQL alone: the same rows, one connection", max(rates.one_writer), "/s"),
        Figure(f"PostgreSQL alone: {_FLOOR_CONNECTIONS} connections", max(rates.writers), "/s"),
        Figure("ratio of batched events to the better of these", batch / alone, "", target=">= 0.5"),
    ]


def _growth(few: Rates, many: Rates) -> Iterator[Figure]:
    named = f"with {many.leads:,} leads, of the rate with {few.leads:,}"
    yield Figure(f"single events {named}", max(many.single) / max(few.single), "")
    yield Figure(f"batched events {named}", max(many.batch) / max(few.batch), "")
    alone = max(*many.one_writer, *many.writers)
    yield Figure(f"ratio of batched events with {many.leads:,} leads", max(many.batch) / alone, "")


async def _round(on: Stack, rates: Rates, key: str, api: int, parsing: int) -> None:
    def singles() -> list[bytes]:
        return [request("/v1/track", _json(_event(rates.leads)), key) for _ in range(_SINGLES)]

    rates.parsing.append((await send_all(parsing, singles(), _CONNECTIONS)).rate)
    rates.single.append((await send_all(api, singles(), _CONNECTIONS)).rate)
    rates.one_writer.append(await _alone(on, rates.leads, 1))
    rates.batch.append(_BATCH * (await send_all(api, _batches(rates.leads, key), _BATCH_CONNECTIONS)).rate)
    rates.writers.append(await _alone(on, rates.leads, _FLOOR_CONNECTIONS))


def _batches(leads: int, key: str) -> list[bytes]:
    sent_at = datetime.now(UTC).isoformat()
    bodies = ({"batch": [_event(leads) for _ in range(_BATCH)], "sentAt": sent_at} for _ in range(_BATCHES))
    return [request("/v1/batch", _json(body), key) for body in bodies]


def _event(leads: int) -> dict[str, Any]:
    """What a server-side library of Segment's sends, of any of the leads."""
    now = datetime.now(UTC).isoformat()
    return {
        "type": "track",
        "messageId": f"node-{uuid4()}",
        "userId": f"b{random.randrange(leads)}",
        "event": "Demo Video Watched",
        "timestamp": now,
        "sentAt": now,
        "properties": {"percent": 90, "title": "How it works", "url": "https://www.example.com/demo"},
        "context": {"library": {"name": "analytics-node", "version": "2.2.0"}},
        "integrations": {},
    }


async def _alone(on: Stack, leads: int, connections: int) -> float:
    """Rows a second that PostgreSQL takes by multi-row insert, a commit for each hundred."""
    position = await on.database.pool.fetchval("select coalesce(max(position), 0) from floor")
    now = datetime.now(UTC)
    left = iter([(*_columns(leads, position + turn * _BATCH), now) for turn in range(_BATCHES)])

    async def write() -> None:
        async with on.database.pool.acquire() as connection:
            for columns in left:
                await connection.execute(_FLOOR, *columns)

    began = perf_counter()
    await asyncio.gather(*(write() for _ in range(connections)))
    return _BATCHES * _BATCH / (perf_counter() - began)


def _columns(leads: int, position: int) -> tuple[list[Any], ...]:
    events = [_event(leads) for _ in range(_BATCH)]

    def column(of: Callable[[dict[str, Any]], Any]) -> list[Any]:
        return [of(event) for event in events]

    return (
        column(lambda event: event["messageId"]),
        column(lambda event: f"ld_bench{event['userId'][1:]}"),
        list(range(position + 1, position + _BATCH + 1)),
        column(lambda event: event["userId"]),
        column(lambda event: event["event"]),
        column(lambda event: json.dumps(event["properties"])),
    )


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
