"""Journeys of the education playbook from imported rows: consent is respected and every journey comes to an end."""

import csv
from datetime import UTC, datetime, timedelta

import pytest

from authoring.load import load_playbook
from bench.education_auc import PLAYBOOK, facts_of, read_map
from domain.core.simulate import simulate
from domain.decision import Decision
from domain.facts import Facts
from domain.playbook.compiled import CompiledPlaybook
from domain.words import Channel
from tests.playbooks.education_extract import write_extract

_START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def journeys(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Facts, list[Decision]]]:
    """A hundred and fifty invented rows, each with an address, followed for a year in which nobody does anything."""
    playbook = CompiledPlaybook(load_playbook(PLAYBOOK))
    columns = read_map(PLAYBOOK / "map.yaml")
    path = write_extract(tmp_path_factory.mktemp("education") / "extract.csv", rows=150, seed=11)
    with path.open(encoding="utf-8", newline="") as stream:
        entries = [_with_address(facts_of(row, columns, playbook)) for row in csv.DictReader(stream)]
    until = _START + timedelta(days=400)
    return [(entry, list(simulate(playbook, entry, (), _START, until))) for entry in entries]


def _with_address(facts: Facts) -> Facts:
    return facts.model_copy(update={"lead": facts.lead.model_copy(update={"has_email": True})})


def test_who_declined_mail_gets_none_and_may_still_be_called(journeys: list[tuple[Facts, list[Decision]]]):
    declined = [decisions for entry, decisions in journeys if Channel.EMAIL in entry.permission.declined]
    channels = {touch.channel for decisions in declined for decision in decisions for touch in decision.send}
    assert declined
    assert Channel.EMAIL not in channels
    assert Channel.SDR_TASK in channels


def test_who_said_nothing_gets_mail(journeys: list[tuple[Facts, list[Decision]]]):
    others = [decisions for entry, decisions in journeys if not entry.permission.declined]
    channels = [{touch.channel for decision in decisions for touch in decision.send} for decisions in others]
    assert sum(Channel.EMAIL in each for each in channels) > len(others) / 2


def test_every_journey_ends_within_a_year(journeys: list[tuple[Facts, list[Decision]]]):
    assert all(decisions[-1].state.ended for _, decisions in journeys)


def test_some_are_ready_to_talk_at_the_door_and_most_are_not(journeys: list[tuple[Facts, list[Decision]]]):
    handed = sum(decisions[0].open_handoff is not None for _, decisions in journeys)
    assert 0 < handed < len(journeys) / 3
