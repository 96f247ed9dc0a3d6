"""The core and the renderer by themselves."""

import gc
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import psutil

from authoring.load import load_playbook
from bench.report import Figure, Progress
from domain.core.decide import decide
from domain.core.simulate import simulate
from domain.facts import Behaviour, Facts, LeadFacts
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from domain.state import JourneyState

_DEFAULT = Path(__file__).parent.parent / "playbooks" / "b2b-saas"
_NOW = datetime(2026, 3, 3, 15, tzinfo=UTC)
_DAY = timedelta(days=1)
_LEADS, _WAKES = 300, 10
_COPIES = 10
_PAGES = ("/", "/blog/one", "/blog/two", "/docs/start", "/customers/one", "/product/one", "/guides/log", "/pricing")


async def core(progress: Progress) -> list[Figure]:
    """Compile the default playbook, decide with 30 recent behaviours, live a year."""
    progress("the core")
    times = []
    for _ in range(5):
        start = perf_counter()
        playbook = CompiledPlaybook(load_playbook(_DEFAULT))
        times.append(perf_counter() - start)
    decisions, years = list(_decisions(playbook)), list(_years(playbook))
    return [
        Figure("default playbook read, checked and compiled", median(times) * 1000, "ms", "<= 300"),
        Figure("one decision with 30 recent behaviours, p50", median(decisions) * 1e6, "µs", "<= 150"),
        Figure("one decision, p99", quantiles(decisions, n=100)[98] * 1e6, "µs", "<= 1000"),
        Figure("memory of a compiled playbook", _memory(playbook.document) / 1e6, "MB", "<= 5"),
        Figure("twelve months of one lead traced, median", median(years) * 1000, "ms", "<= 100"),
    ]


def _decisions(playbook: CompiledPlaybook) -> Iterator[float]:
    """Seconds of each of some wakes of leads that differ, every one with something new to consider."""
    chance = random.Random(1)
    for number in range(_LEADS):
        facts = _facts(number, chance)
        state = _on_its_way(playbook, facts)
        for _ in range(_WAKES):
            start = perf_counter()
            decide(playbook, state, facts, _NOW)
            yield perf_counter() - start


def _on_its_way(playbook: CompiledPlaybook, facts: Facts) -> JourneyState:
    """A journey that entered forty days ago and has considered all behaviour but the newest."""
    state = JourneyState.begin(facts.lead.id, 1, playbook.hash, _NOW - 40 * _DAY)
    for behaviours, at in ((), _NOW - 40 * _DAY), (facts.behaviours[:-1], _NOW - _DAY):
        state = decide(playbook, state, facts.model_copy(update={"behaviours": behaviours}), at).state
    return state


def _years(playbook: CompiledPlaybook) -> Iterator[float]:
    chance = random.Random(2)
    for number in range(20):
        facts = _facts(number, chance)
        coming = [
            Behaviour(position=100 + day, kind="page", name=chance.choice(_PAGES), at=_NOW + day * _DAY)
            for day in sorted(chance.sample(range(1, 360), 40))
        ]
        start = perf_counter()
        for _ in simulate(playbook, facts, coming, _NOW, _NOW + 365 * _DAY):
            pass
        yield perf_counter() - start


def _memory(document: Playbook) -> float:
    """Bytes a compiled playbook takes, the document included. In a process of its own, where nothing else is freed."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_growth, document.model_dump_json()).result()


def _growth(text: str) -> float:
    """How a process grows with each of ten more compiled playbooks, in bytes."""
    process = psutil.Process()
    kept = []
    for copy in range(_COPIES + 1):
        kept.append(CompiledPlaybook(Playbook.model_validate_json(text).model_copy(update={"title": f"copy {copy}"})))
        if copy == 0:  # what the first one loads is shared by all
            gc.collect()
            before = process.memory_full_info().uss
    gc.collect()
    return (process.memory_full_info().uss - before) / _COPIES


def _facts(number: int, chance: random.Random) -> Facts:
    lead = LeadFacts(
        id=f"ld_bench_{number}",
        fields={
            "role": chance.choice(["CTO", "Head of Operations", "Engineer", "Buyer", f"Manager {number}"]),
            "seniority": chance.choice(["c_level", "director", "manager", "staff"]),
            "department": chance.choice(["engineering", "operations", "finance", "it"]),
            "company": "Bench",
            "employees": chance.randint(5, 2000),
        },
        has_email=True,
        email_domain="bench.example",
        country=chance.choice(["US", "DE", "AU"]),
        timezone=chance.choice(["America/New_York", "Europe/Berlin", "Australia/Sydney"]),
        created_at=_NOW - 40 * _DAY,
    )
    behaviours = tuple(
        Behaviour(position=n, kind="page", name=chance.choice(_PAGES), at=_NOW - timedelta(days=30 - n))
        for n in range(1, 31)
    )
    return Facts(lead=lead, behaviours=behaviours)
