"""Who survives when two leads are one, and when a machine may say so by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.merging import Said, Standing, choose, doubt
from domain.words import LeadStatus, Phase

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


def standing(lead: str = "ld_a", days: int = 0, **given: Any) -> Standing:
    return Standing(lead=lead, created_at=NOW + timedelta(days=days), **given)


_STANDINGS = st.builds(
    standing,
    days=st.integers(0, 3),
    phase=st.none() | st.sampled_from(Phase),
    status=st.none() | st.sampled_from(LeadStatus),
)


@pytest.mark.parametrize(
    ("kept", "other", "rule"),
    [
        ({"phase": Phase.HANDOFF}, {"phase": Phase.COOL_DOWN}, "sales has it"),
        ({"phase": Phase.ENDED, "status": LeadStatus.SALES_ACCEPTED}, {"phase": Phase.NURTURE}, "sales has it"),
        ({"phase": Phase.ENTRY}, {"phase": Phase.ENDED}, "its journey runs"),
        ({"phase": Phase.ENTRY}, {}, "its journey runs"),
        ({"phase": Phase.NURTURE}, {"phase": Phase.RE_ENGAGEMENT}, "its journey has come further"),
        ({}, {"days": 1}, "it came first"),
    ],
    ids=["open handoff", "accepted", "running", "enrolled", "further", "older"],
)
def test_who_survives(kept: dict[str, Any], other: dict[str, Any], rule: str):
    choice = choose(
        standing("ld_other", **other), standing("ld_kept", **({"days": 9} if "days" not in other else {}) | kept)
    )
    assert (choice.survivor, choice.merged, choice.rule) == ("ld_kept", "ld_other", rule)


@given(one=_STANDINGS, other=_STANDINGS)
def test_the_order_does_not_matter(one: Standing, other: Standing):
    first = Standing(**{**_fields(one), "lead": "ld_1"})
    second = Standing(**{**_fields(other), "lead": "ld_2"})
    assert choose(first, second) == choose(second, first)
    for said in Said:
        assert doubt(first, second, said) == doubt(second, first, said)


@pytest.mark.parametrize(
    ("one", "other", "said", "why"),
    [
        ({"email": "a"}, {"external_id": "1"}, Said.IDENTIFIED, ""),
        ({"email": "a", "external_id": "2"}, {"external_id": "1"}, Said.ALIAS, ""),
        ({"email": "a", "mailbox": "m"}, {"email": "b", "mailbox": "m"}, Said.ALIAS, ""),
        ({"email": "a", "mailbox": "m"}, {"email": "b", "mailbox": "m"}, Said.MAILBOX, "two people may share"),
        ({"email": "a"}, {"email": "b"}, Said.IDENTIFIED, "different addresses"),
        ({"phase": Phase.HANDOFF}, {"phase": Phase.SALES_REVIEW}, Said.ALIAS, "sales has both"),
        ({"external_id": "1"}, {"email": "b"}, Said.VISITOR, ""),
        ({"external_id": "1"}, {"external_id": "2"}, Said.VISITOR, "one computer"),
        ({"phase": Phase.NURTURE}, {"phase": Phase.ENDED}, Said.VISITOR, "both had a journey"),
    ],
    ids=[f"case {number}" for number in range(9)],
)
def test_what_a_machine_may_not_decide(one: dict[str, Any], other: dict[str, Any], said: Said, why: str):
    reason = doubt(standing("ld_a", **one), standing("ld_b", **other), said)
    assert why in reason
    assert bool(why) == bool(reason)


def _fields(lead: Standing) -> dict[str, Any]:
    return {name: getattr(lead, name) for name in Standing.__dataclass_fields__}
