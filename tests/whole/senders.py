"""Clients that send behaviour and come again with the same message ids until it is taken, as Segment's libraries do."""

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

#: Seconds between two requests of a client, and before it tries again.
_PAUSE, _AGAIN = 0.03, 0.15
#: Every so many requests are a batch of so many; every so many are sent once and then given up.
_BATCHES, _BATCH, _GIVEN_UP = 5, 3, 7


@dataclass
class Sender:
    """One visitor's client. ``taken`` are the message ids that were acknowledged, in the order they were sent;
    ``given_up`` those of which it never heard.
    """

    visitor: str
    http: httpx.AsyncClient
    taken: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    refused: int = 0

    async def send(self, over: asyncio.Event) -> None:
        """One request after the other until it is over; the one at work is brought to its end."""
        for number in count(1):
            size = _BATCH if number % _BATCHES == 0 else 1
            ids = [f"{self.visitor}-{number}-{part}" for part in range(size)]
            known = self.taken if await self._sent(ids, once=number % _GIVEN_UP == 0) else self.given_up
            known += ids
            if over.is_set():
                return
            await asyncio.sleep(_PAUSE)

    async def _sent(self, ids: list[str], *, once: bool) -> bool:
        while not await self._acknowledged(ids):
            self.refused += 1
            if once:
                return False
            await asyncio.sleep(_AGAIN)
        return True

    async def _acknowledged(self, ids: list[str]) -> bool:
        try:
            answer = await self.http.post("/v1/batch", json={"batch": [self._page(id_) for id_ in ids]})
        except httpx.TransportError:
            return False
        assert answer.status_code in {200, 503}, answer.text
        assert not answer.is_success or answer.json()["accepted"] + answer.json()["duplicates"] == len(ids), answer.text
        return answer.is_success

    def _page(self, id_: str) -> dict[str, Any]:
        return {"type": "page", "anonymousId": self.visitor, "messageId": id_, "properties": {"path": f"/blog/{id_}"}}
