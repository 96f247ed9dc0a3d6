"""An export shows all that is held on a person and nothing of anybody else."""

import pytest
from pydantic_core import to_json
from sqlmodel import SQLModel

from domain.errors import NotFound, Refused
from storage import dead_letters, export, merges
from storage.database import Database
from storage.inbox import accept
from tests.storage.everything_held import OTHER, PLACES, mark, somebody
from tests.storage.samples import NOW, enrolled, event
from tests.storage.turns import transaction


async def test_everything_that_is_held_is_in_it(database: Database, playbook: str):
    lead = await somebody(database, playbook)

    held = to_json(await export.held(database, lead, NOW)).decode()

    assert {place for place in PLACES if mark(place) not in held} == set()
    assert "robin@" in held


async def test_what_a_vendor_told_of_others_in_the_same_request_is_not(database: Database, playbook: str):
    held = await export.held(database, await somebody(database, playbook), NOW)
    assert "robin@" in to_json([held["dead_letters"], held["requests"]]).decode().casefold()
    assert OTHER not in to_json(held).decode()


async def test_nothing_of_anybody_else_is_in_it(database: Database, playbook: str):
    await somebody(database, playbook)
    other = await enrolled(database)
    await accept(database, [event("m", lead_id=other)], NOW)

    held = await export.held(database, other, NOW)

    assert "needle" not in to_json(held).decode()
    assert held["dead_letters"] == held["requests"] == []
    assert held["lead"]["email"] == "ann@acme.example"
    assert held["account"]["domain"] == "acme.example"
    assert [behaviour["name"] for behaviour in held["behaviour"]] == ["/pricing"]
    assert held["crm"] == held["handoffs"] == held["suppression"] == []


async def test_every_table_that_names_a_lead_is_a_part(database: Database, playbook: str):
    held = await export.held(database, await somebody(database, playbook), NOW)
    tables = {name for name, table in SQLModel.metadata.tables.items() if "lead_id" in table.columns}
    queries = " ".join(export.PARTS.values())
    assert {
        name for name in tables - {"pending_wake", "erasure", "audit_finding"} if f"from {name} " not in queries
    } == set()
    assert {part for part in export.PARTS if not held[part]} == set()


async def test_what_is_kept_raw_is_searched_once_for_all_leads_that_are_one(database: Database, playbook: str):
    lead, other = await enrolled(database), await enrolled(database, "ann@old.example")
    await merges.merge(database, lead, other, "test", "the same", NOW)
    await dead_letters.add(database, "webhook esp", "is odd", {"to": "ann@old.example"}, NOW)
    held = await export.held(database, other, NOW)
    assert [letter["body"] for letter in held["dead_letters"]] == [{"to": "ann@old.example"}]
    assert [part.keys() & {"dead_letters", "requests"} for part in held["merged_leads"]] == [set()]


async def test_a_search_that_takes_too_long_ends_with_what_to_do(database: Database, playbook: str):
    lead = await enrolled(database)
    async with transaction(database) as other:
        await other.execute("lock dead_letter")
        with pytest.raises(Refused, match=r"not to the end") as refused:
            await export.held(database, lead, NOW, seconds=0.1)
    assert "tendril leads export" in refused.value.remedy
    assert (await export.held(database, lead, NOW, seconds=None))["lead"]["id"] == lead


async def test_nobody_has_no_export(database: Database):
    with pytest.raises(NotFound, match="There is no lead ld_none"):
        await export.held(database, "ld_none", NOW)
