"""What was known and decided at a moment of the past: never today's knowledge as then's."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.decision import Reason, Scores, Wake
from domain.errors import NotFound
from domain.state import JourneyState
from domain.words import Channel, LeadStatus, Phase
from storage import merges, past, retractions
from storage.consent import Word, say
from storage.database import Database
from storage.inbox import accept
from storage.past import Moment
from storage.permission import suppress
from tests.storage.recorded import record, send
from tests.storage.samples import NOW, enrolled, event


def _day(number: float) -> datetime:
    return NOW + timedelta(days=number)


async def _as_of(db: Database, lead: str, days: float) -> dict[str, Any]:
    return await past.journey_view(db, lead, Moment(_day(days)))


async def _names(db: Database, lead: str, days: float) -> list[str]:
    return [one["name"] for one in (await _as_of(db, lead, days))["behaviours"]]


async def test_what_happened_earlier_and_came_later_was_not_known_then(database: Database, begun: JourneyState):
    await accept(database, [event("1", name="/first", lead_id=begun.lead)], _day(0))
    await accept(database, [event("2", name="/late", lead_id=begun.lead, days=1)], _day(5))

    assert await _names(database, begun.lead, 4) == ["/first"]
    assert await _names(database, begun.lead, 5) == ["/late", "/first"]


async def test_a_retraction_shows_from_when_it_was_made(database: Database, begun: JourneyState):
    await accept(database, [event("1", lead_id=begun.lead)], _day(0))
    await retractions.retract(database, ["1"], "ann", "a scanner", _day(2))
    await retractions.restore(database, ["1"], "ann", "no scanner", _day(4))
    await retractions.retract(database, ["1"], "ann", "a scanner after all", _day(6))

    def first(view: dict[str, Any]) -> Any:
        return next(one for one in view["behaviours"] if one["message_id"] == "1")

    seen = {days: first(await _as_of(database, begun.lead, days)) for days in (1, 3, 5, 7)}

    assert {days: one["trusted"] for days, one in seen.items()} == {1: True, 3: False, 5: True, 7: False}
    assert "a scanner" not in str(seen[1]) + str(seen[5])
    assert "restored" not in str(seen[1]) + str(seen[3])
    assert len((await _as_of(database, begun.lead, 1))["behaviours"]) == 1  # the retractions had not come either


async def test_the_decision_in_force_then_shows_also_when_it_was_made_anew_since(
    database: Database, begun: JourneyState
):
    first = await record(database, begun, next_wake=Wake(at=_day(2), cause="first thoughts"))
    await record(
        database,
        first,
        changes={"phase": Phase.HANDOFF, "status": LeadStatus.SALES_REVIEW},
        scores=Scores(fit=70, intent=80),
        reasons=(Reason(rule="ready", text="was ready"),),
        send=(send(first, "brief", Channel.SDR_TASK),),
    )
    await database.pool.execute("update decision set at = $1 where number = 1", _day(1))
    # a reset to before decision 1, three days later
    again = await record(database, begun, changes={"phase": Phase.NURTURE, "status": LeadStatus.NURTURE})
    await database.pool.execute("update decision set at = $1 where revision = 2", _day(5))

    then, now = await _as_of(database, begun.lead, 3), await _as_of(database, begun.lead, 6)

    assert (then["status"], then["phase"], then["decision_number"]) == ("sales_review", "handoff", 2)
    assert (then["fit"], then["intent"], then["reasons"][0]["text"]) == (70, 80, "was ready")
    assert [touch["status"] for touch in then["touches"]] == ["planned"]
    assert [(one["number"], one["superseded"]) for one in then["decisions"]] == [(2, False), (1, False)]
    by = then["as_of"]["superseded"]
    assert (by["number"], by["revision"], by["at"]) == (1, 2, _day(5))
    assert (now["status"], now["decision_number"], now["as_of"]["superseded"]) == ("nurture", again.number, None)
    assert [touch["status"] for touch in now["touches"]] == ["withdrawn"]
    assert [one["superseded"] for one in now["decisions"]] == [True, False, True]
    first_view = await _as_of(database, begun.lead, 1)
    assert first_view["next_wake"] == {"at": _day(2), "cause": "first thoughts"}


async def test_what_a_rewind_takes_back_was_in_force_before_it(database: Database, begun: JourneyState):
    first = await record(database, begun)
    second = await record(database, first, changes={"segment": "everyone"})
    await record(database, second, changes={"segment": ""}, rewound_to=1)

    then, now = await _as_of(database, begun.lead, 2), await _as_of(database, begun.lead, 3)

    assert (then["segment"], then["as_of"]["superseded"]["number"]) == ("everyone", 3)
    assert [(one["number"], one["superseded"]) for one in then["decisions"]] == [(2, False), (1, False)]
    assert [(one["number"], one["superseded"]) for one in now["decisions"]] == [(3, False), (2, True), (1, False)]


async def test_a_decision_is_asked_for_by_its_number(database: Database, begun: JourneyState):
    second = await record(database, await record(database, begun), changes={"segment": "everyone"})

    view = await past.journey_view(database, begun.lead, await past.of_decision(database, begun.lead, 1))

    assert (view["decision_number"], view["segment"], second.segment) == (1, "", "everyone")
    with pytest.raises(NotFound, match="no decision 9"):
        await past.of_decision(database, begun.lead, 9)


async def test_the_ledger_stands_as_it_stood(database: Database, begun: JourneyState):
    state = await record(database, begun, send=(send(begun), send(begun, "second")))
    keys = [f"{begun.lead}/1/0/{step}" for step in ("hello", "second")]
    await database.pool.execute(
        "update touch set status = 'sent', claimed_at = $2, sent_at = $3, vendor_id = 'v' where key = $1",
        keys[0],
        _day(2),
        _day(3),
    )
    await database.pool.execute("update touch set status = 'refused', reason = 'cap' where key = $1", keys[1])
    flying = await record(database, state, changes={"in_flight": (keys[1],)})
    await database.pool.execute("update decision set at = $1 where number = 2", _day(4))
    await record(database, flying, changes={"in_flight": ()})
    await database.pool.execute("update decision set at = $1 where number = 3", _day(6))

    async def stood(days: float) -> dict[str, tuple[str, str]]:
        touches = (await _as_of(database, begun.lead, days))["touches"]
        return {touch["step"]: (touch["status"], touch["vendor_id"]) for touch in touches}

    assert await stood(0.5) == {}
    assert await stood(1) == {"hello": ("planned", ""), "second": ("planned", "")}
    assert (await stood(2))["hello"] == ("claimed", "")
    assert await stood(5) == {"hello": ("sent", "v"), "second": ("planned", "")}
    assert (await stood(6))["second"] == ("refused", "")


async def test_consent_and_suppression_stand_as_they_stood(database: Database, begun: JourneyState):
    async with database.pool.acquire() as connection:
        await say(connection, [Word(begun.lead, "email", False, "consent", "call")], _day(2))
    await suppress(database, "ann@acme.example", "complained", "operator", _day(4))

    views = {days: await _as_of(database, begun.lead, days) for days in (1, 3, 5)}

    assert [len(view["consent"]) for view in views.values()] == [0, 1, 1]
    assert [view["suppressed"] for view in views.values()] == ["", "", "complained"]


async def test_what_is_kept_only_as_it_is_now_is_said_to_be(database: Database, begun: JourneyState):
    await database.pool.execute("update lead set updated_at = $2 where id = $1", begun.lead, _day(3))

    assert "profile was last changed" in (await _as_of(database, begun.lead, 2))["as_of"]["unsure"][0]
    assert "profile" not in " ".join((await _as_of(database, begun.lead, 4))["as_of"]["unsure"])


async def test_behaviour_that_a_merge_brought_was_the_others_before(database: Database, begun: JourneyState):
    other = await enrolled(database, "ann@other.example")
    await accept(database, [event("1", name="/mine", lead_id=begun.lead)], _day(0))
    await accept(database, [event("2", name="/theirs", lead_id=other)], _day(0))
    await merges.merge(database, begun.lead, other, "test", "one person", _day(3))
    survivor = await database.pool.fetchval("select survivor from lead_merge")
    merged = other if survivor == begun.lead else begun.lead
    names = {begun.lead: "/mine", other: "/theirs"}

    assert await _names(database, survivor, 2) == [names[survivor]]
    assert await _names(database, merged, 2) == [names[merged]]
    assert set(await _names(database, merged, 4)) >= {"/mine", "/theirs"}
    assert (await _as_of(database, merged, 4))["lead_id"] == survivor


async def test_before_the_first_journey_there_is_nothing_to_tell(database: Database, begun: JourneyState):
    with pytest.raises(NotFound, match="was not known yet") as none:
        await _as_of(database, begun.lead, -1)
    assert "2026-03-02 10:00" in none.value.remedy

    assert (await _as_of(database, begun.lead, 0))["as_of"]["decision"] is None
