"""Recording decisions."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.decision import OpenHandoff, Reason, ResolveHandoff, Suppress, Wake
from domain.errors import NotFound
from domain.state import JourneyState
from domain.words import Channel, Ending, LeadStatus, Phase
from storage.database import Database
from storage.journeys import PgJourneys
from storage.leads import LeadInput, upsert
from storage.permission import suppressed
from tests.storage.recorded import record, send
from tests.storage.samples import NOW


async def _statuses(db: Database) -> dict[str, str]:
    return {row["step"]: row["status"] for row in await db.pool.fetch("select step, status from touch")}


async def _set(db: Database, status: str) -> None:
    await db.pool.execute("update touch set status = $1", status)


async def test_an_unknown_lead_is_said_to_be(database: Database, begun: JourneyState):
    nobody = begun.model_copy(update={"lead": "ld_nobody"})
    with pytest.raises(NotFound, match="ld_nobody"):
        await PgJourneys(database).gather(nobody, NOW)
    with pytest.raises(NotFound, match="ld_nobody"):
        await record(database, nobody)


async def test_a_decision_is_written_with_all_that_follows(database: Database, begun: JourneyState):
    task = send(begun, "handoff", Channel.SDR_TASK)
    state = await record(
        database,
        begun,
        changes={"phase": Phase.HANDOFF, "status": LeadStatus.SALES_REVIEW, "cursor": 4},
        send=(send(begun), send(begun, "call", Channel.SDR_TASK), task),
        open_handoff=OpenHandoff(id=f"{begun.lead}-1-1", reason="ready", sla_at=NOW, brief={"why": "asked"}),
        audiences={"retarget": True, "never": False},
        crm={"status": "sales_review"},
        reasons=(Reason(rule="ready", text="Asked for a demo"),),
        next_wake=Wake(at=NOW + timedelta(days=3), cause="SLA"),
        forward=("a call",),
    )
    journey = await database.pool.fetchrow("select * from journey")
    assert (journey["decision_number"], journey["phase"], journey["cursor"]) == (1, "handoff", 4)
    assert (journey["next_wake_cause"], journey["forward"], journey["ended_at"]) == ("SLA", ["a call"], None)
    decision = await database.pool.fetchrow("select * from decision")
    assert JourneyState.model_validate(decision["state"]) == state
    assert (decision["cause"], decision["wake_types"], decision["revision"]) == ("timer", ["/pricing"], 1)
    handoff = await database.pool.fetchrow("select * from handoff")
    assert (handoff["status"], handoff["touch_key"], handoff["brief"]) == ("open", task.key, {"why": "asked"})
    assert [tuple(row) for row in await database.pool.fetch("select audience, desired from audience_member")] == [
        ("retarget", True)
    ]


async def test_recording_a_decision_twice_doubles_nothing(database: Database, begun: JourneyState):
    parts: dict[str, Any] = {
        "send": (send(begun), send(begun, "brief", Channel.SDR_TASK)),
        "open_handoff": OpenHandoff(id=f"{begun.lead}-1-1", reason="ready", sla_at=NOW, brief={}),
        "suppress": Suppress(reason="opted_out"),
        "audiences": {"retarget": True},
        "crm": {"status": "new"},
    }
    for _ in range(2):
        await record(database, begun, **parts)
    await asyncio.gather(*(record(database, begun, **parts) for _ in range(5)))

    rows = await database.pool.fetch("select number, revision, superseded from decision order by revision")
    assert [tuple(row) for row in rows] == [(1, n, n < 7) for n in range(1, 8)]
    assert await _statuses(database) == {"hello": "planned", "brief": "planned"}
    assert [tuple(row) for row in await database.pool.fetch("select status, decision_number from handoff")] == [
        ("open", 1)
    ]
    assert await database.pool.fetchval("select version from audience_member") == 1
    assert await database.pool.fetchval("select version from crm_record") == 1


async def test_deciding_again_withdraws_what_only_the_former_decision_wanted(database: Database, begun: JourneyState):
    first = await record(database, begun, send=(send(begun, "one"),))
    await database.pool.execute("update touch set status = 'sent'")
    await record(
        database,
        first,
        send=(send(begun, "two"), send(begun, "kept")),
        open_handoff=OpenHandoff(id=f"{begun.lead}-1-1", reason="wrong rule", sla_at=NOW, brief={}),
    )
    await record(database, first, send=(send(begun, "kept"),))
    assert await _statuses(database) == {"one": "sent", "two": "withdrawn", "kept": "planned"}
    assert await database.pool.fetchval("select status from handoff") == "withdrawn"


async def test_a_reset_far_back_supersedes_all_later_decisions_and_reopens(database: Database, begun: JourneyState):
    handoff = f"{begun.lead}-1-1"
    first = await record(
        database, begun, open_handoff=OpenHandoff(id=handoff, reason="r", sla_at=NOW, brief={}), send=(send(begun),)
    )
    second = await record(database, first, resolve_handoff=ResolveHandoff(id=handoff, outcome="expired"))
    await record(database, second, changes={"phase": Phase.ENDED, "ending": Ending.SUNSET}, send=(send(begun, "x"),))
    assert await database.pool.fetchval("select ended_at is not null from journey")

    await record(database, first)
    in_force = await database.pool.fetch("select number, revision from decision where not superseded order by number")
    assert [tuple(row) for row in in_force] == [(1, 1), (2, 2)]
    journey = await database.pool.fetchrow("select decision_number, ended_at, ending from journey")
    assert tuple(journey) == (2, None, "")
    assert await database.pool.fetchval("select status from handoff") == "open"
    assert await _statuses(database) == {"hello": "planned", "x": "withdrawn"}


@pytest.mark.parametrize("outcome", ["accepted", "rejected", "expired"])
async def test_a_reset_to_before_a_handoff_opens_it_again_whatever_became_of_it(
    database: Database, begun: JourneyState, outcome: str
):
    first = await record(database, begun)
    opened = OpenHandoff(id=f"{begun.lead}-1-1", reason="ready", sla_at=NOW, brief={"why": "asked"})
    second = await record(database, first, open_handoff=opened)
    resolved = ResolveHandoff(id=opened.id, outcome=outcome, reason="no_need")
    await record(database, second, resolve_handoff=resolved)

    again = await record(database, first, open_handoff=opened.model_copy(update={"brief": {"why": "asked again"}}))
    handoff = await database.pool.fetchrow("select * from handoff")
    assert (handoff["status"], handoff["brief"]) == ("open", {"why": "asked again"})
    assert (handoff["resolved_at"], handoff["resolved_number"], handoff["outcome_reason"]) == (None, None, "")
    await record(database, again, resolve_handoff=resolved)
    assert await database.pool.fetchval("select status from handoff") == outcome


async def test_a_handoff_once_resolved_is_not_opened_again_by_a_later_decision(database: Database, begun: JourneyState):
    opened = OpenHandoff(id=f"{begun.lead}-1-1", reason="ready", sla_at=NOW, brief={})
    state = await record(database, begun, open_handoff=opened)
    state = await record(database, state, resolve_handoff=ResolveHandoff(id=opened.id, outcome="rejected"))
    await record(database, state, open_handoff=opened)
    assert await database.pool.fetchval("select status from handoff") == "rejected"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("refused", "planned"),
        ("withdrawn", "planned"),
        ("planned", "planned"),
        ("sent", "sent"),
        ("claimed", "claimed"),
        ("unknown", "unknown"),
        ("failed", "failed"),
    ],
)
async def test_only_a_touch_under_which_nothing_left_is_planned_again(
    database: Database, begun: JourneyState, before: str, after: str
):
    first = await record(database, begun, send=(send(begun),))
    await _set(database, before)
    await record(database, first, send=(send(begun),))
    assert await _statuses(database) == {"hello": after}


async def test_a_touch_carried_on_by_a_later_decision_is_planned_for_then(database: Database, begun: JourneyState):
    first = await record(database, begun, send=(send(begun),))
    await record(database, first, send=(send(begun),))
    assert await database.pool.fetchval("select planned_at from touch") == NOW + timedelta(days=2)


@pytest.mark.parametrize(("before", "after"), [("planned", "withdrawn"), ("claimed", "claimed"), ("sent", "sent")])
async def test_only_a_planned_touch_is_withdrawn(database: Database, begun: JourneyState, before: str, after: str):
    first = await record(database, begun, send=(send(begun),))
    await _set(database, before)
    await record(database, first, withdraw=(send(begun).key,))
    assert await _statuses(database) == {"hello": after}


async def test_suppression_keeps_its_first_reason_and_needs_an_address(database: Database, begun: JourneyState):
    first = await record(database, begun, suppress=Suppress(reason="opted_out"))
    await record(database, first, suppress=Suppress(reason="complained"))
    assert await suppressed(database, ["ann@acme.example"]) == {"ann@acme.example": "opted_out"}
    lead = (await upsert(database, LeadInput(external_id="no-address"), NOW)).lead_id
    await record(database, JourneyState.begin(lead, 1, begun.playbook, NOW), suppress=Suppress(reason="manual"))
    assert await database.pool.fetchval("select count(*) from suppression") == 1


async def test_lists_change_version_only_when_they_change_and_are_left_at_the_end(
    database: Database, begun: JourneyState
):
    state = await record(database, begun, audiences={"a": True, "b": True}, crm={"x": 1})
    state = await record(database, state, audiences={"a": True, "b": False}, crm={"x": 1})
    state = await record(database, state, audiences={"a": True}, crm={"x": 2})
    rows = await database.pool.fetch("select audience, desired, version from audience_member order by audience")
    assert [tuple(row) for row in rows] == [("a", True, 1), ("b", False, 2)]
    assert await database.pool.fetchval("select version from crm_record") == 2
    await record(database, state, changes={"phase": Phase.ENDED, "ending": Ending.SUNSET})
    assert not await database.pool.fetchval("select bool_or(desired) from audience_member")


async def test_an_audience_that_the_playbook_no_longer_has_is_left_at_the_next_decision(
    database: Database, begun: JourneyState
):
    state = await record(database, begun, audiences={"dropped": True, "kept": True})
    await record(database, state, audiences={"kept": True})
    rows = await database.pool.fetch("select audience, desired, version from audience_member order by audience")
    assert [tuple(row) for row in rows] == [("dropped", False, 2), ("kept", True, 1)]
