"""Salesforce's connection: its errors, its daily quota, queries with their pages.

Read in the REST API Developer Guide: "Limits" (``DailyApiRequests`` with Max and Remaining), "Limit Info Header" (each
answer has ``Sforce-Limit-Info: api-usage=18/5000``), "Query" and "QueryAll" (``nextRecordsUrl``;
``Sforce-Query-Options: batchSize`` from 200 to 2000), "Status Codes and Error Responses" (403
``REQUEST_LIMIT_EXCEEDED``). The quota is the org's, for all its integrations together, over the last 24 hours.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx

from adapters.crm.salesforce_auth import SalesforceAuth, vendor_code_of
from adapters.http import VendorClient
from domain.errors import OurFault, TransientFault, VendorFault

NAME = "salesforce"
#: Seconds after which a spent quota is asked for again: it fills slowly, as calls of yesterday fall out.
_SPENT = 900.0
#: Seconds after too many long requests at once.
_CROWDED = 20.0
_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")
_NEXT = re.compile(r"/query(?:All)?/([A-Za-z0-9_-]+)$")
_LIMIT = "REQUEST_LIMIT_EXCEEDED"
#: Errors that are nobody's fault for long, of a request or of one record of many.
BUSY = frozenset({_LIMIT, "UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "CONCURRENT_API_REQUEST"})


class Quota:
    """What is left of the day, of which ``kept`` (a share) is for others. Unknown until Salesforce has said it."""

    def __init__(self, kept: float) -> None:
        self._kept = kept
        self._used = self._most = 0
        self._asked_at: float | None = None

    def heard(self, headers: httpx.Headers) -> None:
        if found := _USAGE.search(headers.get("sforce-limit-info", "")):
            self._used, self._most = int(found[1]), int(found[2])

    def read(self, limits: Any) -> None:
        daily = limits.get("DailyApiRequests", {}) if isinstance(limits, dict) else {}
        if daily.get("Max"):
            self._used, self._most = daily["Max"] - daily["Remaining"], daily["Max"]

    @property
    def spent(self) -> bool:
        return self._most > 0 and self._used >= self._most * (1 - self._kept)

    def due(self) -> bool:
        """Whether to ask: at the first request, and now and then while it is spent. Says so once."""
        now = time.monotonic()
        if self._asked_at is not None and not (self.spent and now - self._asked_at >= _SPENT):
            return False
        self._asked_at = now
        return True

    @property
    def fault(self) -> TransientFault:
        kept = f"{self._kept:.0%} of {self._most} requests a day are kept for others"
        return TransientFault(f"{NAME}: {kept}, and the rest is used up", vendor=NAME, code="quota", retry_after=_SPENT)


class SalesforceClient(VendorClient):
    """Paths are below ``/services/data/vXX.X``. ``kept`` is the share of the daily quota that is left to others."""

    def __init__(
        self, login_url: str, auth: SalesforceAuth, *, version: str = "62.0", kept: float = 0.2, **options: Any
    ) -> None:
        super().__init__(NAME, login_url, auth=auth, **options)
        self._root = f"/services/data/v{version}"
        self._quota = Quota(kept)
        self._lock = asyncio.Lock()

    async def request(self, method: str, path: str, *, harmless_to_repeat: bool, **options: Any) -> httpx.Response:
        await self._within_quota()
        return await self._asked(method, path, harmless_to_repeat=harmless_to_repeat, **options)

    async def limits(self) -> dict[str, Any]:
        """What the org may still do today. Raises a ``VendorFault``."""
        found: dict[str, Any] = (await self._asked("GET", "/limits", harmless_to_repeat=True)).json()
        return found

    async def query(self, soql: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        """All rows; those in the recycle bin too where ``deleted``. Raises a ``VendorFault``."""
        return [row async for page in self._pages(soql, deleted=deleted) for row in page]

    async def page(self, soql: str, locator: str, *, deleted: bool, size: int) -> tuple[list[dict[str, Any]], str]:
        """One page: the first, or that of the locator; and the locator of the next, "" when there is none."""
        resource = "/queryAll" if deleted else "/query"
        where = {"path": f"{resource}/{locator}"} if locator else {"path": resource, "params": {"q": soql}}
        headers = {"sforce-query-options": f"batchSize={max(200, min(size, 2000))}"}
        answer = await self.request("GET", harmless_to_repeat=True, headers=headers, **where)
        body = answer.json()
        return body["records"], "" if body["done"] else _locator(str(body.get("nextRecordsUrl", "")))

    async def _pages(self, soql: str, *, deleted: bool) -> AsyncIterator[list[dict[str, Any]]]:
        rows, locator = await self.page(soql, "", deleted=deleted, size=2000)
        yield rows
        while locator:
            rows, locator = await self.page(soql, locator, deleted=deleted, size=2000)
            yield rows

    async def _asked(self, method: str, path: str, *, harmless_to_repeat: bool, **options: Any) -> httpx.Response:
        response = await super().request(method, self._root + path, harmless_to_repeat=harmless_to_repeat, **options)
        self._quota.heard(response.headers)
        return response

    async def _within_quota(self) -> None:
        async with self._lock:
            if self._quota.due():
                try:
                    self._quota.read(await self.limits())
                except OurFault as fault:
                    if fault.status != httpx.codes.FORBIDDEN:
                        raise  # a user who may not see the limits still hears them in every answer
        if self._quota.spent:
            raise self._quota.fault

    def fault(self, response: httpx.Response, path: str, *, harmless_to_repeat: bool) -> VendorFault:
        self._quota.heard(response.headers)
        code, status = self.code(response), response.status_code
        if code not in BUSY:
            return super().fault(response, path, harmless_to_repeat=harmless_to_repeat)
        wait = self.wait(response) or (_CROWDED if code != _LIMIT or b"Concurrent" in response.content else _SPENT)
        message = f"{self.vendor} answered {status} to {path} ({code})"
        return TransientFault(message, vendor=self.vendor, status=status, code=code, retry_after=wait)

    def code(self, response: httpx.Response) -> str:
        return vendor_code_of(response) or super().code(response)


def _locator(url: str) -> str:
    """Of Salesforce's address of the next page only its last part is taken: we go nowhere that an answer names."""
    found = _NEXT.search(url)
    if found is None:
        raise OurFault(f"{NAME} named a next page that is none of a query", vendor=NAME, code="next_page")
    return found[1]
