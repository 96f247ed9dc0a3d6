"""Two versions of a playbook compared: every edit shows, in words, and nothing shows that did not change."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from authoring.changes import Change, differences
from domain.playbook.models import Playbook
from domain.playbook.places import conditions
from tests.authoring.everything import everything
from tests.fixtures.examples import examples

Edit = Callable[[dict[str, Any]], None]
#: Conditions that compile wherever the language has conditions.
_CONDITIONS = sorted({text for _, text, _ in conditions(everything())})
_MIRRORED = {"added": "removed", "removed": "added"}


def edited(*edits: Edit) -> Playbook:
    data = everything().model_dump(mode="json")
    for edit in edits:
        edit(data)
    return Playbook.model_validate(data)


def change(edit: Edit) -> Change:
    (found,) = differences(everything(), edited(edit))
    return found


def track(data: dict[str, Any], segment: str, stage: str) -> dict[str, Any]:
    return next(one for one in data["tracks"] if (one["segment"], one["stage"]) == (segment, stage))


@st.composite
def edits(draw: st.DrawFn) -> Playbook:
    """The playbook with up to three random edits that leave it a playbook."""
    data = everything().model_dump(mode="json")
    for _ in range(draw(st.integers(1, 3))):
        before = Playbook.model_validate(data).model_dump(mode="json")
        _edit(data, draw)
        try:
            Playbook.model_validate(data)
        except ValidationError:
            data = before
    return Playbook.model_validate(data)


def _edit(data: Any, draw: st.DrawFn) -> None:
    """Change something somewhere below."""
    holder, key = data, draw(st.sampled_from(sorted(data)))
    while isinstance(holder[key], dict | list) and holder[key] and draw(st.integers(0, 3)):
        holder = holder[key]
        key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
    match holder[key]:
        case list(items) if len(items) > 1:
            holder[key] = draw(st.permutations(items)) if draw(st.booleans()) else items[:-1]
        case dict(items) if len(items) > 1:
            del items[draw(st.sampled_from(sorted(items)))]
        case bool(value):
            holder[key] = not value
        case int(value) | float(value):
            holder[key] = value + draw(st.integers(1, 5))
        case str():
            words = (
                _CONDITIONS
                if key == "when"
                else ["3d", "12h", "research", "other", "email", "A longer text.\nOf two lines."]
            )
            holder[key] = draw(st.sampled_from(words))
        case None:
            holder[key] = draw(st.sampled_from(["4d", "research", "lead.employees >= 7"]))


@examples(40)
@given(edits(), edits())
def test_what_differs_is_told_exactly_when_the_versions_differ(one: Playbook, other: Playbook):
    found = differences(one, other)

    assert bool(found) == (one.content_hash() != other.content_hash())
    assert differences(one, one) == ()
    assert all(change.text and change.section and change.path for change in found)
    back = differences(other, one)
    assert sorted((change.path, _MIRRORED.get(change.kind, change.kind)) for change in back) == sorted(
        (change.path, change.kind) for change in found
    )


def test_a_new_gap_is_told_as_time():
    def later(data: dict[str, Any]) -> None:
        track(data, "smb", "problem_awareness")["touches"][1]["gap"] = "36h"

    found = change(later)

    assert (found.kind, found.section) == ("retimed", "Steps")
    assert found.text.startswith("gap ")
    assert found.text.endswith(" → 1 day 12 hours")


def test_a_step_in_another_track_is_moved_and_not_another_one():
    def move(data: dict[str, Any]) -> None:
        step = track(data, "smb", "problem_awareness")["touches"].pop(0)
        track(data, "*", "comparison")["touches"].append(step)

    found = change(move)

    assert found.kind == "moved"
    assert found.text == "moved from Small and medium, problem awareness to everyone else, comparison"


def test_conditions_are_told_in_words_old_and_new():
    def loosen(data: dict[str, Any]) -> None:
        data["segments"][0]["when"] = "lead.employees >= 50"

    found = change(loosen)

    assert found.section == "Segments"
    assert found.text == "who belongs employees: at least 200 → employees: at least 50"


def test_of_a_text_only_the_lines_that_differ_are_told():
    def reword(data: dict[str, Any]) -> None:
        data["assets"]["guide"]["body"] += "\n\nOne line more."

    found = change(reword)

    assert (found.subject, found.text) == ("guide", "text")
    assert found.lines == ("+", "+ One line more.")


def test_one_rule_that_goes_before_the_others_is_the_only_one_that_moved():
    def first(data: dict[str, Any]) -> None:
        data["triggers"].insert(0, data["triggers"].pop())

    found = change(first)

    assert (found.kind, found.text) == ("moved", "moved: now first")
