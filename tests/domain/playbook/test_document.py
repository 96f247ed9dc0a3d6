"""The document's name is a function of its meaning; durations read back as written."""

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authoring.load import load_playbook
from domain.durations import format_duration, parse_duration
from domain.playbook.check import problems
from domain.playbook.checks.finding import did_you_mean
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from tests.authoring.spoil import copy
from tests.fixtures.examples import examples
from tests.fixtures.playbooks import minimal_playbook


def shuffled(data, order):
    """The same data with every mapping's keys in another order."""
    if isinstance(data, dict):
        keys = list(data)
        order.shuffle(keys)
        return {key: shuffled(data[key], order) for key in keys}
    return [shuffled(item, order) for item in data] if isinstance(data, list) else data


@given(st.integers())
@examples(25)
def test_the_hash_does_not_depend_on_the_order_of_keys(seed):
    data = minimal_playbook().model_dump(mode="json")
    other = Playbook.model_validate(shuffled(data, random.Random(seed)))
    assert other.content_hash() == minimal_playbook().content_hash()


@given(st.integers(min_value=0, max_value=3660 * 86_400))
def test_a_duration_reads_back_as_written(seconds):
    duration = timedelta(seconds=seconds)
    assert parse_duration(format_duration(duration)) == duration


@given(st.text(max_size=12))
def test_a_text_is_a_duration_or_refused_with_its_own_words(text):
    try:
        assert parse_duration(text) >= timedelta()
    except ValueError as error:
        refusal = str(error)
    else:
        refusal = repr(text)
    assert repr(text) in refusal


@pytest.mark.parametrize("text", ["", "P", "PT", "P1M", "P1Y", "P1DT", "14", "-1d", "1.5d", "99999w", "14 d"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError):
        parse_duration(text)


def test_a_stored_document_reads_back_to_the_same_hash():
    document = minimal_playbook()
    assert Playbook.model_validate_json(document.model_dump_json()).content_hash() == document.content_hash()


def test_comments_quotes_and_layout_of_the_yaml_do_not_change_the_hash(tmp_path):
    directory = copy(tmp_path)
    path = directory / "playbook.yaml"
    text = path.read_text().replace("mql: 40", "mql:   40  # why 40").replace("name: minimal", "name: 'minimal'\n\n")
    path.write_text(text.replace("length_limit: 365d", "length_limit: P365D"))
    assert load_playbook(directory).content_hash() == minimal_playbook().content_hash()


def test_a_document_without_problems_compiles():
    document = minimal_playbook()
    assert problems(document) == []
    assert CompiledPlaybook(document).hash == document.content_hash()


def test_a_finding_names_a_path_that_exists():
    document = minimal_playbook()
    broken = document.model_copy(update={"segments": document.segments[:1]})
    findings = problems(broken)
    assert findings, "a playbook whose tracks name a segment it lacks has problems"
    for finding in findings:
        part: Any = broken.model_dump()
        for step in finding.path:
            part = part[step]


def test_near_misses_are_named_and_far_ones_listed():
    assert did_you_mean("pricng", ["pricing", "demo"]) == "; did you mean “pricing”?"
    assert did_you_mean("xyz", ["pricing", "demo"]) == "; there is demo, pricing"
    assert did_you_mean("lead.shoe", ["lead.role", "lead.company"]) == "; there is lead.company, lead.role"
    assert did_you_mean("xyz", map(str, range(9))) == ""


def test_the_same_directory_gives_the_same_hash(tmp_path):
    assert load_playbook(copy(tmp_path)).content_hash() == minimal_playbook().content_hash()
