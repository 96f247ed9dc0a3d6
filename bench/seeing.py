"""Looking: one journey explained, why something was not sent, lists, the funnel; in this process and over HTTP.

``python -m bench.seeing LEADS BEHAVIOURS`` measures with fewer than the 100,000 leads and 5,000,000 behaviours.
"""

import argparse
import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from time import perf_counter
from typing import Any

import httpx
from rich.console import Console

from bench.population import populate
from bench.report import Figure, Progress, show
from bench.stack import Stack, stack
from storage import funnel, keys, past, stuck, timeline, views, why_not
from storage.playbooks import PgPlaybooks
from storage.views import JourneyFilters

_LEADS, _BEHAVIOURS = 100_000, 5_000_000
_TIMES = 200
_WARM = 10
_MS = 1000
Asked = Callable[[], Awaitable[Any]]
#: Figures that have a target, in milliseconds.
_TARGETS = {"explain": 50, "explain as of a moment": 50, "list": 100, "list, few match": 100, "funnel": 100}


async def seeing(progress: Progress, leads: int = _LEADS, behaviours: int = _BEHAVIOURS) -> list[Figure]:
    """p50 and p99 of everything that people look at."""
    async with stack() as on:
        await populate(on.database, leads, behaviours, progress)
        key = await keys.create(on.database, "bench", ["read"])
        figures = await _measured("in process", _queries(on, leads), progress)
        async with on.serving("cli", "api", "--port") as port:
            headers = {"authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as http:
                figures += await _measured("over HTTP", _requests(http, leads), progress)
    scale = f"{leads:,} leads, {behaviours:,} behaviours"
    return [Figure(f"{figure.name} ({scale})", figure.value, figure.unit, figure.target) for figure in figures]


def _queries(on: Stack, leads: int) -> dict[str, Asked]:
    db, playbooks, now, lead = on.database, PgPlaybooks(on.database), datetime.now(UTC), _someone(leads)
    week_ago = past.Moment(now - timedelta(days=7))
    return {
        "explain": lambda: views.journey_view(db, lead()),
        "explain as of a moment": lambda: past.journey_view(db, lead(), week_ago),
        "why not": lambda: why_not.why_not(db, playbooks, lead(), "email", now),
        "why not as of a moment": lambda: why_not.why_not(db, playbooks, lead(), "email", now, week_ago),
        "timeline": lambda: timeline.timeline(db, lead()),
        "list": lambda: views.list_journeys(db, JourneyFilters(status="nurture")),
        "list, few match": lambda: views.list_journeys(db, JourneyFilters(phase="cool_down")),
        "funnel": lambda: funnel.funnel(db, now),
        "stuck": lambda: stuck.stuck(db, now),
    }


def _requests(http: httpx.AsyncClient, leads: int) -> dict[str, Asked]:
    lead, at = _someone(leads), {"at": "7d ago"}

    def get(path: Callable[[], str], **params: str) -> Asked:
        async def ask() -> None:
            (await http.get(path(), params=params)).raise_for_status()

        return ask

    return {
        "explain": get(lambda: f"/v1/leads/{lead()}/journey"),
        "explain as of a moment": get(lambda: f"/v1/leads/{lead()}/journey", **at),
        "why not": get(lambda: f"/v1/leads/{lead()}/why-not", touch="email"),
        "timeline": get(lambda: f"/v1/leads/{lead()}/timeline"),
        "list": get(lambda: "/v1/journeys", status="nurture"),
        "list, few match": get(lambda: "/v1/journeys", phase="cool_down"),
        "funnel": get(lambda: "/v1/journeys/funnel"),
        "stuck": get(lambda: "/v1/journeys/stuck"),
        "start page": get(lambda: "/"),
    }


def _someone(leads: int) -> Callable[[], str]:
    """Another lead each time, of those who have lived for a month at least; the same ones in every run."""
    drawn = random.Random(7)
    known = (number for _ in itertools.count() if (number := drawn.randint(1, leads)) % 120 > 30)
    return lambda: f"ld_bench{next(known):08d}"


async def _measured(how: str, asked: dict[str, Asked], progress: Progress) -> list[Figure]:
    figures = []
    for name, ask in asked.items():
        progress(f"{name}, {how}")
        times = [await _timed(ask) for _ in range(_TIMES + _WARM)][_WARM:]
        shares, limit = quantiles(times, n=100), _TARGETS.get(name)
        target = f"<= {limit}" if limit else ""
        figures += [
            Figure(f"{name}, {how}: median", shares[49], "ms", target),
            Figure(f"{name}, {how}: 99th percentile", shares[98], "ms", target),
        ]
    return figures


async def _timed(ask: Asked) -> float:
    began = perf_counter()
    await ask()
    return (perf_counter() - began) * _MS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.seeing", description=__doc__)
    parser.add_argument("leads", type=int, nargs="?", default=_LEADS)
    parser.add_argument("behaviours", type=int, nargs="?", default=_BEHAVIOURS)
    given = parser.parse_args()
    show(asyncio.run(seeing(print, given.leads, given.behaviours)), Console())


if __name__ == "__main__":
    main()
