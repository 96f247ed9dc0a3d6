"""kill -9 of worker and relay, API, PostgreSQL and Temporal while behaviour streams in: what was acknowledged is
decided once, in order. ``TENDRIL_TEST_ROUNDS=5`` kills each of them five times.
"""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from domain.state import JourneyState
from runtime.embedded.postgres import EmbeddedPostgres
from storage.migrate import upgrade
from tests.whole.processes import Processes, eventually, kill
from tests.whole.senders import Sender
from tests.whole.stack import Stack, whole_stack
from tests.whole.story import at_any_hour
from workflows.messages import STATE

ROUNDS = int(os.environ.get("TENDRIL_TEST_ROUNDS", "1"))
_SENDERS = 5
#: Requests that each client gets through between two deaths.
_BETWEEN = 10
_CAUGHT_UP = """
select bool_and(j.cursor = l.inbox_position) and not exists (select from pending_wake)
from journey j join lead l on l.id = j.lead_id
"""
_DECISIONS = """
select number, coalesce((state ->> 'cursor')::bigint, 0) as cursor from decision
where lead_id = $1 and not superseded order by number
"""


class Doomed:
    """The stack with a PostgreSQL of its own, and how each of its processes dies and comes back."""

    def __init__(self, stack: Stack, postgres: EmbeddedPostgres, server: Any) -> None:
        self.stack, self._postgres, self._server = stack, postgres, server

    async def worker(self) -> None:
        """The relay runs in it."""
        kill(self.stack.running["worker"])
        self.stack.start_worker()

    async def api(self) -> None:
        kill(self.stack.running["api"])
        await self.stack.serve_api()

    async def postgresql(self) -> None:
        kill(self._server)
        self._server = await self.stack.processes.serve(self._postgres.program())

    async def temporal(self) -> None:
        kill(self.stack.temporal)
        self.stack.temporal = await self.stack.processes.serve(self.stack.temporal_program)

    @property
    def deaths(self) -> list[Callable[[], Awaitable[None]]]:
        return [self.worker, self.api, self.postgresql, self.temporal]


@pytest_asyncio.fixture
async def doomed() -> AsyncIterator[Doomed]:
    """Not below pytest's own directory: as root PostgreSQL's user must pass through to its data."""
    with tempfile.TemporaryDirectory(prefix="tendril-whole-", ignore_cleanup_errors=True) as directory:
        home = Path(directory)
        postgres, processes = EmbeddedPostgres(home / "postgres"), Processes(home)
        await asyncio.to_thread(postgres.prepare)
        try:
            server = await processes.serve(postgres.program())
            await postgres.create_database()
            await asyncio.to_thread(upgrade, postgres.url())
            async with whole_stack(postgres.url(), home, at_any_hour(), processes=processes) as stack:
                stack.start_worker()
                await stack.start_api()
                yield Doomed(stack, postgres, server)
        finally:
            processes.stop_all()


@pytest.mark.timeout(180 + 60 * ROUNDS)
async def test_whatever_is_killed_each_acknowledged_event_is_decided_on_once(doomed: Doomed):
    stack = doomed.stack
    senders = [Sender(f"visitor-{number}", stack.api) for number in range(_SENDERS)]
    leads = {
        one.visitor: await stack.enrol(f"{one.visitor}@acme.example", anonymous_ids=(one.visitor,)) for one in senders
    }
    over = asyncio.Event()
    async with asyncio.TaskGroup() as clients:
        for sender in senders:
            clients.create_task(sender.send(over))
        for death in doomed.deaths * ROUNDS:
            await _progress(senders)
            await death()
        await _progress(senders)
        over.set()
    assert stack.running["worker"].poll() is None, "the worker gave up instead of waiting"
    assert stack.running["api"].poll() is None, "the API gave up"
    assert sum(sender.refused for sender in senders) > 0, "nobody noticed: nothing was killed under load"
    await stack.until(_CAUGHT_UP, otherwise="some behaviour was never considered")
    for sender in senders:
        await _is_decided_once(stack, leads[sender.visitor], sender)
    assert await stack.repeated() == 0


async def _progress(senders: list[Sender]) -> None:
    """Every client has got through some more."""
    goals = [len(sender.taken) + _BETWEEN for sender in senders]

    async def gone_on() -> bool:
        return all(len(sender.taken) >= goal for sender, goal in zip(senders, goals, strict=True))

    await eventually(gone_on, "a client gets nothing through any more")


async def _is_decided_once(stack: Stack, lead: str, sender: Sender) -> None:
    rows = await stack.database.pool.fetch("select message_id, position from behaviour where lead_id = $1", lead)
    position = {row["message_id"]: row["position"] for row in rows}
    assert position.keys() >= set(sender.taken), "what was acknowledged is there"
    assert position.keys() <= {*sender.taken, *sender.given_up}
    assert len(position) == len(rows), "nothing is there twice"
    in_order = [position[id_] for id_ in sender.taken]
    assert in_order == sorted(in_order), "in the order in which it was sent"
    decisions = await _as_temporal_knows_them(stack, lead)
    assert [row["number"] for row in decisions] == list(range(1, len(decisions) + 1))
    cursors = [0, *(row["cursor"] for row in decisions)]
    considered = Counter(place for before, after in pairwise(cursors) for place in range(before + 1, after + 1))
    assert cursors == sorted(cursors)
    assert considered == Counter(position.values())


async def _as_temporal_knows_them(stack: Stack, lead: str) -> list[Any]:
    """The decisions in force, once the journey's workflow stands at the last of them."""
    journey = await stack.journey(lead)

    async def agreed() -> list[Any] | None:
        state = await journey.query(STATE, result_type=JourneyState)
        decisions: list[Any] = await stack.database.pool.fetch(_DECISIONS, lead)
        last = decisions[-1]
        return decisions if (state.number, state.cursor) == (last["number"], last["cursor"]) else None

    return await eventually(agreed, "Temporal and the database tell two stories")
