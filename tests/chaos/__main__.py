"""``make chaos``: 500 journeys while everything that can break breaks, and nothing may be lost or doubled.

python -m tests.chaos [--minutes 10] [--seed N] [--journeys 500]
"""

import argparse
import secrets
import sys

import uvloop
from rich.console import Console

from tests.chaos.play import Outcome, long, play
from tests.chaos.view import View


def main() -> int:
    """0 when every promise was kept."""
    given = _arguments().parse_args()
    view = View(Console(soft_wrap=True))
    outcome: Outcome = uvloop.run(play(given.seed, long(given.minutes, given.journeys), view))
    again = f"python -m tests.chaos --minutes {given.minutes:g} --journeys {given.journeys} --seed {given.seed}"
    view.verdict(outcome, again)
    return 0 if outcome.kept else 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=10, help="of trouble; what comes before and after is beside it"
    )
    parser.add_argument("--journeys", type=int, default=500, help="leads")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="of the plan of troubles")
    return parser


if __name__ == "__main__":
    sys.exit(main())
