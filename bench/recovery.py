"""How long a single death is felt: from kill -9 of one process to the next behaviour accepted and decided.

The scene is the chaos suite's: two API processes, three workers, PostgreSQL, Temporal and the stand-in vendors, kept
alive by a supervisor that starts again what ended, 0.3 s later. Nothing depends on the vendors but what is sent: for
them it is the time until the first mail of a lead enrolled after the death has left.

Twenty visitors act at once; each round ends when the last of them is decided on. Among them are always some whose
journeys the dead worker held in memory: Temporal keeps their tasks for that worker for ten seconds (the SDK's
``sticky_queue_schedule_to_start_timeout``), and then gives them to any.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from statistics import median
from time import perf_counter
from typing import Any

import httpx

from bench.report import Figure, Progress
from tests.chaos.scene import APIS, WORKERS, Scene, scene
from tests.chaos.story import playbook

_ROUNDS = 5
_VISITORS = 20
_AGAIN, _LOOK = 0.05, 0.02  # seconds before a request is sent again, between two looks at the database
_PATIENCE = 120.0
_BEHIND = "select count(*) from journey j join lead l on l.id = j.lead_id where j.cursor < l.inbox_position"
_UNSENT = "select count(*) from lead l where not exists (select from touch where lead_id = l.id and status = 'sent')"
_numbers = count(1)


async def recovery(progress: Progress) -> list[Figure]:
    figures = []
    progress("two APIs, three workers and their servers start")
    async with scene(playbook("300d"), 1.0) as on:
        await asyncio.gather(*(_enrol(on, f"visitor-{number}") for number in range(_VISITORS)))
        await _until_none(on, _UNSENT)
        for what, names, felt in _DEATHS:
            times = []
            for number in range(_ROUNDS):
                progress(f"kill -9 of {what}, {number + 1} of {_ROUNDS}")
                times.append(await _death(on, names[number % len(names)], felt))
            figures.append(Figure(f"kill -9 of {what}: felt for, p50", median(times), "s"))
            figures.append(Figure(f"kill -9 of {what}: felt for, max", max(times), "s"))
            if what == _ONE_OF_THREE:
                for name in WORKERS[1:]:
                    on.kept[name].kill()
    return figures


async def _death(on: Scene, name: str, felt: Callable[[Scene], Awaitable[None]]) -> float:
    """Seconds from the death of a process until it is not felt any more. It is back when this returns."""
    one = on.kept[name]
    began = perf_counter()
    one.kill()
    one.wanted = True  # the supervisor finds it dead
    async with asyncio.timeout(_PATIENCE):
        await felt(on)
    lasted = perf_counter() - began
    await on.healthy(name)
    await asyncio.sleep(1)
    return lasted


async def _decided(on: Scene) -> None:
    """Everybody looks at a page, and every journey has considered it."""
    await asyncio.gather(*(_visit(on, f"visitor-{number}") for number in range(_VISITORS)))
    await _until_none(on, _BEHIND)


async def _mailed(on: Scene) -> None:
    await _enrol(on, f"new-{next(_numbers)}")
    await _until_none(on, _UNSENT)


async def _until_none(on: Scene, query: str) -> None:
    while True:
        with suppress(Exception):  # PostgreSQL is what was killed
            if not await on.database.pool.fetchval(query):
                return
        await asyncio.sleep(_LOOK)


async def _visit(on: Scene, visitor: str) -> None:
    body = {"anonymousId": visitor, "messageId": f"{visitor}-{next(_numbers)}", "properties": {"path": "/blog/one"}}
    await _taken(on, "/v1/page", body)


async def _enrol(on: Scene, visitor: str) -> None:
    await _taken(on, "/v1/leads", {"email": f"{visitor}@acme.example", "anonymous_ids": [visitor]})


async def _taken(on: Scene, path: str, body: dict[str, Any]) -> None:
    """Sent to one API process after the other until it is acknowledged."""
    for turn in count(next(_numbers)):
        with suppress(httpx.TransportError):
            if (await on.apis[APIS[turn % len(APIS)]].post(path, json=body)).is_success:
                return
        await asyncio.sleep(_AGAIN)


_ONE_OF_THREE = "one of three workers"
#: What dies, which processes that is, and when it is not felt any more. After the first, only one worker is left.
_DEATHS: tuple[tuple[str, tuple[str, ...], Callable[[Scene], Awaitable[None]]], ...] = (
    (_ONE_OF_THREE, WORKERS, _decided),
    ("the only worker, relay included", WORKERS[:1], _decided),
    ("one of two API processes", APIS, _decided),
    ("PostgreSQL", ("postgres",), _decided),
    ("Temporal", ("temporal",), _decided),
    ("the vendors (until a mail leaves)", ("sandbox",), _mailed),
)
