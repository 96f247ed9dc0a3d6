"""Operations as rows: whom a condition finds, at what rate they are given out, what each goes back to, what is kept."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.operating import no_journey
from domain.clock import ScaledClock
from domain.decision import Reason
from domain.errors import NotFound, Refused
from domain.operating import Batch, Fate, OperationKind, OperationRequest, OperationStatus, Outcome
from domain.state import JourneyState
from domain.words import BuyerStage
from runtime.previewing import preview
from storage import in_flight, operation_standing, operations, operators_log, where
from storage.database import Database
from storage.enrolment import enrol
from storage.inbox import accept
from storage.journeys import PgJourneys
from storage.operation_rows import PgOperations
from storage.timeline import timeline
from storage.undoing import undo_of
from tests.storage.recorded import record, send
from tests.storage.samples import NOW, applied, enrolled, event

DAY = timedelta(days=1)


async def several(database: Database, number: int) -> list[str]:
    """Leads whose journeys have decided once, by id."""
    playbook = await applied(database)
    leads = sorted([await enrolled(database, f"lead{index}@acme{index}.example") for index in range(number)])
    for lead in leads:
        await record(database, JourneyState.begin(lead, 1, playbook, NOW), send=())
    return leads


async def create(database: Database, kind: OperationKind, by: str = "test", **asked: Any) -> str:
    async with database.pool.acquire() as connection, connection.transaction():
        return await operations.create(connection, kind=kind, by=by, **{"now": NOW} | asked)


async def test_every_field_can_be_asked_for_and_a_condition_finds_who_it_holds_for(database: Database):
    leads = await several(database, 3)
    await database.pool.execute("update journey set intent = 50, paused_since = $2 where lead_id = $1", leads[0], NOW)
    typed = {"string": '!= "?"', "int": "> -1", "bool": "!= (1 == 2)"}
    for name, field in where.FIELDS.items():
        await matched(database, f"{name} {typed[field.kind]}")
    assert await matched(database, 'intent >= 40 && paused && stage == "problem_awareness"') == [leads[0]]
    assert await matched(database, "!paused && days_in_journey == 2 && next_wake == 99999") == leads[1:]
    assert await matched(database, f'lead in ["{leads[2]}", "?"]') == [leads[2]]


async def matched(database: Database, condition: str) -> list[str]:
    async with database.pool.acquire() as connection:
        pages = where.matching(connection, where.parse(condition), NOW + timedelta(days=2))
        return [lead async for page in pages for lead in page]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ('stge == "x"', "column 1: there is no “stge”; did you mean “stage”?"),
        ('fit > "3"', "column 5: “>” can't be used on int and string"),
        ("fit", "gives INT"),
        ('stage = "x"', "column 7: is not a condition: “=” compares nothing; write =="),
    ],
)
def test_a_condition_that_can_not_be_used_says_where_and_why(condition: str, said: str):
    with pytest.raises(Refused, match="can't be used") as refused:
        where.parse(condition)
    assert said in str(refused.value)


async def test_no_more_are_given_out_than_the_rate_allows_whoever_asks(database: Database):
    leads = await several(database, 9)
    id_ = await create(database, OperationKind.PAUSE, where="true", rate=2.0)
    taken: list[int] = []
    for half_second in range(12):  # of two workers in turn
        batch = await PgOperations(database).take(id_, 32, NOW + half_second * timedelta(seconds=0.5))
        taken.append(len(batch.members))
        await settle(database, id_, batch)
    assert sum(taken) == len(leads)
    assert all(sum(taken[start : start + 2]) <= 2 for start in range(0, 12, 2)), taken
    assert await PgOperations(database).finish(id_, NOW) is OperationStatus.DONE


async def settle(database: Database, id_: str, batch: Batch) -> None:
    fates = [Fate(lead=one.lead, outcome=Outcome.DONE, cycle=one.cycle, before=1, after=2) for one in batch.members]
    await PgOperations(database).settle(id_, fates, NOW, NOW)


async def test_who_was_taken_by_a_worker_that_died_comes_again_and_is_known_for_it(database: Database):
    leads = await several(database, 2)
    id_ = await create(database, OperationKind.PAUSE, leads=leads)
    dead, alive = PgOperations(database), PgOperations(database)
    assert [one.again for one in (await dead.take(id_, 1, NOW)).members] == [False]
    assert [one.lead for one in (await alive.take(id_, 9, NOW)).members] == leads[1:]
    await alive.begin(id_)
    assert {one.lead: one.again for one in (await alive.take(id_, 9, NOW)).members} == dict.fromkeys(leads, True)
    await operations.cancel(database, id_, "test", NOW)
    assert (await alive.take(id_, 9, NOW)).members == ()
    assert await operations.retry(database, id_, "test", NOW) == 2


async def test_a_decision_made_again_without_its_command_has_not_considered_it(database: Database, begun: JourneyState):
    said = Reason(rule="operator", text="paused", evidence={"command": "operation-op_1"})
    operated, journeys = PgOperations(database), PgJourneys(database)
    await record(database, begun, reasons=(said,))
    assert (await operated.considered([begun.lead], "operation-op_1"))[begun.lead].after == 1
    decided = await record(database, begun)
    assert await operated.considered([begun.lead], "operation-op_1") == {}
    assert await journeys.considered(decided, ["operation-op_1"]) == frozenset()
    decided = await record(database, decided, reasons=(said,))
    assert await journeys.considered(decided, ["operation-op_1"]) == {"operation-op_1"}


async def test_who_began_again_is_told_so_though_the_worker_died_before_it_said_so(database: Database):
    leads = await several(database, 2)
    await database.pool.execute("update journey set ended_at = $1, ending = 'sunset' where lead_id = $2", NOW, leads[0])
    id_ = await create(database, OperationKind.RE_ENROL, leads=leads, reason="a test")
    dead, alive = PgOperations(database), PgOperations(database)
    await dead.take(id_, 9, NOW)
    await dead.re_enrol(id_, leads, NOW, anyway=True)
    await alive.begin(id_)
    left = [one.lead for one in (await alive.take(id_, 9, NOW)).members]
    await alive.settle(id_, await alive.re_enrol(id_, leads, NOW, anyway=True), NOW, NOW)
    told = {row["lead_id"]: (row["status"], row["cycle"]) for row in await operations.members(database, id_, None, 9)}
    assert (left, told) == (leads[1:], {leads[0]: ("done", 2), leads[1]: ("refused", 1)})


async def test_a_rewind_finds_for_each_lead_what_it_goes_back_to(database: Database):
    playbook = await applied(database)
    lead = await enrolled(database)
    state = await record(database, JourneyState.begin(lead, 1, playbook, NOW))
    state = await record(database, state, changes={"stage": BuyerStage.COMPARISON})
    state = await record(database, state, send=(send(state),))
    await record(database, state)
    found = {to: await went_back(database, lead, to) for to in ("0", "2", "hello", "comparison")}
    assert found == {"0": 0, "2": 2, "hello": 2, "comparison": 2}
    times = ("2026-03-03T12:00Z", "2026-03-03", "3d ago", "3d", "2026-03-02T10:30")
    assert [await went_back(database, lead, to, NOW + 4 * DAY) for to in times] == [1, 1, 1, 1, 0]
    kept = "select count(*) from operation where request ->> 'to' = '2026-03-03T10:00:00+00:00'"
    assert await database.pool.fetchval(kept) == 2
    with pytest.raises(Refused, match="still to come"):
        await went_back(database, lead, "2026-12-31")
    assert await went_back(database, lead, "research") == "its journey has nothing to go back to: research"


async def went_back(database: Database, lead: str, to: str, now: datetime = NOW) -> int | str:
    asked: dict[str, Any] = {"leads": [lead], "request": OperationRequest(to=to), "reason": "wrong", "now": now}
    id_ = await create(database, OperationKind.REWIND, **asked)
    row = await database.pool.fetchrow("select given, detail from operation_lead where operation_id = $1", id_)
    back: int | str = row["given"].get("to", row["detail"])
    return back


async def test_a_preview_says_what_happens_and_changes_nothing(database: Database):
    leads = await several(database, 4)
    await database.pool.execute("update journey set paused_since = $2 where lead_id = $1", leads[0], NOW)
    ended = "update journey set ended_at = $2, ending = 'sunset', phase = 'ended' where lead_id = $1"
    await database.pool.execute(ended, leads[1], NOW)
    asked: dict[str, Any] = {"request": OperationRequest(), "clock": ScaledClock(), "rate": 2.0, "now": NOW}
    seen = await preview(database, kind=OperationKind.PAUSE, where_='status == "new"', **asked)
    assert (seen.total, seen.able, seen.seconds) == (4, 2, 1.0)
    assert {one.why: one.number for one in seen.refused} == {
        "The journey is paused already.": 1,
        "its journey has ended (sunset)": 1,
    }
    assert seen.foretold is not None
    assert (seen.foretold.sample, seen.foretold.touches["within a minute"]) == (2, {})
    again = await preview(database, kind=OperationKind.RE_ENROL, leads=leads, **asked | {"rate": 0.0})
    assert (again.able, len(again.refused)) == (0, 2)
    anyway = asked | {"request": OperationRequest(anyway=True)}
    stage, touch = "problem_awareness", {"id": "hello", "asset": "hello", "gap": "0d"}
    tracks = [{"stage": stage, "touches": [touch]}]
    await applied(database, stages=[{"id": stage, "question": "Why?"}], tracks=tracks)  # begun in what is in force
    afresh = await preview(database, kind=OperationKind.RE_ENROL, leads=leads, **anyway)
    assert afresh.able == 1
    assert afresh.foretold is not None
    assert (afresh.foretold.touches["within a minute"], afresh.foretold.otherwise) == ({"email": 1}, {})
    assert await database.pool.fetchval("select count(*) from operation") == 0
    fates = await PgOperations(database).re_enrol("op_none", leads[:2], NOW, anyway=True)
    assert {fate.lead: fate.outcome for fate in fates} == {leads[0]: Outcome.REFUSED, leads[1]: Outcome.DONE}


async def test_a_preview_of_a_rewind_decides_from_where_it_goes_back_to(database: Database, begun: JourneyState):
    state = begun
    for _ in range(3):
        state = await record(database, state)
    for to in ("0", "1"):
        rewind: dict[str, Any] = {"request": OperationRequest(to=to), "leads": [begun.lead], "clock": ScaledClock()}
        seen = await preview(database, kind=OperationKind.REWIND, now=NOW, **rewind)
        assert seen.foretold is not None
        assert (seen.foretold.sample, seen.foretold.declined) == (1, {})


async def test_the_beginning_of_a_later_journey_is_where_the_one_before_left_the_inbox(
    database: Database, begun: JourneyState
):
    await accept(database, [event("1", lead_id=begun.lead)], NOW)
    await record(database, begun, changes={"cursor": 1})
    await begin_again(database, begun.lead)
    await accept(database, [event("2", lead_id=begun.lead)], NOW)
    state = JourneyState.begin(begun.lead, 2, begun.playbook, NOW).model_copy(update={"cursor": 1})
    await record(database, state, changes={"cursor": 2})
    async with database.pool.acquire() as connection:
        (now,) = [one async for one in in_flight.standing(database, [begun.lead], NOW)]
        known = await operation_standing.rewound(connection, now, 0, NOW)
    assert (known.state.cursor, known.facts.past[0].cursor) == (2, 1)
    assert [one.position for one in known.facts.behaviours if one.position > 1] == [2]


async def test_what_can_be_undone_says_how_and_what_can_not_says_why(database: Database):
    leads = await several(database, 2)
    done: dict[OperationKind, operations.OperationView] = {}
    for kind, request in (
        (OperationKind.PAUSE, OperationRequest()),
        (OperationKind.FORCE_STAGE, OperationRequest(stage=BuyerStage.RESEARCH)),
        (OperationKind.END, OperationRequest()),
    ):
        id_ = await create(database, kind, leads=leads, request=request, reason="a test")
        await settle(database, id_, await PgOperations(database).take(id_, 9, NOW))
        await PgOperations(database).finish(id_, NOW)
        done[kind] = await operations.get(database, id_)
    assert (await undo_of(database, done[OperationKind.PAUSE])).kind is OperationKind.RESUME
    back = await undo_of(database, done[OperationKind.FORCE_STAGE])
    assert (back.kind, back.given) == (OperationKind.REWIND, {lead: {"to": 1} for lead in leads})
    with pytest.raises(Refused, match="can't be undone") as refused:
        await undo_of(database, done[OperationKind.END])
    assert f"re-enrol --of {done[OperationKind.END].id}" in refused.value.remedy


async def test_an_undo_is_made_once_and_of_the_journey_that_was_commanded(database: Database):
    leads = await several(database, 2)
    request = OperationRequest(stage=BuyerStage.RESEARCH)
    id_ = await create(database, OperationKind.FORCE_STAGE, leads=leads, request=request)
    await settle(database, id_, await PgOperations(database).take(id_, 9, NOW))
    await PgOperations(database).finish(id_, NOW)
    done = await operations.get(database, id_)
    await begin_again(database, leads[0])
    back = await undo_of(database, done)
    assert back.leads == leads[1:]
    asked: dict[str, Any] = {"leads": back.leads, "given": back.given, "request": back.request, "reason": "wrong"}
    undo = await create(database, back.kind, undoes=id_, **asked)
    with pytest.raises(Refused, match=f"undone by {undo}"):
        await undo_of(database, done)
    await begin_again(database, leads[1])
    (member,) = (await PgOperations(database).take(undo, 9, NOW)).members
    assert (member.meant, member.cycle) == (1, 2)
    fate = no_journey(member)
    assert fate is not None
    assert "the next one began" in fate.detail


async def begin_again(database: Database, lead: str) -> None:
    """Its journey ends, and the next begins."""
    await database.pool.execute("update journey set ended_at = $2, ending = 'sunset' where lead_id = $1", lead, NOW)
    async with database.pool.acquire() as connection, connection.transaction():
        await enrol(connection, [lead], "plain", NOW, anyway=True)


async def test_the_log_tells_who_did_what_to_a_lead_and_why(database: Database):
    leads = await several(database, 2)
    id_ = await create(database, OperationKind.PAUSE, leads=leads, by="ann", reason="a fair")
    await operators_log.note(database.pool, "bob", "key_revoked", "k_1", NOW + timedelta(days=1))
    for _ in range(2):
        await operators_log.note_command(database.pool, "bob", "resume", leads[0], NOW, "once")
    told = await operators_log.actions(database, lead=leads[0])
    assert [(row["by"], row["action"], row["detail"]) for row in told] == [
        ("bob", "resume", {"command": "once", "answered": False}),
        ("ann", "pause", {"leads": 2, "reason": "a fair"}),
    ]
    assert [row["subject"] for row in await operators_log.actions(database, since=NOW + timedelta(hours=1))] == ["k_1"]
    assert len(await operators_log.actions(database, by="ann", operation=id_)) == 1
    done = [(row["by"], row["action"], row["why"]) for row in await operators_log.done_to(database.pool, leads[0], 9)]
    # of an operation only what it has done to the lead
    assert done == [("bob", "resume", "the journey has not answered")]
    await operators_log.answered(database.pool, "resume", leads[0], "once")
    assert (await operators_log.done_to(database.pool, leads[0], 9))[0]["why"] == ""
    await operators_log.not_commanded(database.pool, "resume", leads[0], "once")  # what was answered stays
    await settle(database, id_, await PgOperations(database).take(id_, 1, NOW))
    assert ("ann", "pause", "a fair") in [
        (row["by"], row["action"], row["why"]) for row in await operators_log.done_to(database.pool, leads[0], 9)
    ]
    assert [(one.by, one.why) for one in (await timeline(database, leads[0]))[0] if one.what == "pause"] == [
        ("ann", "a fair")
    ]
    with pytest.raises(NotFound, match="ld_nobody"):
        await create(database, OperationKind.PAUSE, leads=["ld_nobody"])
    with pytest.raises(Refused, match="needs a reason"):
        await create(database, OperationKind.END, leads=leads)
