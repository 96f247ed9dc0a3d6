"""Gathering facts and recording decisions."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.decision import Decision, OpenHandoff, Reason, ResolveHandoff, SendTouch, Suppress, Wake
from domain.errors import NotFound
from domain.state import JourneyState
from domain.words import Channel, Ending, LeadStatus, Phase
from storage.database import Database
from storage.inbox import accept
from storage.journeys import PgJourneys
from storage.leads import ConsentInput, LeadInput, upsert
from storage.permission import suppressed
from tests.storage.samples import NOW, applied, enrolled, event


@pytest.fixture
async def begun(database: Database) -> JourneyState:
    """The state of a journey just enrolled."""
    playbook = await applied(database)
    lead = await enrolled(database, country="DE", fields={"role": "cto", "team": None})
    return JourneyState.begin(lead, 1, playbook, NOW)


def _next(state: JourneyState, **changes: Any) -> JourneyState:
    return state.model_copy(update={"number": state.number + 1} | changes)


def _decision(state: JourneyState, **parts: Any) -> Decision:
    return Decision(state=state, at=NOW + timedelta(days=state.number), title=f"Decision {state.number}", **parts)


def _send(state: JourneyState, step: str = "hello", channel: Channel = Channel.EMAIL) -> SendTouch:
    return SendTouch(key=f"{state.lead}/{state.cycle}/0/{step}", channel=channel, step=step, asset=step)


async def _record(db: Database, previous: JourneyState, **parts: Any) -> JourneyState:
    state = _next(previous, **parts.pop("changes", {}))
    await PgJourneys(db).record(previous, _decision(state, **parts), "timer", ["/pricing"])
    return state


async def _statuses(db: Database) -> dict[str, str]:
    return {row["step"]: row["status"] for row in await db.pool.fetch("select step, status from touch")}


async def _set(db: Database, status: str) -> None:
    await db.pool.execute("update touch set status = $1", status)


async def test_facts_are_what_is_known(database: Database, begun: JourneyState):
    await upsert(
        database,
        LeadInput(
            email="ann@acme.example",
            consent=(
                ConsentInput(channel=Channel.EMAIL, granted=False),
                ConsentInput(channel=Channel.DIRECT_MAIL, granted=True, basis="consent"),
            ),
        ),
        NOW,
    )
    colleague = await enrolled(database, "bob@acme.example")
    await accept(
        database,
        [
            event("old", lead_id=begun.lead, days=-200),
            event("new", lead_id=begun.lead, days=-1, properties={"n": 1}),
            event("scan", lead_id=begun.lead, trusted=False),
            event("colleague", lead_id=colleague, days=-3),
        ],
        NOW,
    )
    other = JourneyState.begin(colleague, 1, begun.playbook, NOW)
    await _record(database, other, send=(_send(other),))
    await database.pool.execute("update touch set status = 'sent', sent_at = $1", NOW - timedelta(days=2))
    await _record(database, begun, send=(_send(begun),))

    facts = await PgJourneys(database).gather(begun.model_copy(update={"cursor": 1}), NOW)

    assert (facts.lead.fields, facts.lead.email_domain, facts.lead.country) == ({"role": "cto"}, "acme.example", "DE")
    assert [(b.position, b.trusted) for b in facts.behaviours] == [(2, True), (3, False)]
    assert facts.behaviours[0].properties == {"n": 1}
    assert [(touch.step, touch.status, touch.number) for touch in facts.touches] == [("hello", "planned", 1)]
    assert (facts.account.domain, facts.account.leads, facts.account.active_leads_30d) == ("acme.example", 2, 1)
    assert facts.account.recent_touches == ((Channel.EMAIL, NOW - timedelta(days=2)),)
    assert facts.permission.declined == {Channel.EMAIL}
    assert (facts.permission.basis, facts.permission.suppressed) == ("consent", "")
    assert facts.active_playbook == begun.playbook


async def test_behaviour_not_considered_yet_is_gathered_however_old(database: Database, begun: JourneyState):
    await accept(database, [event("old", lead_id=begun.lead, days=-400)], NOW)
    assert len((await PgJourneys(database).gather(begun, NOW)).behaviours) == 1


async def test_of_what_was_read_before_the_newest_five_hundred_are_gathered(database: Database, begun: JourneyState):
    await accept(database, [event(str(number), lead_id=begun.lead) for number in range(520)], NOW)
    facts = await PgJourneys(database).gather(begun.model_copy(update={"cursor": 515}), NOW)
    assert [b.position for b in facts.behaviours] == list(range(16, 521))
    assert not facts.more_unread


async def test_a_flood_is_read_in_several_decisions_without_passing_over_anything(
    database: Database, begun: JourneyState
):
    await accept(database, [event(str(number), lead_id=begun.lead) for number in range(5000)], NOW)
    read: list[int] = []
    state, more = begun, True
    while more:
        facts = await PgJourneys(database).gather(state, NOW)
        unread = [b.position for b in facts.behaviours if b.position > state.cursor]
        assert [b.position for b in facts.behaviours if b.position <= state.cursor] == read[-500:]
        read += unread
        state, more = state.model_copy(update={"cursor": unread[-1]}), facts.more_unread
    assert read == list(range(1, 5001))


async def test_exactly_as_much_as_one_decision_reads_leaves_nothing_more(database: Database, begun: JourneyState):
    await accept(database, [event(str(number), lead_id=begun.lead) for number in range(2000)], NOW)
    facts = await PgJourneys(database).gather(begun, NOW)
    assert (len(facts.behaviours), facts.more_unread) == (2000, False)


async def test_a_lead_on_its_own_has_facts_too(database: Database, begun: JourneyState):
    lead = (await upsert(database, LeadInput(external_id="x"), NOW)).lead_id
    facts = await PgJourneys(database).gather(JourneyState.begin(lead, 1, begun.playbook, NOW), NOW)
    assert (facts.lead.has_email, facts.account.id, facts.behaviours, facts.touches) == (False, "", (), ())


async def test_an_unknown_lead_is_said_to_be(database: Database, begun: JourneyState):
    nobody = begun.model_copy(update={"lead": "ld_nobody"})
    with pytest.raises(NotFound, match="ld_nobody"):
        await PgJourneys(database).gather(nobody, NOW)
    with pytest.raises(NotFound, match="ld_nobody"):
        await _record(database, nobody)


async def test_a_decision_is_written_with_all_that_follows(database: Database, begun: JourneyState):
    task = _send(begun, "brief", Channel.SDR_TASK)
    state = await _record(
        database,
        begun,
        changes={"phase": Phase.HANDOFF, "status": LeadStatus.SALES_REVIEW, "cursor": 4},
        send=(_send(begun), task),
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
        "send": (_send(begun), _send(begun, "brief", Channel.SDR_TASK)),
        "open_handoff": OpenHandoff(id=f"{begun.lead}-1-1", reason="ready", sla_at=NOW, brief={}),
        "suppress": Suppress(reason="opted_out"),
        "audiences": {"retarget": True},
        "crm": {"status": "new"},
    }
    for _ in range(2):
        await _record(database, begun, **parts)
    await asyncio.gather(*(_record(database, begun, **parts) for _ in range(5)))

    rows = await database.pool.fetch("select number, revision, superseded from decision order by revision")
    assert [tuple(row) for row in rows] == [(1, n, n < 7) for n in range(1, 8)]
    assert await _statuses(database) == {"hello": "planned", "brief": "planned"}
    assert [tuple(row) for row in await database.pool.fetch("select status, decision_number from handoff")] == [
        ("open", 1)
    ]
    assert await database.pool.fetchval("select version from audience_member") == 1
    assert await database.pool.fetchval("select version from crm_record") == 1


async def test_deciding_again_withdraws_what_only_the_former_decision_wanted(database: Database, begun: JourneyState):
    first = await _record(database, begun, send=(_send(begun, "one"),))
    await database.pool.execute("update touch set status = 'sent'")
    await _record(
        database,
        first,
        send=(_send(begun, "two"), _send(begun, "kept")),
        open_handoff=OpenHandoff(id=f"{begun.lead}-1-1", reason="wrong rule", sla_at=NOW, brief={}),
    )
    await _record(database, first, send=(_send(begun, "kept"),))
    assert await _statuses(database) == {"one": "sent", "two": "withdrawn", "kept": "planned"}
    assert await database.pool.fetchval("select status from handoff") == "withdrawn"


async def test_a_reset_far_back_supersedes_all_later_decisions_and_reopens(database: Database, begun: JourneyState):
    handoff = f"{begun.lead}-1-1"
    first = await _record(
        database, begun, open_handoff=OpenHandoff(id=handoff, reason="r", sla_at=NOW, brief={}), send=(_send(begun),)
    )
    second = await _record(database, first, resolve_handoff=ResolveHandoff(id=handoff, outcome="expired"))
    await _record(database, second, changes={"phase": Phase.ENDED, "ending": Ending.SUNSET}, send=(_send(begun, "x"),))
    assert await database.pool.fetchval("select ended_at is not null from journey")

    await _record(database, first)
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
    first = await _record(database, begun)
    opened = OpenHandoff(id=f"{begun.lead}-1-1", reason="ready", sla_at=NOW, brief={"why": "asked"})
    second = await _record(database, first, open_handoff=opened)
    resolved = ResolveHandoff(id=opened.id, outcome=outcome, reason="no_need")
    await _record(database, second, resolve_handoff=resolved)

    again = await _record(database, first, open_handoff=opened.model_copy(update={"brief": {"why": "asked again"}}))
    handoff = await database.pool.fetchrow("select * from handoff")
    assert (handoff["status"], handoff["brief"]) == ("open", {"why": "asked again"})
    assert (handoff["resolved_at"], handoff["resolved_number"], handoff["outcome_reason"]) == (None, None, "")
    await _record(database, again, resolve_handoff=resolved)
    assert await database.pool.fetchval("select status from handoff") == outcome


async def test_a_handoff_once_resolved_is_not_opened_again_by_a_later_decision(database: Database, begun: JourneyState):
    opened = OpenHandoff(id=f"{begun.lead}-1-1", reason="ready", sla_at=NOW, brief={})
    state = await _record(database, begun, open_handoff=opened)
    state = await _record(database, state, resolve_handoff=ResolveHandoff(id=opened.id, outcome="rejected"))
    await _record(database, state, open_handoff=opened)
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
    first = await _record(database, begun, send=(_send(begun),))
    await _set(database, before)
    await _record(database, first, send=(_send(begun),))
    assert await _statuses(database) == {"hello": after}


async def test_a_touch_carried_on_by_a_later_decision_is_planned_for_then(database: Database, begun: JourneyState):
    first = await _record(database, begun, send=(_send(begun),))
    await _record(database, first, send=(_send(begun),))
    assert await database.pool.fetchval("select planned_at from touch") == NOW + timedelta(days=2)


@pytest.mark.parametrize(("before", "after"), [("planned", "withdrawn"), ("claimed", "claimed"), ("sent", "sent")])
async def test_only_a_planned_touch_is_withdrawn(database: Database, begun: JourneyState, before: str, after: str):
    first = await _record(database, begun, send=(_send(begun),))
    await _set(database, before)
    await _record(database, first, withdraw=(_send(begun).key,))
    assert await _statuses(database) == {"hello": after}


async def test_suppression_keeps_its_first_reason_and_needs_an_address(database: Database, begun: JourneyState):
    first = await _record(database, begun, suppress=Suppress(reason="opted_out"))
    await _record(database, first, suppress=Suppress(reason="complained"))
    assert await suppressed(database, ["ann@acme.example"]) == {"ann@acme.example": "opted_out"}
    lead = (await upsert(database, LeadInput(external_id="no-address"), NOW)).lead_id
    await _record(database, JourneyState.begin(lead, 1, begun.playbook, NOW), suppress=Suppress(reason="manual"))
    assert await database.pool.fetchval("select count(*) from suppression") == 1


async def test_lists_change_version_only_when_they_change_and_are_left_at_the_end(
    database: Database, begun: JourneyState
):
    state = await _record(database, begun, audiences={"a": True, "b": True}, crm={"x": 1})
    state = await _record(database, state, audiences={"a": True, "b": False}, crm={"x": 1})
    state = await _record(database, state, audiences={"a": True}, crm={"x": 2})
    rows = await database.pool.fetch("select audience, desired, version from audience_member order by audience")
    assert [tuple(row) for row in rows] == [("a", True, 1), ("b", False, 2)]
    assert await database.pool.fetchval("select version from crm_record") == 2
    await _record(database, state, changes={"phase": Phase.ENDED, "ending": Ending.SUNSET})
    assert not await database.pool.fetchval("select bool_or(desired) from audience_member")


async def test_an_audience_that_the_playbook_no_longer_has_is_left_at_the_next_decision(
    database: Database, begun: JourneyState
):
    state = await _record(database, begun, audiences={"dropped": True, "kept": True})
    await _record(database, state, audiences={"kept": True})
    rows = await database.pool.fetch("select audience, desired, version from audience_member order by audience")
    assert [tuple(row) for row in rows] == [("dropped", False, 2), ("kept", True, 1)]
