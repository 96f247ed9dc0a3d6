"""Conditions asked together answer as they do alone, and levels keep what is not settled yet out of reach."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.playbook.conditions import ConditionError, Conditions, Level, variables
from tests.fixtures.playbooks import minimal_playbook

CONDITIONS = Conditions(minimal_playbook())
TEXTS = [
    "score.fit >= 50",
    "score.intent / score.fit > 1",  # fails for a fit of 0
    'stage == "comparison" // a comment',
    '"role" in known && lead.role.startsWith("c")',
    'lead.role.matches("^c.o$")',
    "days.quiet > 3 || days.in_stage < 2",
]


@given(
    fit=st.integers(0, 100),
    intent=st.integers(0, 100),
    role=st.sampled_from(["", "cfo", "clerk"]),
    stage=st.sampled_from(["comparison", "research"]),
    days=st.integers(0, 9),
)
def test_together_they_answer_as_they_do_alone(fit, intent, role, stage, days):
    empty = {"string": "", "int": 0, "float": 0.0, "bool": False, "list": []}
    values = {name: empty[kind] for name, kind in variables(minimal_playbook(), Level.ALL).items()}
    values |= {"score.fit": fit, "score.intent": intent, "lead.role": role, "stage": stage}
    values |= {"known": ["role"] if role else [], "days.quiet": days, "days.in_stage": days}
    answers = CONDITIONS.batch(TEXTS).answers(values)
    assert answers == {text: CONDITIONS.compile(text).holds(values) for text in answers}
    assert set(TEXTS) - set(answers) == {'lead.role.matches("^c.o$")'}


def test_nothing_to_ask_has_no_answers():
    assert CONDITIONS.batch([]).answers({}) == {}


@pytest.mark.parametrize(
    ("text", "level"),
    [("score.fit > 1", Level.SCORING), ("stage == 'research'", Level.SCORING), ("situation.x", Level.SITUATIONS)],
)
def test_what_is_not_settled_yet_can_not_be_asked(text, level):
    with pytest.raises(ConditionError, match="undeclared reference"):
        CONDITIONS.compile(text, level)
