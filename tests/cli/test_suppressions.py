"""The suppression list from the command line: imported with a dry run, exported as it was, changed by hand."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.mailers import Mailer, Unwilling
from storage.database import Database
from storage.leads import LeadInput, upsert
from tests.adapters.running import running_sandbox
from tests.cli.csv_files import read
from tests.cli.terminal import Terminal
from tests.storage.samples import NOW

LIST = """E-mail,Reason,Source,At
Ann@Acme.example,Unsubscribed,old tool,2025-04-01T09:00:00+02:00
*@rival.example,,,
bob@acme.example,asked my boss,,
not an address,Unsubscribed,,
eve@acme.example,spam,,last week
ann@acme.example,Spam,,
"""


def written(directory: Path, text: str = LIST, name: str = "list.csv") -> Path:
    file = directory / name
    file.write_text(text, encoding="utf-8")
    return file


async def on_the_list(database: Database) -> dict[str, tuple[str, str]]:
    rows = await database.pool.fetch("select * from suppression")
    return {row["email"]: (row["reason"], row["source"]) for row in rows}


async def logged(database: Database) -> list[tuple[str, str, dict[str, Any]]]:
    rows = await database.pool.fetch("select by, action, detail from operator_action order by id")
    return [(row["by"], row["action"], row["detail"]) for row in rows]


async def test_a_file_is_imported_with_its_reasons_and_what_is_no_address_goes_to_a_file(
    tendril: Terminal, database: Database
):
    answer = await tendril("suppressions", "import", written(tendril.directory), "--reason", "opted_out")

    assert await on_the_list(database) == {
        "ann@acme.example": ("opted_out", "old tool"),
        "*@rival.example": ("opted_out", "import of list.csv"),
        "bob@acme.example": ("manual", "import of list.csv: asked my boss"),
    }
    assert "3 added, 0 were on the list already." in answer.out
    rejected = {row["row"]: row["reason"] for row in read(tendril.directory / "list.rejected.csv")}
    assert set(rejected) == {"5", "6"}
    assert "'not an address' is no address" in rejected["5"]
    assert "'last week' is no time" in rejected["6"]


async def test_a_dry_run_says_whom_it_concerns_and_writes_nothing(tendril: Terminal, database: Database, playbook: str):
    await upsert(database, LeadInput(email="ann@acme.example"), NOW, playbook)
    await upsert(database, LeadInput(email="someone@rival.example"), NOW, playbook)

    answer = await tendril("suppressions", "import", written(tendril.directory), "--dry-run")
    as_json = await tendril("suppressions", "import", written(tendril.directory), "--dry-run", "--json")

    assert "3 would be added" in answer.out
    assert "Forbids writing to 2 leads; 2 journeys in flight end." in answer.out
    assert as_json.json["dry_run"] is True
    assert (as_json.json["added"], as_json.json["journeys"], as_json.json["rejected"]) == (3, 2, 2)
    assert await on_the_list(database) == {}


async def test_an_address_that_the_file_has_again_further_down_is_foretold_once(tendril: Terminal, database: Database):
    between = "".join(f"lead{number}@acme.example\n" for number in range(500))
    file = written(tendril.directory, f"email\nann@acme.example\n{between}Ann@Acme.example\n")

    foretold = (await tendril("suppressions", "import", file, "--dry-run", "--json")).json
    done = (await tendril("suppressions", "import", file, "--json")).json

    assert (foretold["added"], foretold["known"]) == (501, 0)
    assert done["added"] == len(await on_the_list(database)) == 501


async def test_a_bare_list_of_addresses_will_do(tendril: Terminal, database: Database):
    file = written(tendril.directory, "ann@acme.example\nbob@acme.example\n*@rival.example\n")
    await tendril("suppressions", "import", file)
    assert set(await on_the_list(database)) == {"ann@acme.example", "bob@acme.example", "*@rival.example"}


async def test_what_was_exported_is_imported_as_it_was(tendril: Terminal, database: Database):
    await tendril("suppressions", "import", written(tendril.directory))
    before = await database.pool.fetch("select * from suppression order by email")
    await tendril("suppressions", "export", "out.csv")
    piped = await tendril("suppressions", "export")
    await database.pool.execute("delete from suppression")

    again = await tendril("suppressions", "import", "out.csv", "--json")

    assert again.json["added"] == 3
    assert await database.pool.fetch("select * from suppression order by email") == before
    assert piped.out.splitlines() == (tendril.directory / "out.csv").read_text().splitlines()


async def test_a_file_imported_again_changes_nothing(tendril: Terminal, database: Database):
    file = written(tendril.directory)
    await tendril("suppressions", "import", file)
    before = await on_the_list(database)

    again = await tendril("suppressions", "import", file, "--reason", "opted_out", "--by", "ann")

    assert "0 added" in again.out
    assert await on_the_list(database) == before
    assert [(by, detail["added"]) for by, _, detail in (await logged(database))[1:]] == [("ann", 0)]
    assert (await logged(database))[0][1:] == ("suppressions_imported", {"why": "manual", "added": 3, "journeys": 0})


async def test_entries_are_added_listed_and_removed_by_hand(tendril: Terminal, database: Database):
    added = await tendril("suppressions", "add", "*@rival.example", "Ann@acme.example", "--source", "legal")
    listed = await tendril("suppressions", "list", "--search", "rival")
    removed = await tendril("suppressions", "remove", "@rival.example")
    gone = await tendril("suppressions", "remove", "@rival.example", code=1)

    assert "2 added" in added.out
    assert "*@rival.example" in listed.out
    assert "legal" in listed.out
    assert "ann@acme.example" not in listed.out
    assert "Removed *@rival.example (manual since" in removed.out
    assert "*@rival.example is not on the suppression list." in gone.err
    assert set(await on_the_list(database)) == {"ann@acme.example"}


async def test_what_is_no_address_adds_nothing(tendril: Terminal, database: Database):
    answer = await tendril("suppressions", "add", "ann@acme.example", "rival.example", code=1)
    assert "'rival.example' is no address. Write one, or *@example.com for everybody there." in answer.err
    assert await on_the_list(database) == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [((), "No column is called email or address: the file has who, why."), (("--column", "whom"), "it has who, why")],
)
async def test_a_file_without_addresses_is_refused(tendril: Terminal, words: tuple[str, ...], said: str):
    file = written(tendril.directory, "who,why\nann,no\n")
    answer = await tendril("suppressions", "import", file, *words, code=2 if words else 1)
    assert said in answer.said


async def test_the_column_of_addresses_can_be_named(tendril: Terminal, database: Database):
    file = written(tendril.directory, "who,why\nann@acme.example,no\n")
    await tendril("suppressions", "import", file, "--column", "Who")
    assert set(await on_the_list(database)) == {"ann@acme.example"}


@pytest.fixture
async def sendgrid(tendril: Terminal) -> AsyncIterator[Mailer]:
    """Mail is carried by SendGrid's stand-in; what it holds."""
    async with running_sandbox() as sandbox:
        own = {"API_KEY": "sandbox", "BASE_URL": f"{sandbox.url}/sendgrid"}
        tendril.environment |= {f"TENDRIL_SENDGRID_{name}": value for name, value in own.items()}
        yield sandbox.app.state.store.of("sendgrid", Mailer)


async def test_the_mail_vendors_own_list_is_taken_over(tendril: Terminal, database: Database, sendgrid: Mailer):
    for number in range(501):
        entry = Unwilling(email=f"lead{number}@acme.example", reason="complained", at=NOW.isoformat())
        sendgrid.unwilling[entry.email] = entry
    sendgrid.unwilling["x"] = Unwilling(email="no address", reason="hard_bounced", at=NOW.isoformat())
    tendril.environment["TENDRIL_EMAIL_VENDOR"] = "sendgrid"

    answer = await tendril("suppressions", "pull")
    again = await tendril("suppressions", "pull", "sendgrid", "--full", "--json")

    assert "502 entries read. 501 added, 0 were on the list already." in answer.out
    assert "1 were left: no addresses" in answer.out
    assert again.json == {"read": 502, "added": 0, "left": 1, "leads": 0, "journeys": 0}
    assert (await on_the_list(database))["lead7@acme.example"] == ("complained", "sendgrid")
    lines = [(action, *map(detail.get, ("vendor", "full", "added"))) for _, action, detail in await logged(database)]
    assert lines == [
        ("suppressions_pulled", "sendgrid", False, 501),
        ("suppressions_pulled", "sendgrid", True, 0),
    ]


async def test_who_keeps_no_list_and_who_lets_nobody_in_is_said_in_words(tendril: Terminal, sendgrid: Mailer):
    none = await tendril("suppressions", "pull", code=1)
    assert "smtp keeps no list" in none.said
    tendril.environment["TENDRIL_SENDGRID_API_KEY"] = "wrong"
    refused = await tendril("suppressions", "pull", "sendgrid", code=1)
    assert "could not be read: sendgrid answered 401" in refused.said
