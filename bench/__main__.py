"""``make bench``: every measure, on fresh servers, beside the bare workflow in the same run.

python -m bench [--only NAME …] [--out FILE]
"""

import argparse
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from rich.console import Console

from bench import journeys
from bench.bursts import bursts
from bench.core import core
from bench.education import education
from bench.intake import intake
from bench.lists import lists
from bench.mailing import mailing
from bench.operating import operating
from bench.outage import outage
from bench.recovering import recovering
from bench.recovery import recovery
from bench.report import Figure, Progress, keep, show
from bench.seeing import seeing
from bench.storm import storm
from runtime.collecting import spare_the_collector

_MEASURES: dict[str, Callable[[Progress], Awaitable[list[Figure]]]] = {
    "core": core,
    "education": education,
    "history": journeys.history,
    "rates": journeys.rates,
    "latency": journeys.latency,
    "sleeping": journeys.sleeping,
    "intake": intake,
    "bursts": bursts,
    "vendors": lists,
    "seeing": seeing,
    "operations": operating,
    "mailing": mailing,
    "outage": outage,
    "recovery": recovery,
    "storm": storm,
    "recovering": recovering,
}
_OUT = Path(__file__).parent / "results" / "latest.json"


async def run(names: list[str], out: Path) -> None:
    console = Console()
    measured: dict[str, list[Figure]] = {}
    for number, name in enumerate(names, start=1):
        with console.status(f"[{number}/{len(names)}] {name}") as status:

            def tell(what: str, number: int = number) -> None:
                status.update(f"[{number}/{len(names)}] {what}")
                if not console.is_terminal:
                    console.print(f"[{number}/{len(names)}] {what}", markup=False)

            measured[name] = await _MEASURES[name](tell)
        keep(measured, out)
    show([figure for figures in measured.values() for figure in figures], console)
    console.print(f"written to {out.name}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(_MEASURES), default=list(_MEASURES), help="some measures")
    parser.add_argument("--out", type=Path, default=_OUT, help="where the figures go as JSON")
    given = parser.parse_args()
    spare_the_collector()  # or the clients' own pauses count as the servers'
    uvloop.run(run(given.only, given.out))


if __name__ == "__main__":
    main()
