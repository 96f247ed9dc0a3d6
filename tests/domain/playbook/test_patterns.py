"""Patterns complete at their last part, within their window, and use their parts up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.facts import Behaviour
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Pattern, Playbook
from domain.playbook.patterns import completions
from tests.fixtures.playbooks import minimal_playbook

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
GROUPS = {"ad": "ads", "mail": "mail", "prices": "web", "demo": "web"}


class Happened:
    """A named behaviour on a day."""

    def __init__(self, text: str) -> None:
        self.name, day = text.split("@")
        self.at = START + float(day) * DAY

    def __repr__(self) -> str:
        return f"{self.name}@{(self.at - START) / DAY:g}"


def found(pattern: dict[str, Any], *happened: str) -> list[str]:
    """The completions, each as its parts."""
    read = Pattern.model_validate({"label": "did it", "within": "7d"} | pattern)
    return [str(list(parts)) for parts in completions(read, [Happened(text) for text in happened], GROUPS)]


def test_a_and_b_in_any_order_within_the_window():
    pattern = {"all": ["prices", "demo"]}
    assert found(pattern, "demo@0", "prices@3") == ["[demo@0, prices@3]"]
    assert found(pattern, "prices@0", "demo@7") == ["[prices@0, demo@7]"]
    assert found(pattern, "prices@0", "demo@8") == []


def test_a_then_b_only_in_that_order():
    pattern = {"sequence": ["demo", "prices"]}
    assert found(pattern, "demo@0", "prices@3") == ["[demo@0, prices@3]"]
    assert found(pattern, "prices@0", "demo@3") == []
    assert found(pattern, "prices@0", "demo@3", "prices@4") == ["[demo@3, prices@4]"]


def test_the_same_thing_twice_in_a_sequence():
    assert found({"sequence": ["prices", "prices"]}, "prices@0", "prices@1", "prices@2") == ["[prices@0, prices@1]"]


def test_n_times_within_the_window_and_again_after_as_many_more():
    pattern = {"any": ["prices"], "times": 3}
    assert found(pattern, "prices@0", "prices@1") == []
    six = [f"prices@{day}" for day in range(6)]
    assert found(pattern, *six) == ["[prices@0, prices@1, prices@2]", "[prices@3, prices@4, prices@5]"]
    assert found(pattern, "prices@0", "prices@1", "prices@8.5") == []


def test_across_channels():
    pattern = {"any": ["ad", "mail", "prices", "demo"], "times": 2, "groups": 2}
    assert found(pattern, "prices@0", "demo@1") == []
    assert found(pattern, "prices@0", "demo@1", "mail@2") == ["[prices@0, demo@1, mail@2]"]


@given(st.lists(st.tuples(st.sampled_from(sorted(GROUPS)), st.integers(0, 60)), max_size=30))
def test_completions_keep_the_window_and_share_no_part(happened):
    pattern = Pattern.model_validate({"label": "x", "within": "7d", "any": ["prices", "demo"], "times": 2})
    hits = [Happened(f"{name}@{day}") for name, day in sorted(happened, key=lambda one: one[1])]
    used: list[Happened] = []
    for parts in completions(pattern, hits, GROUPS):
        assert parts[-1].at - parts[0].at <= pattern.within
        assert len(parts) >= 2
        used += parts
    assert len({id(part) for part in used}) == len(used)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ({}, "exactly one of all, sequence and any"),
        ({"all": ["a", "b"], "any": ["a"]}, "exactly one of all, sequence and any"),
        ({"all": ["a"]}, "at least two"),
        ({"sequence": ["a", "b"], "times": 2}, "go with any"),
    ],
)
def test_what_is_no_pattern_is_refused_in_words(pattern, says):
    with pytest.raises(ValidationError, match=says):
        Pattern.model_validate({"label": "x", "within": "7d"} | pattern)


def test_a_pattern_counts_in_conditions_like_a_behaviour():
    document = minimal_playbook().model_dump(mode="json")
    document["patterns"] = {"keen": {"any": ["pricing_visit"], "times": 2, "within": "3d", "label": "came twice"}}
    playbook = CompiledPlaybook(Playbook.model_validate(document))
    visits = [Behaviour(position=n, kind="page", name="/pricing", at=START + n * DAY) for n in (1, 2, 3)]
    hits = playbook.matcher.hits(visits)
    assert [(hit.name, hit.position) for hit in hits if hit.name == "keen"] == [("keen", 2)]
    counted = playbook.counts(hits, START + 4 * DAY)
    assert (counted["behaviour.keen"], counted["behaviour.keen.days_ago"]) == (1, 2)
    assert playbook.condition("behaviour.keen.in_7d == 1 && behaviour.pricing_visit == 3").uses == (
        "behaviour.keen.in_7d",
        "behaviour.pricing_visit",
    )
