"""The stand-in vendors beside a stack, and what came to them and when."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from bench.stack import Stack
from runtime.embedded.ports import any_free

#: Most requests, and in how many seconds.
Limit = tuple[int, float]


@dataclass(frozen=True)
class Standing:
    url: str
    smtp_port: int
    http: httpx.AsyncClient

    async def came(self, vendor: str) -> list[tuple[float, str, int]]:
        """Each request of a vendor: when (seconds since the epoch), path, status of its answer."""
        found = (await self.http.get("/_came")).json()
        return [(at, path, status) for at, path, status in found if path.startswith(f"/{vendor}/")]

    async def mails(self) -> list[tuple[float, str]]:
        """When each mail came, and to whom."""
        return [(at, to) for at, to in (await self.http.get("/_mails")).json()]

    async def fail(self, vendor: str, **how: Any) -> None:
        (await self.http.post("/_faults", json={"vendor": vendor, **how})).raise_for_status()

    async def mend(self) -> None:
        await self.http.delete("/_faults")


@asynccontextmanager
async def standing(on: Stack, limits: Mapping[str, Limit]) -> AsyncIterator[Standing]:
    """A process of its own until the block ends. A vendor without a limit takes any rate."""
    smtp_port = any_free()
    async with on.serving("bench.receiving", str(smtp_port), json.dumps(limits)) as port:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:
            yield Standing(url, smtp_port, http)


def ideal(calls: int, limit: Limit) -> float:
    """The least seconds in which somebody who keeps to the limit makes so many calls."""
    return (-(-calls // limit[0]) - 1) * limit[1]


def peak(times: Sequence[float], seconds: float) -> int:
    """The most of these times within any so many seconds."""
    ordered, start, most = sorted(times), 0, 0
    for number, at in enumerate(ordered):
        while at - ordered[start] > seconds:
            start += 1
        most = max(most, number - start + 1)
    return most
