"""The live view fits its terminal and says what matters."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console
from rich.text import Text

from runtime.embedded.screen import Screen
from runtime.embedded.snapshot import Figures, Process, Snapshot, Told
from runtime.embedded.view import line

NOW = datetime(2027, 3, 2, 9, 30, tzinfo=UTC)
FIGURES = Figures(
    statuses={"nurture": 38, "sales_accepted": 12, "disqualified": 4},
    stages={"research": 20, "comparison": 9},
    endings={"sunset": 3},
    touches={"email": {"sent": 214, "planned": 2, "unknown": 1}, "sdr_task": {"sent": 16}},
    handoffs={"open": 1, "accepted": 12},
    decisions=tuple(Told(NOW - timedelta(hours=n), f"ld_{n:012}", f"Sends asset-{n} " + "x" * 200) for n in range(30)),
)
SNAPSHOT = Snapshot(
    deployment_time=NOW,
    scale=86400.0,
    running_for=133,
    addresses={
        "api": "http://127.0.0.1:8000",
        "temporal_ui": "http://127.0.0.1:8233",
        "inbox": "http://127.0.0.1:8025",
        "vendors": "http://127.0.0.1:8025/vendors",
    },
    processes=(Process("postgres", "healthy", 11, 0), Process("worker", "restarting", None, 2)),
    figures=FIGURES,
    notes=((NOW, "worker was killed (SIGKILL); starting it again in 0.3 s"),),
)


def drawn(snapshot: Snapshot, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, force_terminal=True, legacy_windows=False)
    with console.capture() as capture:
        console.print(Screen(snapshot), height=height)
    return Text.from_ansi(capture.get()).plain.splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60), (60, 20)])
def test_it_fits_the_terminal(width: int, height: int):
    lines = drawn(SNAPSHOT, width, height)
    assert len(lines) <= height
    assert max(len(one) for one in lines) <= width


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_it_shows_time_addresses_children_counts_and_decisions(width: int, height: int):
    text = "\n".join(drawn(SNAPSHOT, width, height))
    for part in (
        "Tue 02 Mar 2027 09:30 UTC  a day a second",
        "Temporal UI http://127.0.0.1:8233",
        "CRM http://127.0.0.1:8025/vendors",
        "worker restarting ↻2",
        "nurture",
        "38 ━",
        "214",
        "Ended sunset 3",
        "ld_000000000000 Sends asset-0",
        "starting it again",
    ):
        assert part in text


def test_a_silent_database_is_said():
    assert "database not answering" in drawn(replace(SNAPSHOT, answering=False), 120, 40)[0]
    assert line(replace(SNAPSHOT, answering=False)).endswith("database not answering")


def test_an_empty_stack_is_drawn_too():
    assert "None yet." in "\n".join(drawn(replace(SNAPSHOT, figures=Figures(), processes=()), 80, 24))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_it_says_when_the_sample_is_over_and_when_every_journey_has_ended(width: int, height: int):
    goes_on = drawn(SNAPSHOT, width, height)
    told = drawn(replace(SNAPSHOT, story_told=True), width, height)
    ended = drawn(replace(SNAPSHOT, figures=replace(FIGURES, stages={}), story_told=True), width, height)

    said = [next(one for one in lines if "Ctrl-C" in one) for lines in (goes_on, told, ended)]
    assert said[0].startswith("Ctrl-C stops everything")
    assert said[1].startswith("The sample's visitors have done all they will. Ctrl-C")
    assert said[2].startswith("Every journey has ended; tendril leads import brings more. Ctrl-C")


def test_a_line_holds_the_same_in_short():
    assert line(SNAPSHOT) == (
        "2027-03-02 09:30 | journeys 54: nurture 38, sales accepted 12, disqualified 4 | touches sent 230"
        " | handoffs open 1, accepted 12 | worker restarting"
    )
