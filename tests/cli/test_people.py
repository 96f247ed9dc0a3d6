"""What a person may ask for, from the command line."""

import json

from storage.database import Database
from tests.cli.csv_files import MAP, person, write
from tests.cli.terminal import Terminal
from tests.storage.everything_held import EMAIL, somebody
from tests.storage.samples import applied


async def test_everything_held_on_a_person_is_printed_or_written_for_its_owners_eyes(
    tendril: Terminal, database: Database
):
    lead = await somebody(database, await applied(database))

    printed = await tendril("leads", "export", EMAIL)
    written = await tendril("leads", "export", lead, "--to", "robin.json")

    file = tendril.directory / "robin.json"
    assert printed.json["lead"]["id"] == lead
    assert {**json.loads(file.read_text()), "exported_at": ""} == {**printed.json, "exported_at": ""}
    assert file.stat().st_mode & 0o077 == 0
    assert f"Everything held on {lead} is in robin.json." in written.err


async def test_a_file_that_cannot_be_written_is_named(tendril: Terminal, database: Database):
    lead = await somebody(database, await applied(database))
    answer = await tendril("leads", "export", lead, "--to", "nowhere/robin.json", code=1)
    assert "nowhere/robin.json" in answer.err


async def test_erasing_says_what_has_been_done_and_what_follows(tendril: Terminal, database: Database):
    lead = await somebody(database, await applied(database))

    first = await tendril("leads", "erase", EMAIL)
    again = await tendril("leads", "erase", lead, "--json")
    await database.pool.execute("update erasure set finished_at = at")
    done = await tendril("leads", "erase", lead)

    assert f"{lead} is erased here, and does not come back by import, API or identify." in first.out
    assert "It is still to be removed from the audience retarget at linkedin." in first.out
    assert "Its contact in the CRM is still to be emptied." in first.out
    assert "Its journey ends at its next decision." in first.out
    assert again.json["waiting"] == ["audience retarget at linkedin", "crm", "journey"]
    assert "nothing is left of it anywhere" in done.out
    assert f"There is no lead {EMAIL}." in (await tendril("leads", "erase", EMAIL, code=1)).err


async def test_whoever_was_erased_is_left_out_of_an_import_until_readmitted(
    tendril: Terminal, database: Database, playbook: str
):
    await tendril("leads", "import", write(tendril.directory / "one.csv", [person(1), person(2)]), *MAP)
    await tendril("leads", "erase", "crm-1", "--yes")

    again = await tendril("leads", "import", "one.csv", *MAP, "--again")
    as_json = await tendril("leads", "import", "one.csv", *MAP, "--again", "--json")
    assert "1 times: a person was erased before and was not taken in." in again.out
    assert (as_json.json["created"], as_json.json["updated"]) == (0, 1)

    for name in ("lead1@company1.example", "crm-1"):
        assert "may be taken in again" in (await tendril("leads", "readmit", name)).out
    refused = await tendril("leads", "readmit", "crm-1", code=1)
    last = await tendril("leads", "import", "one.csv", *MAP, "--again", "--json")
    assert "Nobody who was known as crm-1 was erased." in refused.err
    assert (last.json["created"], last.json["updated"]) == (1, 1)
