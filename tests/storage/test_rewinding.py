"""Rewinds as they are recorded: what is behind them is superseded and stays readable; people's words find a number."""

from datetime import timedelta

import pytest

from domain.decision import OpenHandoff, ResolveHandoff
from domain.errors import NotFound, Refused
from domain.state import JourneyState
from domain.words import BuyerStage, Channel, Ending, Phase
from storage.database import Database
from storage.journeys import PgJourneys
from storage.rewinding import decision_before, recorded
from tests.storage.recorded import record, send
from tests.storage.samples import NOW


async def _in_force(db: Database) -> list[int]:
    return [row["number"] for row in await db.pool.fetch("select number from decision where not superseded order by 1")]


async def _lived(db: Database, state: JourneyState, upto: int) -> JourneyState:
    while state.number < upto:
        state = await record(db, state)
    return state


async def _rewound(db: Database, state: JourneyState, to: int, **parts) -> JourneyState:
    return await record(db, state, rewound_to=to, **parts)


async def test_decisions_behind_a_rewind_are_superseded_and_so_on_through_rewinds_of_rewinds(
    database: Database, begun: JourneyState
):
    state = await _rewound(database, await _lived(database, begun, 6), 2)
    assert await _in_force(database) == [1, 2, 7]
    state = await _rewound(database, await _lived(database, state, 9), 8)
    assert await _in_force(database) == [1, 2, 7, 8, 10]
    state = await _rewound(database, state, 5)
    assert await _in_force(database) == [1, 2, 3, 4, 5, 11], "back on the line that was left"
    assert await database.pool.fetchval("select count(*) from decision") == 11
    assert await database.pool.fetchval("select decision_number from journey") == 11


async def test_deciding_a_rewind_again_doubles_nothing_and_a_reset_before_it_undoes_it(
    database: Database, begun: JourneyState
):
    state = await _lived(database, begun, 4)
    for _ in range(2):
        await _rewound(database, state, 1)
    assert await _in_force(database) == [1, 5]
    await record(database, state)
    assert await _in_force(database) == [1, 2, 3, 4, 5]


async def test_a_handoff_answered_since_is_open_again_and_one_given_since_is_withdrawn_or_given_anew(
    database: Database, begun: JourneyState
):
    first, second = f"{begun.lead}-1-1", f"{begun.lead}-1-2"
    task = send(begun, "handoff", Channel.SDR_TASK)
    opened = OpenHandoff(id=first, reason="ready", sla_at=NOW, brief={})
    state = await record(database, begun, open_handoff=opened, send=(task,), changes={"phase": Phase.HANDOFF})
    state = await record(database, state, resolve_handoff=ResolveHandoff(id=first, outcome="rejected", reason="timing"))
    state = await record(database, state, open_handoff=opened.model_copy(update={"id": second}))
    state = await _rewound(database, state, 1, resolve_handoff=ResolveHandoff(id=second, outcome="withdrawn"))
    rows = await database.pool.fetch("select status from handoff order by id")
    assert [row["status"] for row in rows] == ["open", "withdrawn"]
    await _rewound(database, state, 0, open_handoff=opened.model_copy(update={"reason": "ready again"}))
    assert await database.pool.fetchval("select reason from handoff where id = $1 and status = 'open'", first)


async def test_steps_stages_and_times_are_resolved_to_decisions(database: Database, begun: JourneyState):
    lead = begun.lead
    state = await record(database, begun)
    state = await record(database, state, send=(send(begun, "hello"),))
    state = await record(database, state, changes={"stage": BuyerStage.COMPARISON})
    state = await record(database, state)
    async with database.pool.acquire() as connection:

        async def before(**wanted) -> int:
            return await decision_before(connection, lead, 1, **wanted)

        assert await before(step="hello") == 1
        assert await before(stage="problem_awareness") == 1
        assert await before(stage="comparison") == 3
        assert await before(at=NOW + timedelta(days=2, hours=1)) == 2
        for wanted, why in (
            ({"step": 'no"such'}, "never planned"),
            ({"stage": "evaluation"}, "never in evaluation"),
            ({"stage": "purchase"}, "no stage"),
            ({"at": NOW - timedelta(days=9)}, "The journey began"),
        ):
            with pytest.raises(Refused, match=why):
                await before(**wanted)
        with pytest.raises(NotFound):
            await decision_before(connection, lead, 7, stage="comparison")
        await record(database, state, changes={"phase": Phase.ENDED, "ending": Ending.SUNSET})
        with pytest.raises(Refused, match="has ended") as ended:
            await before(step="hello")
        assert "Reset" in ended.value.remedy


async def test_the_state_before_the_first_decision_reads_the_inbox_from_where_the_cycle_took_it_up(
    database: Database, begun: JourneyState
):
    after = await record(database, begun, changes={"cursor": 7})
    journeys = PgJourneys(database)
    assert await journeys.recorded(after, 1) == after
    assert await journeys.recorded(after, 0) == begun
    assert await journeys.recorded(after, 9) is None
    await database.pool.execute(
        "insert into journey (lead_id, cycle, playbook_name, playbook_hash, started_at)"
        " select lead_id, 2, playbook_name, playbook_hash, started_at from journey"
    )
    again = await recorded(database.pool, begun.lead, 2, 0)
    assert again is not None
    assert (again.cycle, again.cursor) == (2, 7)
