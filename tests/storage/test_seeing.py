"""What people look at: the timeline, the funnel, and what is stuck."""

from datetime import timedelta

import pytest

from domain.decision import Wake
from domain.errors import NotFound, Refused
from domain.state import JourneyState
from domain.words import BuyerStage, Ending, LeadStatus, Phase
from storage import holds, operators_log, retractions
from storage.consent import Word, say
from storage.database import Database
from storage.funnel import funnel
from storage.inbox import accept
from storage.stuck import stuck
from storage.timeline import timeline
from tests.storage.recorded import record, send
from tests.storage.samples import NOW, enrolled, event

DAY = timedelta(days=1)


async def _lived(db: Database, begun: JourneyState) -> JourneyState:
    """Two decisions, the second made again; a touch, a visit retracted, one that came late, a word, an operator."""
    await accept(db, [event("1", lead_id=begun.lead, days=0.1)], NOW + 0.1 * DAY)
    await accept(db, [event("2", name="/late", lead_id=begun.lead, days=0.2)], NOW + 3 * DAY)
    await retractions.retract(db, ["1"], "ann", "a scanner", NOW + 4 * DAY)
    first = await record(db, begun, send=(send(begun),))
    await db.pool.execute("update touch set status = 'sent', sent_at = $1", NOW + 1.1 * DAY)
    await record(db, first)
    await record(db, first)
    async with db.pool.acquire() as connection:
        await say(connection, [Word(begun.lead, "email", True, "consent", "form")], NOW + 5 * DAY)
        await operators_log.note(connection, "kim", "pause", begun.lead, NOW + 6 * DAY, {"reason": "holiday"})
    return first


async def test_a_timeline_has_one_line_a_thing_the_newest_first(database: Database, begun: JourneyState):
    await _lived(database, begun)

    items, cursor = await timeline(database, begun.lead)

    assert cursor is None
    assert [(item.kind, item.what, item.counts) for item in items] == [
        ("operator", "pause", True),
        ("consent", "yes to email", True),
        ("operator", "events retracted", True),
        ("retraction", "retracted: page /pricing", True),
        ("decision", "2, made anew: Decision 2", True),
        ("decision", "2: Decision 2", False),
        ("touch", "email hello", True),
        ("decision", "1: Decision 1", True),
        ("page", "/late", True),
        ("page", "/pricing", False),
        ("journey", "journey 1 begins", True),
    ]
    assert (items[0].by, items[0].why) == ("kim", "holiday")
    assert items[8].received_at == NOW + 3 * DAY
    assert items[9].why == "not counted: a scanner"


async def test_a_timeline_is_read_page_by_page_and_since_a_moment(database: Database, begun: JourneyState):
    await _lived(database, begun)
    whole, _ = await timeline(database, begun.lead)
    paged, cursor = await timeline(database, begun.lead, limit=3)
    while cursor:
        page, cursor = await timeline(database, begun.lead, cursor=cursor, limit=3)
        paged += page

    assert paged == whole
    since, _ = await timeline(database, begun.lead, since=NOW + 4 * DAY)
    assert [item.kind for item in since] == ["operator", "consent", "operator", "retraction"]
    with pytest.raises(Refused, match="cursor"):
        await timeline(database, begun.lead, cursor="nonsense")
    with pytest.raises(NotFound):
        await timeline(database, "ld_nobody")


async def test_the_funnel_counts_by_stage_status_path_and_ending(database: Database, begun: JourneyState):
    leads = [begun.lead, *[await enrolled(database, f"lead{number}@acme.example") for number in range(3)]]
    states = [begun, *[JourneyState.begin(lead, 1, begun.playbook, NOW) for lead in leads[1:]]]
    nurtured = {"phase": Phase.NURTURE, "status": LeadStatus.NURTURE, "segment": "everyone"}
    for state in states[:2]:
        await record(database, state, changes=nurtured | {"stage": BuyerStage.RESEARCH})
    await record(database, states[2], changes={"phase": Phase.ENDED, "ending": Ending.SUNSET})

    found = await funnel(database, NOW + 8 * DAY)

    assert (found.total, found.in_flight) == (4, 3)
    stages = {row.word: (row.number, row.statuses) for row in found.stages}
    assert stages["research"] == (2, {"nurture": 2})
    assert stages["problem_awareness"] == (1, {"new": 1})
    assert stages["evaluation"] == (0, {})
    assert [(row.word, row.number, round(row.share, 2)) for row in found.paths] == [
        ("entry", 1, 0.33),
        ("nurture", 2, 0.67),
    ]
    assert [(row.word, row.number) for row in found.endings] == [("sunset", 1)]
    assert (found.began, found.ended) == ((0, 0, 0, 0, 0, 0, 3, 0), (0, 0, 0, 0, 0, 0, 0, 1))
    assert (await funnel(database, NOW + DAY, segment="everyone")).total == 2
    assert (await funnel(database, NOW + DAY, playbook="another")).total == 0


async def test_what_is_stuck_is_named_with_since_why_and_what_to_do(database: Database, begun: JourneyState):
    waiting = await enrolled(database, "bo@acme.example")
    await accept(database, [event("1", lead_id=begun.lead)], NOW)
    state = await record(
        database, begun, send=(send(begun), send(begun, "other")), next_wake=Wake(NOW + 2 * DAY, "next touch")
    )
    await database.pool.execute("update touch set status = 'unknown', reason = 'cut off' where step = 'other'")
    await holds.place(database, "channel:email", "kim", "a vendor's trouble", NOW)

    found = {one.kind: one for one in await stuck(database, NOW + 3 * DAY)}

    assert set(found) == {"never_decided", "overdue", "unread", "touch_unknown", "touch_waiting", "hold"}
    assert (found["never_decided"].lead_id, found["never_decided"].since) == (waiting, NOW)
    assert (found["overdue"].lead_id, found["overdue"].since) == (begun.lead, NOW + 2 * DAY)
    assert found["unread"].since == NOW
    assert found["touch_unknown"].detail == f"{state.lead}/1/0/other: cut off"
    assert found["hold"].detail == "channel:email, by kim: a vendor's trouble"
    assert all(one.why and one.remedy for one in found.values())
    assert f"tendril ui {begun.lead}" in found["overdue"].remedy


async def test_a_journey_on_its_way_is_not_stuck(database: Database, begun: JourneyState):
    await record(database, begun, next_wake=Wake(NOW + 9 * DAY, "next touch"))

    assert await stuck(database, NOW + 2 * DAY) == []
