"""When workflow and database are at odds, and what a history remembers for a database that has forgotten."""

from datetime import timedelta
from typing import Any

import pytest

from domain.facts import Facts, LeadFacts, Standing, TouchFact
from domain.remembering import Decided, handoffs, in_force, readable
from domain.standing import differ
from domain.state import HandoffState, JourneyState
from domain.words import Channel, Ending, Phase, TouchStatus
from tests.storage.samples import NOW

BEGUN = JourneyState.begin("ld_a", 1, "hash", NOW)


def at(number: int, **changes: Any) -> Decided:
    state = BEGUN.model_copy(update={"number": number} | changes)
    return Decided(NOW + timedelta(hours=number), state, f"decision {number}", "run")


def touch(status: TouchStatus, number: int) -> TouchFact:
    return TouchFact(
        key="ld_a/1/0/hello", cycle=1, step="hello", channel=Channel.EMAIL, status=status, at=NOW, number=number
    )


@pytest.mark.parametrize(
    ("standing", "open_touch", "odds"),
    [
        pytest.param(Standing(number=4), None, False, id="at the same decision"),
        pytest.param(None, None, True, id="the database has no such journey"),
        pytest.param(Standing(number=3), None, True, id="the database is behind"),
        pytest.param(Standing(number=5, next_run="mine"), None, False, id="the decision was made and not yet told"),
        pytest.param(
            Standing(number=5, next_run="mine", commanded=True), None, True, id="a command that was answered is lost"
        ),
        pytest.param(Standing(number=6, next_run="mine"), None, True, id="the workflow lost what it decided"),
        pytest.param(Standing(number=6, next_run="other"), None, False, id="the journey was reset on purpose"),
        pytest.param(Standing(number=4), touch(TouchStatus.PLANNED, 4), True, id="its last touch is in doubt"),
        pytest.param(Standing(number=4), touch(TouchStatus.SENT, 4), False, id="its last touch was sent"),
        pytest.param(Standing(number=4), touch(TouchStatus.PLANNED, 2), False, id="an older touch waits"),
    ],
)
def test_workflow_and_database_are_at_odds(standing: Standing | None, open_touch: TouchFact | None, odds: bool):
    touches = (open_touch,) if open_touch else ()
    facts = Facts(lead=LeadFacts(id="ld_a", created_at=NOW), touches=touches, standing=standing)
    state = at(4).state
    assert differ(state, facts, [], [], "mine") is odds
    if open_touch:
        assert not differ(state, facts, [open_touch.key], [], "mine"), "it is on its way"
        assert not differ(state, facts, [], [open_touch.key], "mine"), "it has just come back"


def test_what_a_reset_took_back_is_not_in_force():
    base = [at(1), at(2), at(3), at(4)]
    again = [at(1), at(2), at(3, segment="other")]
    brought_back = [at(4, segment="other")]
    runs = [(again[-1].state, brought_back), (BEGUN, again), (BEGUN, base)]
    found = in_force(runs)
    assert [(one.state.number, one.state.segment) for one in found if one.state.segment] == [(3, "other"), (4, "other")]
    assert [one.state.number for one in found] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("received", "cursor"),
    [
        pytest.param({}, 2, id="nothing has come since"),
        pytest.param({3: 9}, 2, id="what is new has a position that was read"),
        pytest.param({3: 1}, 3, id="the backup had what was read"),
        pytest.param({3: 1, 4: 9, 5: 9}, 3, id="some of it"),
    ],
)
def test_positions_given_anew_are_read_anew(received: dict[int, int], cursor: int):
    """The journey had read five events; the restored inbox has two, and what came since. Hours after the beginning."""
    decisions = [at(1, cursor=2), at(2, cursor=5)]
    behaviour = [(position, NOW + timedelta(hours=hour)) for position, hour in received.items()]
    assert readable(decisions, behaviour, max(received, default=2)) == cursor


def test_handoffs_are_read_off_the_states():
    first, second = (HandoffState(id=f"ld_a-1-{n}", opened=NOW, reason="mql") for n in (1, 2))
    decisions = [
        at(3, handoff=first),
        at(4, rejections=("timing",)),
        at(5, handoff=second, rejections=("timing",)),
        at(6, rejections=("timing",), ending=Ending.SALES_ACCEPTED, phase=Phase.ENDED),
    ]
    found = [(one.id[-1], one.number, one.outcome, one.resolved) for one in handoffs(BEGUN, decisions)]
    assert found == [("1", 3, "rejected", 4), ("2", 5, "accepted", 6)]
