"""The days that matter to a condition are found from its text, and none is missed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.playbook.conditions import Conditions, Level, variables
from domain.playbook.days import marks_of
from tests.fixtures.playbooks import minimal_playbook

CONDITIONS = Conditions(minimal_playbook())
EMPTY = {"string": "", "int": 0, "float": 0.0, "bool": False, "list": []}
NOTHING = {name: EMPTY[kind] for name, kind in variables(minimal_playbook(), Level.ALL).items()}
AGO = "behaviour.pricing_visit.days_ago"


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("days.quiet >= 45", {"days.quiet": {45, 46}}),
        ("30 > days.quiet && days.quiet > 7", {"days.quiet": {30, 31, 7, 8}}),
        (f"{AGO} <= 1 || score.fit > 3", {AGO: {1, 2}}),
        ("days.in_stage % 2 == 0", {"days.in_stage": None}),
        ("days.in_stage + 1 > 3", {"days.in_stage": None}),
        ("3 - days.in_stage > 1", {"days.in_stage": None}),
        ("days.in_stage > 2 * 3", {"days.in_stage": None}),
        ("2 * 3 > days.in_stage", {"days.in_stage": None}),
        (f"days.quiet > {AGO}", {"days.quiet": None, AGO: None}),
        ("days.quiet > 3 && days.quiet != days.in_stage", {"days.quiet": None, "days.in_stage": None}),
        ("days.quiet in [3, 4]", {"days.quiet": None}),
        ('stage == "days.quiet > 3" // days.in_stage > 4', {}),
    ],
)
def test_the_days_that_matter(text, marks):
    found = marks_of(CONDITIONS.compile(text))
    assert {name: values and set(values) for name, values in found.items()} == marks


COMPARISON = st.builds(
    "{} {} {}".format,
    st.sampled_from(["days.quiet", "days.in_stage", AGO]),
    st.sampled_from([">=", ">", "<", "<=", "==", "!="]),
    st.integers(0, 12),
)
TEXTS = st.recursive(
    COMPARISON,
    lambda inner: (
        st.builds("({} && {})".format, inner, inner)
        | st.builds("({} || {})".format, inner, inner)
        | st.builds("!({})".format, inner)
        | st.builds("{} + 1 > days.quiet".format, st.sampled_from(["days.in_stage", "2"]))
    ),
    max_leaves=4,
)


@given(TEXTS, st.tuples(*[st.integers(0, 6)] * 3))
def test_an_answer_changes_only_on_a_day_that_matters(text, begin):
    condition = CONDITIONS.compile(text)
    marks = marks_of(condition)
    names = ("days.quiet", "days.in_stage", AGO)

    def answer(passed):
        return condition.holds(NOTHING | {name: start + passed for name, start in zip(names, begin, strict=True)})

    for day in range(1, 16):
        if answer(day) != answer(day - 1):
            reached = {name: start + day for name, start in zip(names, begin, strict=True)}
            assert any(values is None or reached[name] in values for name, values in marks.items())
