"""Pipedrive's connection: its limits and errors, lists with their cursors.

Read on pipedrive.readme.io, "Rate limiting": each request costs tokens of the company's daily budget (30,000 a seat on
the smallest plan), version 2 half as many as version 1, and a window of two seconds takes 20 requests of an API token
on the smallest plan; searches 10 on any. ``x-ratelimit-reset`` says when the window ends; what is left of the day is in
``x-daily-ratelimit-token-remaining``, which only Pipedrive's staff describe (developers' community, January 2026). Who
goes on asking after a 429 is shut out with a 403.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx

from adapters.budget import Budget
from adapters.http import VendorClient
from domain.errors import TransientFault, VendorFault

NAME = "pipedrive"
#: A little longer than Pipedrive's window: requests don't take the same time to get there.
WINDOW = 2.1
SEARCHES = 10
#: Seconds until a spent day is asked about again: it ends at midnight, of a clock that Pipedrive does not name.
_SPENT = 3600.0
_LEFT = "x-daily-ratelimit-token-remaining"
#: Records in one page, and ids in one request.
PAGE, IDS = 500, 100


class PipedriveClient(VendorClient):
    """Paths are below the company's address: ``/api/v2/…``, and ``/api/v1/…`` for what version 2 lacks.

    ``kept`` is how many tokens of the day are left to others; ``searches`` how many a window takes.
    """

    def __init__(self, base_url: str, token: str, *, kept: int = 0, searches: int = SEARCHES, **options: Any) -> None:
        super().__init__(NAME, base_url, headers={"x-api-token": token}, **options)
        self._kept = kept
        self._left: int | None = None
        self.searches = Budget(NAME, searches, WINDOW)

    async def close(self) -> None:
        self.searches.close()
        await super().close()

    async def request(self, method: str, path: str, *, harmless_to_repeat: bool, **options: Any) -> httpx.Response:
        if self._left is not None and self._left < self._kept:
            self._left = None  # after that wait one request may find out
            message = f"{NAME}: the {self._kept} tokens of the day that are left are kept for others"
            raise TransientFault(message, vendor=NAME, code="quota", retry_after=_SPENT)
        response = await super().request(method, path, harmless_to_repeat=harmless_to_repeat, **options)
        self._heard(response)
        return response

    async def data(self, method: str, path: str, *, harmless_to_repeat: bool = True, **options: Any) -> Any:
        """What an answer holds. Raises a ``VendorFault``."""
        answer = await self.request(method, path, harmless_to_repeat=harmless_to_repeat, **options)
        return answer.json().get("data")

    async def page(self, path: str, params: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
        """One page, and the cursor of the next; "" when there is none."""
        body = (await self.request("GET", path, params=params, harmless_to_repeat=True)).json()
        return body.get("data") or [], (body.get("additional_data") or {}).get("next_cursor") or ""

    async def pages(self, path: str, params: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        cursor = ""
        while True:
            rows, cursor = await self.page(path, {**params, "limit": PAGE} | ({"cursor": cursor} if cursor else {}))
            for row in rows:
                yield row
            if not cursor:
                return

    async def by_ids(self, path: str, ids: Sequence[str], params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The records that are there, by the hundred. What is no number is nobody's id."""
        numbers = [identity for identity in ids if identity.isascii() and identity.isdigit()]
        found: list[dict[str, Any]] = []
        for start in range(0, len(numbers), IDS):
            asked = {**params, "ids": ",".join(numbers[start : start + IDS]), "limit": IDS}
            found += (await self.page(path, asked))[0]
        return found

    def fault(self, response: httpx.Response, path: str, *, harmless_to_repeat: bool) -> VendorFault:
        self._heard(response)
        return super().fault(response, path, harmless_to_repeat=harmless_to_repeat)

    def wait(self, response: httpx.Response) -> float | None:
        if response.headers.get(_LEFT) == "0":
            return _SPENT
        reset = response.headers.get("x-ratelimit-reset", "")
        return super().wait(response) or (float(reset) if reset.isdigit() else None)

    def _heard(self, response: httpx.Response) -> None:
        left = response.headers.get(_LEFT, "")
        if left.isdigit():
            self._left = int(left)
