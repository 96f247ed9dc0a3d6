"""Recorded journeys replay with today's code: what has slept for months must wake (DESIGN decision 1).

The corpus is made by ``python -m tests.workflows.record_histories RELEASE``. Files are only ever added: a history that
no longer replays means that journeys in flight would stall.
"""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from activities.messages import DecideResult
from domain.state import JourneyState
from domain.words import Ending
from runtime.encryption import data_converter
from runtime.markers import decision
from runtime.settings import Settings
from tests.workflows.running import HISTORIES, sandboxed
from workflows.lead_journey import LeadJourney
from workflows.messages import JOURNEY, Carried
from workflows.reconcile import Reconcile

FILES = sorted(HISTORIES.rglob("*.json"))


def label(file: Path) -> str:
    """Release and name; the oldest have no release."""
    return str(file.relative_to(HISTORIES).with_suffix(""))


def replayer(journey: type) -> Replayer:
    return Replayer(
        workflows=[journey, Reconcile], workflow_runner=sandboxed(), data_converter=data_converter(Settings())
    )


def history(file: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(f"replay-{file.stem}", file.read_text())


async def test_the_corpus_holds_every_kind_of_ending():
    converter = data_converter(Settings())
    made = [await decision(event, converter) for file in FILES for event in history(file).events]
    assert {one.state.ending for one in made if one and one.state.ended} == set(Ending)


@pytest.mark.parametrize("file", FILES, ids=[label(file) for file in FILES])
async def test_a_recorded_journey_replays(file: Path):
    await replayer(LeadJourney).replay_workflow(history(file))


@workflow.defn(name=JOURNEY, sandboxed=False)
class HastyJourney(LeadJourney):
    """As the journey, but it waits a moment before it carries out what was decided: a changed sequence of commands."""

    @workflow.init
    def __init__(self, begin: JourneyState | Carried) -> None:
        super().__init__(begin)

    @workflow.run
    async def run(self, begin: JourneyState | Carried) -> None:  # type: ignore[override]  # its result is of no interest
        await asyncio.sleep(timedelta(seconds=1).total_seconds())
        await super().run(begin)


@pytest.mark.parametrize("file", FILES[:1], ids=[label(file) for file in FILES[:1]])
async def test_a_changed_sequence_of_commands_is_noticed(file: Path):
    with pytest.raises(NondeterminismError):
        await replayer(HastyJourney).replay_workflow(history(file))


def test_a_decision_recorded_by_older_code_is_still_read():
    """Fields are only ever added, with defaults: these are the least that a recorded decision holds."""
    recorded = (
        '{"state": {"lead": "ld_a", "playbook": "0", "started": "2030-01-01T00:00:00Z",'
        ' "phase_since": "2030-01-01T00:00:00Z", "stage_since": "2030-01-01T00:00:00Z",'
        ' "anchor": "2030-01-01T00:00:00Z"}, "title": "Waits"}'
    )
    assert DecideResult.model_validate_json(recorded).state.number == 0
