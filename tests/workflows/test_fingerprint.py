"""The interpreter gives the commands that journeys in flight expect, down to timeouts and the shapes of arguments."""

import json
from datetime import timedelta
from difflib import unified_diff

import pytest

from tests.workflows.fingerprint import FILE, expanded, sequence
from tests.workflows.running import HISTORIES
from tests.workflows.test_replay import label
from workflows import lead_journey

KEPT = dict(expanded(json.loads(FILE.read_text(encoding="utf-8"))))
FILES = {label(file): file for file in sorted(HISTORIES.rglob("*.json"))}
WHAT_TO_DO = """
The interpreter gives other commands than before for the history {name}. Journeys in flight would meet that at their
next task. If it is not meant, take it back. If it is, put it behind workflow.patched(), so that those in flight keep
what they had (docs/upgrading.md, "Changing the interpreter"); a new timeout, retry policy or field of an argument that
suits both may stay as it is. Then write the fingerprint anew: python -m tests.workflows.fingerprint

{difference}
"""


def test_every_history_has_its_fingerprint():
    assert KEPT.keys() == FILES.keys(), "python -m tests.workflows.fingerprint writes what lacks"


async def test_the_commands_are_those_of_the_fingerprint():
    for name, file in FILES.items():
        difference = compared(KEPT.get(name, []), await sequence(file))
        assert not difference, WHAT_TO_DO.format(name=name, difference=difference)


async def test_another_timeout_is_noticed_although_it_replays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lead_journey, "_TOUCH_TIMEOUT", timedelta(seconds=36))
    name = "a_hard_bounce_ends_the_journey"
    difference = compared(KEPT[name], await sequence(FILES[name]))
    assert '"startToCloseTimeout": "35s"' in difference
    assert '"startToCloseTimeout": "36s"' in difference


def compared(before: list[str], now: list[str]) -> str:
    return "\n".join(unified_diff(before, now, "before", "now", lineterm="", n=1))
