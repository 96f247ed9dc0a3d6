"""Objections look at what is queued too: two commands in a row are judged in their order."""

from datetime import UTC, datetime

import pytest

from domain.state import JourneyState
from domain.words import CommandKind
from workflows.messages import CommandRequest
from workflows.objections import objection

STATE = JourneyState.begin("ld_aaaaaaaaaaaa", 1, "0" * 16, datetime(2030, 1, 1, tzinfo=UTC))


def test_resume_makes_sense_while_a_pause_waits_to_be_considered():
    assert objection(STATE, [CommandKind.PAUSE], CommandKind.RESUME, CommandRequest()) == ""


def test_pause_makes_sense_again_while_a_resume_waits():
    assert objection(STATE, [CommandKind.PAUSE, CommandKind.RESUME], CommandKind.PAUSE, CommandRequest()) == ""


@pytest.mark.parametrize("kind", [CommandKind.OPT_OUT, CommandKind.END, CommandKind.DISQUALIFY, CommandKind.HAND_OFF])
def test_what_ends_or_hands_over_is_always_allowed(kind: CommandKind):
    assert objection(STATE, [CommandKind.PAUSE], kind, CommandRequest()) == ""
