"""HTTP as a good client speaks it: to either API process, again with the same id until it is answered."""

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any

import httpx

from tests.chaos.told import Told

#: Seconds before it is asked again.
_AGAIN = 0.25
#: What says "later": everything else is an answer.
_LATER = 503


class Insisting:
    """Asks until ``over``. Answers that say neither yes, no nor later are kept as wrong."""

    def __init__(self, apis: Mapping[str, httpx.AsyncClient], told: Told, draw: Random) -> None:
        self._apis = list(apis.values())
        self._told = told
        self._draw = draw

    async def ask(self, method: str, path: str, *, tries: int = 0, **options: Any) -> httpx.Response | None:
        """The answer; None when there was none in ``tries`` attempts (0: as many as it takes)."""
        attempt = 0
        while True:
            attempt += 1
            answer = await self._once(method, path, options)
            if answer is not None and answer.status_code != _LATER:
                self._judge(method, path, answer)
                if answer.status_code < 500:
                    return answer
            if attempt == tries:
                return None
            await asyncio.sleep(_AGAIN)

    async def _once(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response | None:
        try:
            answer = await self._draw.choice(self._apis).request(method, path, **options)
        except httpx.TransportError as error:
            self._told.answers[f"none ({type(error).__name__})"] += 1
            return None
        self._told.answers[str(answer.status_code)] += 1
        return answer

    def _judge(self, method: str, path: str, answer: httpx.Response) -> None:
        if answer.status_code in {400, 401, 403, 404, 422} or answer.status_code >= 500:
            self._told.wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
