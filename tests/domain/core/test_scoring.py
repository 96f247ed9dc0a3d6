"""Fit from attributes, intent from behaviour: decay, caps, grades, and nothing that is not trusted."""

import pytest

from domain.core.scoring import entry_scores
from domain.facts import Behaviour
from tests.domain.core.life import DAY, MONDAY, facts, lead
from tests.fixtures.playbooks import minimal_compiled


def visits(*ages, path="/pricing", trusted=True):
    return tuple(
        Behaviour(position=n, kind="page", name=path, at=MONDAY - age * DAY, trusted=trusted)
        for n, age in enumerate(sorted(ages, reverse=True), 1)
    )


def scores(behaviours=(), **fields):
    return entry_scores(minimal_compiled(), facts(lead(**fields)).model_copy(update={"behaviours": behaviours}), MONDAY)


def test_fit_is_the_sum_of_the_rules_that_hold():
    assert (scores(role="cfo", employees=500).fit, scores(role="cfo", employees=500).grade) == (90, "A")
    assert (scores(free_mail=True).fit, scores(free_mail=True).grade) == (0, "D")


def test_a_value_of_the_wrong_type_counts_as_unknown():
    assert scores(employees="many").fit == scores().fit
    assert scores(employees=True).fit == scores().fit


@pytest.mark.parametrize(("age", "points"), [(0, 20), (7, 10), (14, 5), (70, 0)])
def test_a_pricing_visit_loses_half_its_points_every_week(age, points):
    assert scores(visits(age)).intent == points


def test_a_group_gives_no_more_than_its_cap():
    result = scores(visits(*[0] * 10))
    assert result.intent == 60
    assert any("held at 60" in part.text for part in result.contributions)


def test_what_is_not_trusted_counts_nothing():
    assert scores(visits(0, trusted=False)).intent == 0


def test_contributions_add_up_to_the_score():
    result = scores(visits(0, 1, 2), source="referral", role="cfo")
    fit = sum(part.points for part in result.contributions if part.text == "fit")
    assert minimal_compiled().document.scoring.fit.base + fit == result.fit
    assert round(sum(part.points for part in result.contributions if part.text != "fit")) == result.intent
