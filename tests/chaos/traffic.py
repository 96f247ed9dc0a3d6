"""Who talks to Tendril all the time: visitors, operators, people who unsubscribe, sellers, and whoever enrols leads."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx

from tests.chaos.commanding import Operator
from tests.chaos.insisting import Insisting
from tests.chaos.scene import Scene
from tests.chaos.told import Person, Told

_PAGES = ("/blog/one", "/blog/two", "/blog/three", "/pricing", "/customers/orchard")
_WEIGHTS = (30, 30, 20, 12, 8)
#: One in so many behaviours is a meeting; a batch; and given up after its first try.
_MEETINGS, _BATCHES, _GIVEN_UP, _BATCH = 25, 6, 7, 3


@dataclass(frozen=True)
class Load:
    """How many clients of a kind there are, and the mean seconds between two requests of one of them."""

    visitors: int = 12
    visit_every: float = 1.0
    operators: int = 4
    command_every: float = 1.2
    operation_every: float = 20.0
    unsubscribe_every: float = 12.0
    sell_every: float = 1.5
    enrol_every: float = 2.0
    begun: float = 0.7  # of the leads, before anything breaks


@dataclass
class Traffic:
    """Runs until ``over`` is set; each request under way is then brought to its end."""

    scene: Scene
    told: Told
    seed: int
    load: Load
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self) -> None:
        """The first leads, as fast as it goes."""
        http, waiting = self._insisting("enrol"), self.told.people[: int(len(self.told.people) * self.load.begun)]
        for first in range(0, len(waiting), 8):
            await asyncio.gather(*(_enrol(http, person) for person in waiting[first : first + 8]))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self.load.visitors):
                draw = Random(f"{self.seed} visitor {number}")
                visitor = _Visitor(self.told.people[number :: self.load.visitors], self._insisting(f"v{number}"), draw)
                group.create_task(self._every(self.load.visit_every, draw, visitor.visit))
            for number in range(self.load.operators):
                draw = Random(f"{self.seed} operator {number}")
                operator = Operator(f"{number}", self.told, self._insisting(f"o{number}"), draw)
                group.create_task(self._every(self.load.command_every, draw, operator.command))
            draw = Random(f"{self.seed} others")
            many = Operator("many", self.told, self._insisting("many"), draw)
            group.create_task(self._every(self.load.operation_every, draw, many.operate))
            group.create_task(self._every(self.load.unsubscribe_every, draw, self._unsubscribe))
            group.create_task(self._every(self.load.sell_every, draw, self._sell))
            group.create_task(self._every(self.load.enrol_every, draw, self._enrol_somebody))

    def _insisting(self, name: str) -> Insisting:
        return Insisting(self.scene.apis, self.told, Random(f"{self.seed} {name}"))

    async def _every(self, mean: float, draw: Random, act: Callable[[], Awaitable[None]]) -> None:
        while not self.over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), draw.expovariate(1 / mean))
                return
            await act()

    # --- people ----------------------------------------------------------------------------------------------------

    async def _enrol_somebody(self) -> None:
        """The next new lead, else one who may have ended: that begins again."""
        draw = Random(f"{self.seed} {sum(self.told.answers.values())}")
        new = next((person for person in self.told.people if not person.lead), None)
        await _enrol(self._insisting("enrol more"), new or draw.choice(self.told.people))

    async def _unsubscribe(self) -> None:
        """Somebody clicks the button that their mail program makes of a mail's List-Unsubscribe (RFC 8058)."""
        link = await self._unsubscribe_link()
        if link is None:
            return
        person, path = link
        await self._insisting(f"u{person.number}").ask("POST", path, data={"List-Unsubscribe": "One-Click"})
        self.told.opted_out[person.lead] = datetime.now(UTC)

    async def _unsubscribe_link(self) -> tuple[Person, str] | None:
        known = {person.address: person for person in self.told.enrolled()}
        try:
            mails = (await self.scene.sandbox.get("/api/messages", params={"limit": 40})).json()["items"]
            for mail in reversed(mails):
                person = known.get(mail["to"][0])
                if person is None or person.lead in self.told.opted_out:
                    continue
                whole = (await self.scene.sandbox.get(f"/api/messages/{mail['number']}")).json()
                headers = dict(whole["headers"])
                return person, httpx.URL(headers["List-Unsubscribe"].split(",")[0].strip(" <>")).path
        except (httpx.HTTPError, ValueError, KeyError):
            pass  # the inbox is down: nobody reads mail now
        return None

    async def _sell(self) -> None:
        """A seller answers one open task in the CRM."""
        draw = Random(f"{self.seed} {sum(self.told.sold.values())}")
        with suppress(httpx.HTTPError, ValueError, KeyError):
            task = await self._open_handoff(draw)
            if task is None:
                return
            outcome = draw.choices(("accepted", "rejected"), (1, 3))[0]
            answer = {"outcome": outcome} | ({"reason": "timing"} if outcome == "rejected" else {})
            (await self.scene.sandbox.post(f"/sellers/tasks/{task}", data=answer)).raise_for_status()
            self.told.sold[outcome] += 1

    async def _open_handoff(self, draw: Random) -> str | None:
        query = "select t.vendor_id from handoff h join touch t on t.key = h.touch_key where h.status = 'open'"
        with suppress(Exception):  # PostgreSQL is down: sellers look into their CRM, where nothing new comes
            rows = await self.scene.database.pool.fetch(query + " and t.vendor_id <> ''")
            return draw.choice(rows)["vendor_id"] if rows else None
        return None


@dataclass
class _Visitor:
    """A client's library: sends a lead's behaviour in order, the same message ids until they are taken."""

    people: list[Person]
    http: Insisting
    draw: Random
    sent: int = 0

    async def visit(self) -> None:
        known = [person for person in self.people if person.lead]
        if not known:
            return
        self.sent += 1
        person, size = self.draw.choice(known), _BATCH if self.sent % _BATCHES == 0 else 1
        ids = [f"{person.visitor}-{self.sent}-{part}" for part in range(size)]
        batch = [self._event(person, id_) for id_ in ids]
        tries = 1 if self.sent % _GIVEN_UP == 0 else 0
        answer = await self.http.ask("POST", "/v1/batch", json={"batch": batch}, tries=tries)
        taken = answer is not None and answer.is_success
        if taken and answer is not None:
            counts = answer.json()
            assert counts["accepted"] + counts["duplicates"] == size, answer.text
        (person.taken if taken else person.given_up).extend(ids)

    def _event(self, person: Person, id_: str) -> dict[str, Any]:
        base = {"anonymousId": person.visitor, "messageId": id_}
        if self.draw.randrange(_MEETINGS) == 0:
            return base | {"type": "track", "event": "Meeting Booked"}
        return base | {"type": "page", "properties": {"path": self.draw.choices(_PAGES, _WEIGHTS)[0]}}


async def _enrol(http: Insisting, person: Person) -> None:
    body = {"email": person.address, "anonymous_ids": [person.visitor], "company": f"Company {person.number % 97}"}
    answer = await http.ask("POST", "/v1/leads", json=body)
    if answer is not None and answer.is_success:
        person.lead = answer.json()["id"]
