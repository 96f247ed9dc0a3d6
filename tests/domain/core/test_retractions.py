"""Behaviour that was taken back counts no more, and the next decision says why."""

from domain.core.decide import decide
from domain.decision import Decision
from domain.facts import RETRACTION, Behaviour
from domain.state import JourneyState
from tests.domain.core.life import DAY, MONDAY, facts
from tests.fixtures.playbooks import minimal_compiled

PLAYBOOK = minimal_compiled()


def visit(*, trusted: bool) -> Behaviour:
    return Behaviour(position=1, kind="page", name="/pricing", at=MONDAY, trusted=trusted)


def retraction(position: int = 2, event: str = "page /pricing") -> Behaviour:
    properties = {"message_id": "m-1", "event": event, "reason": "it was a test"}
    return Behaviour(position=position, kind=RETRACTION, name="behaviour retracted", properties=properties, at=MONDAY)


def decided(state: JourneyState, *behaviours: Behaviour) -> Decision:
    return decide(PLAYBOOK, state, facts().model_copy(update={"behaviours": behaviours}), MONDAY + DAY)


def begun() -> JourneyState:
    return decided(JourneyState.begin("ld_test", 1, PLAYBOOK.hash, MONDAY), visit(trusted=True)).state


def test_the_scores_lose_it_and_the_reasons_say_so():
    before, after = decided(begun(), visit(trusted=True)), decided(begun(), visit(trusted=False), retraction())

    assert before.scores.intent > after.scores.intent == 0
    (reason,) = [reason for reason in after.reasons if reason.rule == "retracted"]
    assert reason.text == "one behaviour was retracted and counts no more"
    assert reason.evidence == {"events": "page /pricing (it was a test)"}
    assert after.state.cursor == 2


def test_it_is_said_once():
    told = decided(begun(), visit(trusted=False), retraction())

    again = decided(told.state, visit(trusted=False), retraction())

    assert "retracted" not in [reason.rule for reason in again.reasons]


def test_a_burst_is_one_reason_of_bounded_length():
    many = [retraction(number, f"page /{number}") for number in range(2, 60)]

    (reason,) = [one for one in decided(begun(), visit(trusted=False), *many).reasons if one.rule == "retracted"]

    assert reason.text.startswith("58 behaviours were retracted")
    assert len(reason.evidence["events"]) < 200


def test_what_was_retracted_is_in_no_title():
    """Titles go to Temporal, and a path or an operator's words may name somebody (DESIGN decision 9)."""
    decision = decided(begun(), visit(trusted=False), retraction())

    assert "/pricing" not in decision.title
    assert "it was a test" not in decision.title
