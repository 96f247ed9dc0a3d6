"""The core and the renderer by themselves."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from authoring.load import load_playbook
from bench.report import Figure, Progress
from domain.core.decide import decide
from domain.core.simulate import simulate
from domain.facts import Behaviour, Facts, LeadFacts
from domain.playbook.compiled import CompiledPlaybook
from domain.state import JourneyState

_DEFAULT = Path(__file__).parent.parent / "playbooks" / "b2b-saas"
_NOW = datetime(2026, 3, 3, 10, tzinfo=UTC)


async def core(progress: Progress, number: int = 3000) -> list[Figure]:
    """Compile the default playbook, decide with 30 recent behaviours, simulate a year."""
    progress("the core")
    start = perf_counter()
    playbook = CompiledPlaybook(load_playbook(_DEFAULT))
    compiled = perf_counter() - start
    facts = _facts()
    state = JourneyState.begin("ld_bench", 1, playbook.hash, _NOW - timedelta(days=40))
    state = decide(playbook, state, facts, _NOW - timedelta(days=40)).state
    times = []
    for _ in range(number):
        start = perf_counter()
        decide(playbook, state, facts, _NOW)
        times.append(perf_counter() - start)
    start = perf_counter()
    year = list(simulate(playbook, facts, [], _NOW, _NOW + timedelta(days=365)))
    return [
        Figure("default playbook read, checked and compiled", compiled * 1000, "ms"),
        Figure("one decision with 30 behaviours, p50", median(times) * 1e6, "µs"),
        Figure("one decision, p99", quantiles(times, n=100)[98] * 1e6, "µs"),
        Figure(f"a year of one lead simulated ({len(year)} decisions)", (perf_counter() - start) * 1000, "ms"),
    ]


def _facts() -> Facts:
    lead = LeadFacts(
        id="ld_bench",
        fields={"role": "CTO", "employees": 300},
        has_email=True,
        timezone="Europe/Berlin",
        created_at=_NOW,
    )
    names = ("/", "/blog/one", "/product", "/docs/start", "/customers/one")
    behaviours = tuple(
        Behaviour(position=n, kind="page", name=names[n % 5], at=_NOW - timedelta(days=30 - n)) for n in range(1, 31)
    )
    return Facts(lead=lead, behaviours=behaviours)
