"""The short form of ``make chaos``. ``TENDRIL_CHAOS_SEED`` chooses the troubles; every failure says its seed."""

import io
import os
import secrets

import pytest
import uvloop
from rich.console import Console

from tests.chaos.play import play, short
from tests.chaos.view import View


@pytest.mark.timeout(400)
def test_whatever_breaks_nothing_is_lost_and_nothing_is_doubled():
    seed = int(os.environ.get("TENDRIL_CHAOS_SEED") or secrets.randbelow(1_000_000))
    said = io.StringIO()
    view = View(Console(file=said, width=160))
    try:
        outcome = uvloop.run(play(seed, short(), view, tamper=True))
    except BaseException as error:  # noqa: BLE001 whatever it was, it must name the seed
        pytest.fail(f"chaos with seed {seed} came to no verdict ({error!r}):\n{said.getvalue()}")
    again = f"TENDRIL_CHAOS_SEED={seed} .venv/bin/pytest tests/chaos"
    view.verdict(outcome, again)
    assert outcome.kept, f"chaos with seed {seed}:\n{said.getvalue()}"
    assert not outcome.unnoticed, "the verdict can't fail: it did not see what was broken on purpose"
