"""What ``decide`` makes of the core's conclusion: small, in real time, and only what changed."""

from datetime import UTC, datetime, timedelta

from activities.deciding import Deciding
from activities.messages import DecideInput, TouchOutcome, TouchResult
from domain.clock import ScaledClock
from domain.facts import OperatorCommand
from domain.words import CommandKind
from storage import playbooks
from storage.journeys import PgJourneys
from storage.playbooks import PgPlaybooks
from tests.activities.conftest import START, Bench, run


async def test_search_attributes_come_back_only_when_they_changed(bench: Bench):
    first = await bench.decide(await bench.enrol(), START)
    assert first.show["TendrilStatus"] == "nurture"
    assert first.show["TendrilPlaybook"] == "minimal"
    again = await bench.decide(first.state, START, shown=first.show, forward=first.forward or "")
    assert (again.show, again.forward) == ({}, None)


async def test_the_next_touch_is_a_search_attribute_and_is_unset_at_the_end(bench: Bench):
    first = await bench.decide(await bench.enrol(), START)
    assert first.show["TendrilNextTouch"] == "2030-01-04T09:00:00Z"
    end = OperatorCommand(id="1", kind=CommandKind.END)
    ended = await bench.decide(first.state, START, commands=(end,), shown=first.show)
    assert ended.show["TendrilNextTouch"] == ""
    assert ended.wake_at is None


async def test_waits_are_in_real_time_and_never_a_moment_early(bench: Bench):
    real = datetime(2026, 5, 1, tzinfo=UTC)
    clock = ScaledClock(86400.0, real, START)
    deciding = Deciding(PgJourneys(bench.database), PgPlaybooks(bench.database), clock)
    result = await run(deciding.decide, DecideInput(state=await bench.enrol(), now=real), real)
    assert timedelta(seconds=3) <= result.wake_at - real <= timedelta(seconds=3, milliseconds=2)  # with its patience
    assert clock.from_real(result.wake_at) >= START + timedelta(days=3)


async def test_a_follower_takes_up_the_newest_playbook(bench: Bench):
    first = await bench.decide(await bench.enrol(), START)
    newer = bench.playbook.model_copy(update={"title": "Second edition"})
    newest = await playbooks.store(bench.database, newer, START, default=True)
    assert (await bench.decide(first.state, START)).state.playbook == newest


async def test_a_decision_says_what_caused_it(bench: Bench):
    state = await bench.enrol()
    asked = DecideInput(state=state, now=START)
    refused = TouchOutcome(key="k", result=TouchResult.REFUSED)
    pause = OperatorCommand(id="1", kind=CommandKind.PAUSE)
    told = asked.model_copy(update={"wakes": ("/pricing",)})
    assert asked.cause == "enrolled"
    assert told.cause == "behaviour"
    assert told.model_copy(update={"outcomes": (refused,)}).cause == "touch refused"
    assert told.model_copy(update={"commands": (pause,)}).cause == "command: pause"
    assert asked.model_copy(update={"state": state.model_copy(update={"number": 4})}).cause == "timer"


async def test_a_command_that_temporal_forgot_and_is_told_again_is_not_obeyed_again(bench: Bench):
    first = await bench.decide(await bench.enrol(), START)
    forced = OperatorCommand(id="c-1", kind=CommandKind.FORCE_STAGE, stage="comparison")
    second = await bench.decide(first.state, START, commands=(forced,))
    back = OperatorCommand(id="c-2", kind=CommandKind.FORCE_STAGE, stage="research")
    third = await bench.decide(second.state, START, commands=(back,))

    again = await bench.decide(third.state, START, commands=(forced,))

    assert (second.state.stage, again.state.stage) == ("comparison", "research")
    assert "asked to force stage" not in again.why


async def test_a_decision_that_is_made_again_obeys_its_command_again(bench: Bench):
    first = await bench.decide(await bench.enrol(), START)
    forced = OperatorCommand(id="c-1", kind=CommandKind.FORCE_STAGE, stage="comparison")
    for _ in range(2):
        assert (await bench.decide(first.state, START, commands=(forced,))).state.stage == "comparison"
