"""What a person may ask for, from the command line."""

import json

from storage.database import Database
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
