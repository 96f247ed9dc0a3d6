"""What has been kept for its time goes, and what must stay of it stays."""

from datetime import timedelta

import pytest

from domain.retention import rule
from domain.state import JourneyState
from storage import dead_letters, inbox, retention
from storage.database import Database
from storage.gather import gather
from storage.retention import PgRetention
from tests.storage.samples import NOW, event

DAY = timedelta(days=1)
LONG_AFTER = NOW + 410 * DAY
_ROW = "select kind, name, properties, user_id, anonymous_id, trusted, purged_at from behaviour where message_id = $1"


async def read_up_to(database: Database, lead: str, position: int) -> None:
    await database.pool.execute("update journey set cursor = $2 where lead_id = $1", lead, position)


async def purge(database: Database, now=LONG_AFTER) -> dict[str, int]:
    found: dict[str, int] = {}
    async for step in PgRetention(database).purge(now):
        found[step.rule] = found.get(step.rule, 0) + step.rows
    return {name: rows for name, rows in found.items() if rows}


async def names(database: Database) -> list[str]:
    return [row["name"] for row in await database.pool.fetch("select name from behaviour order by id")]


async def test_what_is_purged_keeps_its_message_id_and_nothing_of_a_person(database: Database, begun: JourneyState):
    visit = event("m-1", lead_id=begun.lead, user_id="crm-1", anonymous_id="v-1", properties={"title": "Prices"})
    await inbox.accept(database, [visit], NOW)
    await read_up_to(database, begun.lead, 1)

    assert await purge(database) == {"pages": 1}

    row = tuple(await database.pool.fetchrow(_ROW, "m-1"))
    assert row == ("page", "purged", {}, None, None, False, LONG_AFTER)
    again = await inbox.accept(database, [visit], LONG_AFTER)
    assert (again.accepted, again.duplicates) == (0, 1)


async def test_what_a_journey_in_flight_has_not_read_yet_waits_for_another_day(database: Database, begun: JourneyState):
    await inbox.accept(database, [event(f"m-{n}", lead_id=begun.lead) for n in (1, 2, 3)], NOW)
    await read_up_to(database, begun.lead, 1)

    assert await purge(database) == {"pages": 1}
    async with database.pool.acquire() as connection:
        unread = (await gather(connection, begun.model_copy(update={"cursor": 1}), LONG_AFTER)).behaviours
    assert [(each.position, each.trusted) for each in unread] == [(2, True), (3, True)]

    await read_up_to(database, begun.lead, 3)
    assert await purge(database) == {"pages": 2}


async def test_once_it_has_ended_nobody_is_waited_for(database: Database, begun: JourneyState):
    await inbox.accept(database, [event("m-1", lead_id=begun.lead)], NOW)
    await database.pool.execute("update journey set ended_at = $1", NOW)
    assert await purge(database) == {"pages": 1}


async def test_again_purges_nothing_more_and_what_is_young_stays(database: Database, begun: JourneyState):
    await inbox.accept(database, [event("old", lead_id=begun.lead)], NOW)
    await inbox.accept(database, [event("young", lead_id=begun.lead)], NOW + 300 * DAY)
    await read_up_to(database, begun.lead, 2)

    assert [await purge(database), await purge(database)] == [{"pages": 1}, {}]
    assert await names(database) == ["purged", "/pricing"]
    assert await purge(database, NOW + 701 * DAY) == {"pages": 1}


async def test_each_type_of_event_has_its_own_time(database: Database, begun: JourneyState):
    kinds = [
        event("open", kind="delivery", name="opened", lead_id=begun.lead),
        event("click", kind="delivery", name="clicked", lead_id=begun.lead),
        event("who", kind="identify", name="identify", lead_id=begun.lead),
        event("page", lead_id=begun.lead),
        event("scan", lead_id=begun.lead, trusted=False),
        event("visitor", anonymous_id="v-9"),
        event("sold", kind="crm", name="sales_accepted", lead_id=begun.lead),
    ]
    await inbox.accept(database, kinds, NOW)
    await read_up_to(database, begun.lead, 9)
    await dead_letters.add(database, "batch", "has no name", {"a": 1}, NOW)

    soon = {"opens": 1, "profiles": 1, "uncounted": 1, "dead_letters": 1}
    assert await retention.preview(database, NOW + 91 * DAY) == {
        **dict.fromkeys(("pages", "actions", "deliveries", "unknown", "webhooks"), 0),
        **soon,
    }
    assert await purge(database, NOW + 91 * DAY) == soon
    assert await purge(database, NOW + 181 * DAY) == {"unknown": 1}
    assert await purge(database, NOW + 401 * DAY) == {"pages": 1, "deliveries": 1}
    assert await purge(database, NOW + 4000 * DAY) == {}
    assert (await names(database))[-1] == "sales_accepted"
    assert await database.pool.fetchval("select count(*) from dead_letter") == 0


async def test_what_two_rules_would_purge_is_foreseen_once(database: Database):
    await inbox.accept(database, [event("m-1", anonymous_id="v-1", trusted=False)], NOW)
    for days, rule_of in ((410, "pages"), (200, "unknown"), (100, "uncounted")):
        foreseen = await retention.preview(database, NOW + days * DAY)
        assert {name: rows for name, rows in foreseen.items() if rows} == {rule_of: 1}


async def test_a_rule_of_ones_own_goes_before_the_others_and_a_change_is_for_what_was_passed_over_too(
    database: Database, begun: JourneyState
):
    pages = [event(name, name=name, lead_id=begun.lead) for name in ("/careers/cook", "/careers_old", "/pricing")]
    await inbox.accept(database, pages, NOW)
    await read_up_to(database, begun.lead, 3)

    await retention.put(database, rule("page:/careers/*", 10 * DAY))
    assert await purge(database, NOW + 11 * DAY) == {"page:/careers/*": 1}
    await retention.put(database, rule("page:/pricing", None))
    assert await purge(database) == {"pages": 1}
    await retention.drop(database, "page:/pricing")
    assert await purge(database) == {"pages": 1}


async def test_a_round_that_is_broken_off_goes_on_where_it_was(
    database: Database, begun: JourneyState, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention, "_STEP", 2)
    await inbox.accept(database, [event(f"m-{n}", lead_id=begun.lead) for n in range(5)], NOW)
    await read_up_to(database, begun.lead, 5)
    async for step in PgRetention(database).purge(LONG_AFTER):
        if step.rows:
            break
    assert await names(database) == ["purged", "purged", *["/pricing"] * 3]
    assert await purge(database) == {"pages": 3}


async def test_a_round_is_due_a_day_after_the_last(database: Database):
    assert not await PgRetention(database).due(), "the first comes a day after the migration"
    await database.pool.execute("update retention_pass set finished_real_at = now() - interval '25 hours'")
    assert await PgRetention(database).due()
    await purge(database)
    assert not await PgRetention(database).due()
