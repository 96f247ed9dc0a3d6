"""Whether a condition can hold is found by trying; what is said never to hold, no lead ever makes hold."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.playbook.checks.behaviours import _meet
from domain.playbook.checks.holds import Possibilities, fit_range, most_intent
from domain.playbook.models import LeadField
from tests.fixtures.examples import examples
from tests.fixtures.playbooks import minimal_compiled, minimal_playbook


@pytest.mark.parametrize(
    "text",
    [
        "false",
        'stage == "reserch"',
        'segment == "enterprise" && segment == "smb"',
        "behaviour.reply < 0",
        "behaviour.reply.days_ago > 9999",
        "score.fit > 90",
        'score.grade == "E"',
        "days.in_journey > 400",
        "account.leads == 0",
        "lead.employees > 10 && lead.employees < 5",
        '"no_monney" in sales.rejections',
        "lead.free_mail && !lead.free_mail",
        'stage in ["nowhere", "elsewhere"]',
        'lead.role in ["x"] && lead.role in ["y"]',
    ],
)
def test_what_never_holds(text):
    assert not Possibilities(minimal_playbook()).can(text)


@pytest.mark.parametrize(
    "text",
    [
        "true",
        'stage == "research"',
        "behaviour.reply + behaviour.click >= 7",
        "lead.employees == -10",
        "score.intent >= 100",
        '"role" in known && !("company" in known)',
        '"timing" in sales.rejections',
        'lead.role == "a (b) * c"',
        'lead.role.matches("x") && lead.role == ""',
        "lead.employees * 2 == 7",
        "lead.employees > 0 ? false : false",
        "no.such.name == 3",
        "score.fit + score.intent >= 120 && score.fit + score.intent <= 130",
        "lead.employees == 1e3",
        'lead.role > "a" && lead.role < "b"',
        'lead.role == "a\\"b"',
        'sales.rejections == ["timing", "no_need"] && "role" in known',
        'sales.rejections[1] == "timing"',
        'lead.role in ["x", "y"]',
        'stage in ["nowhere", "research"]',
    ],
)
def test_what_may_hold_or_can_not_be_told(text):
    assert Possibilities(minimal_playbook()).can(text)


def test_what_is_certain_where_a_condition_stands_is_kept_to():
    asked = Possibilities(minimal_playbook())
    assert not asked.can('stage == "research"', given={"stage": ["comparison"]})
    assert asked.can('stage != "research"', given={"stage": ["comparison"]})


def test_scores_reach_from_the_least_to_the_most_that_the_rules_give():
    assert fit_range(minimal_playbook()) == (0, 90)
    assert most_intent(minimal_playbook()) == 100


ATOMS = st.one_of(
    st.builds(
        "{} {} {}".format,
        st.sampled_from(["score.fit", "score.intent", "behaviour.reply", "lead.employees"]),
        st.sampled_from(["<", "<=", "==", "!=", ">", ">="]),
        st.integers(0, 100),
    ),
    st.builds("{} == {}".format, st.just("stage"), st.sampled_from(['"research"', '"comparison"', '"nowhere"'])),
    st.just("lead.free_mail"),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
    ),
    max_leaves=4,
)
VALUES = st.fixed_dictionaries(
    {
        "score.fit": st.integers(0, 90),
        "score.intent": st.integers(0, 100),
        "behaviour.reply": st.integers(0, 50),
        "lead.employees": st.integers(-100, 10_000),
        "stage": st.sampled_from(["problem_awareness", "research", "comparison", "evaluation", "internal_alignment"]),
        "lead.free_mail": st.booleans(),
    }
)


@given(CONDITIONS, VALUES)
@examples(150)
def test_whatever_holds_for_some_lead_is_said_to_be_possible(text, values):
    if minimal_compiled().condition(text).holds(values):
        assert ASKED.can(text)


ASKED = Possibilities(minimal_playbook())


@given(st.text("ab*", max_size=6), st.text("ab*", max_size=6), st.text("ab", max_size=6))
@examples(200)
def test_names_that_one_text_matches_meet(one, other, text):
    if fnmatchcase(text, one) and fnmatchcase(text, other):
        assert _meet(one, other)


def test_a_fraction_between_two_numbers_is_tried():
    share = LeadField(type="float")
    document = minimal_playbook().model_copy(update={"lead_fields": {"share": share}})
    assert Possibilities(document).can("lead.share > 0.1 && lead.share < 0.2")
    assert not Possibilities(document).can("lead.share < 0.1 && lead.share > 0.2")


@pytest.mark.parametrize(("one", "other"), [("/a/*", "/b/*"), ("a", ""), ("a*c", "abd"), ("a*a", "a")])
def test_names_that_nothing_matches_do_not_meet(one, other):
    assert not _meet(one, other)
    assert not _meet(other, one)
