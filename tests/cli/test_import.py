"""An import takes every row it can, says why it can't take the others, and never takes anyone twice."""

import asyncio
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage import permission
from storage.database import Database
from tests.cli.csv_files import HEADER, MAP, person, read, write
from tests.cli.terminal import Terminal

pytestmark = pytest.mark.usefixtures("playbook")
_DEADLINE = 60.0


async def count(database: Database, table: str, where: str = "true") -> int:
    number: int = await database.pool.fetchval(f"select count(*) from {table} where {where}")  # noqa: S608 our own words
    return number


async def test_every_row_becomes_a_lead_with_a_journey_and_a_wake(tendril: Terminal, database: Database):
    file = write(tendril.directory / "leads.csv", [person(number) for number in range(1, 1202)])

    answer = await tendril("leads", "import", file, *MAP, "--json")

    assert answer.json["created"] == answer.json["enrolled"] == answer.json["rows"] == 1201
    assert await count(database, "lead") == await count(database, "journey") == 1201
    assert await count(database, "pending_wake") == 1201
    lead = await database.pool.fetchrow("select * from lead where external_id = 'crm-7'")
    assert lead["fields"] == {"first_name": "Lead 7", "employees": 7, "role": "cfo"}
    assert lead["country"] == "DE"


async def test_importing_a_file_again_enrols_nobody_and_says_so(tendril: Terminal, database: Database):
    file = write(tendril.directory / "leads.csv", [person(1), person(2)])
    await tendril("leads", "import", file, *MAP)

    second = await tendril("leads", "import", file, *MAP)
    again = await tendril("leads", "import", file, *MAP, "--again", "--json")

    assert "imported to its end before" in second.err
    assert (again.json["created"], again.json["updated"], again.json["enrolled"]) == (0, 2, 0)
    assert await count(database, "journey") == 2


async def test_rows_that_cannot_be_taken_go_to_a_file_with_the_reasons(tendril: Terminal, database: Database):
    rows = [
        person(1),
        person(2, Mail="not an address"),
        person(3, Staff="many", No_mail="perhaps"),
        person(1, Mail="other@company.example"),
        person(5, Mail="LEAD1@company1.example"),
        ("crm-6", "short@row.example"),
        person(7, Contact="", Mail=""),
    ]
    file = write(tendril.directory / "leads.csv", rows)

    answer = await tendril("leads", "import", file, *MAP)

    assert await count(database, "lead") == 1
    assert "6 rows were rejected: leads.rejected.csv" in answer.out
    rejected = {int(row["row"]): row for row in read(tendril.directory / "leads.rejected.csv")}
    assert "not an address" in rejected[3]["reason"]
    assert rejected[3]["Contact"] == "crm-2"
    assert rejected[4]["reason"] == "employees: 'many' is not a number; do_not_email: 'perhaps' is neither yes nor no"
    assert rejected[5]["reason"] == "external_id: 'crm-1' is in row 2 already"
    assert rejected[6]["reason"] == "email: 'lead1@company1.example' is in row 2 already"
    assert rejected[7]["reason"] == f"has 2 columns, the header has {len(HEADER)}"
    assert rejected[8]["reason"] == "neither external id nor e-mail is given"


async def test_those_who_declined_e_mail_are_recorded_as_such(tendril: Terminal, database: Database):
    file = write(tendril.directory / "leads.csv", [person(1), person(2, No_mail="Yes")])

    await tendril("leads", "import", file, *MAP)

    declined = await database.pool.fetch(
        "select external_id, channel from consent join lead on lead.id = lead_id where not granted"
    )
    assert [tuple(row) for row in declined] == [("crm-2", "email")]


async def test_a_killed_import_goes_on_and_doubles_nobody(tendril: Terminal, database: Database):
    rows = [person(number) if number % 100 else person(number, Mail="broken") for number in range(1, 3001)]
    file = write(tendril.directory / "leads.csv", rows)
    words = ("leads", "import", file, *MAP, "--json")
    process = tendril.start(*words, "--rate", "200/s")
    deadline = time.monotonic() + _DEADLINE
    while await count(database, "journey") == 0:
        assert time.monotonic() < deadline, "no batch was committed"
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=_DEADLINE)
    at_the_kill = await count(database, "journey")

    answer = await tendril(*words)

    assert 0 < at_the_kill < 2970
    assert answer.json["created"] == answer.json["enrolled"] == 2970 - at_the_kill
    assert answer.json["continued_after_row"] > 1
    assert answer.json["rejected"] == len(read(tendril.directory / "leads.rejected.csv")) == 30
    assert await count(database, "lead") == await count(database, "journey") == 2970
    assert await count(database, "journey", "cycle > 1") == 0


async def test_enrolment_keeps_to_the_rate(tendril: Terminal):
    file = write(tendril.directory / "leads.csv", [person(number) for number in range(1, 31)])

    answer = await tendril("leads", "import", file, *MAP, "--rate", "20/s", "--json")

    assert answer.json["created"] == 30
    assert answer.json["rows_per_second"] < 31  # the second batch of ten waits for the first one's second


async def test_addresses_can_be_made_from_the_id_and_make_no_account(tendril: Terminal, database: Database):
    file = write(tendril.directory / "leads.csv", [person(1), person(2, Contact="Röße & Söhne")])

    await tendril("leads", "import", file, "--map", "external_id=Contact", "--synthesise-email", "example.com")

    emails = {row["email"] for row in await database.pool.fetch("select email from lead")}
    assert "crm-1@example.com" in emails
    assert len(emails) == 2
    assert await count(database, "account") == 0


async def test_columns_named_as_lead_fields_need_no_mapping(tendril: Terminal, database: Database):
    file = tendril.directory / "leads.csv"
    file.write_text("External ID,email,Employees,ignored\ncrm-1,a@one.example,250,x\n")

    await tendril("leads", "import", file)

    lead = await database.pool.fetchrow("select external_id, email, fields from lead")
    assert tuple(lead) == ("crm-1", "a@one.example", {"employees": 250})


async def test_a_dry_run_says_what_would_happen_and_writes_nothing(tendril: Terminal, database: Database):
    file = write(tendril.directory / "known.csv", [person(1)])
    await tendril("leads", "import", file, *MAP)
    rows = [person(1), person(2), person(3, No_mail="yes"), person(4), person(5, Mail="broken"), person(6, Staff="400")]
    file = write(tendril.directory / "leads.csv", rows)
    await permission.suppress(database, "lead4@company4.example", "complained", "test", datetime.now(UTC))

    answer = (await tendril("leads", "import", file, *MAP, "--dry-run", "--json")).json

    assert answer["rows"] == 6
    assert (answer["known"], answer["in_flight"], answer["rejected"], answer["enrolling"]) == (1, 1, 1, 3)
    assert answer["suppressed"] == {"complained": 1}
    assert answer["declined"] == 1
    assert sum(answer["segments"].values()) == answer["paths"]["nurture"]
    assert answer["segments"]["enterprise"] == 1
    assert answer["touches"]["email"] > 0
    assert await count(database, "lead") == 1
    assert await count(database, "import_run") == 1


async def test_a_dry_run_leaves_out_who_was_erased_as_the_import_does(tendril: Terminal, database: Database):
    await tendril("leads", "import", write(tendril.directory / "known.csv", [person(1)]), *MAP)
    await tendril("leads", "erase", "lead1@company1.example", "--yes")
    file = write(tendril.directory / "leads.csv", [person(1), person(2)])

    foretold = (await tendril("leads", "import", file, *MAP, "--dry-run", "--json")).json
    words = (await tendril("leads", "import", file, *MAP, "--dry-run")).out
    done = (await tendril("leads", "import", file, *MAP, "--json")).json

    assert (foretold["erased"], foretold["known"], foretold["enrolling"]) == (1, 0, 1)
    assert "1  were erased before and would not be taken in" in words
    assert done["enrolled"] == foretold["enrolling"]


async def test_a_dry_run_reads_well(tendril: Terminal):
    file = write(tendril.directory / "leads.csv", [person(1)])

    said = (await tendril("leads", "import", file, *MAP, "--dry-run")).out

    assert "1  would enrol in minimal" in said
    assert "Touches in the first 30 days" in said


async def test_an_unknown_country_is_left_out_and_named(tendril: Terminal, database: Database):
    file = write(tendril.directory / "leads.csv", [person(1, Country="Atlantis")])

    answer = await tendril("leads", "import", file, *MAP)

    assert "'Atlantis'" in answer.out
    assert await count(database, "lead", "country = ''") == 1


async def test_the_file_of_rejects_cannot_be_the_file_itself(tendril: Terminal):
    file = write(tendril.directory / "leads.csv", [person(1)])
    before = file.read_bytes()

    answer = await tendril("leads", "import", file, *MAP, "--rejects", Path("leads.csv"), code=2)

    assert "can't be the file that is imported" in answer.said
    assert file.read_bytes() == before


async def test_a_database_that_goes_away_ends_the_import_in_words_and_the_next_run_goes_on(
    tendril: Terminal, database: Database
):
    file = write(tendril.directory / "leads.csv", [person(number) for number in range(1, 1001)])
    async with database.pool.acquire() as blocker:
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute("lock table journey in exclusive mode")
        importing = asyncio.create_task(tendril("leads", "import", file, *MAP, code=1))
        await _cut_off_whoever_waits(database)
        answer = await importing
        await transaction.rollback()

    await tendril("leads", "import", file, *MAP)

    assert "went away. When it is back, run the same command again." in answer.err
    assert answer.err.count("\n") == 1
    assert await count(database, "lead") == await count(database, "journey") == 1000


async def _cut_off_whoever_waits(database: Database) -> None:
    """End the connection of the import, which waits for the lock."""
    deadline = time.monotonic() + _DEADLINE
    while not await database.pool.fetchval(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock'"
    ):
        assert time.monotonic() < deadline, "the import never came to the lock"
        await asyncio.sleep(0.02)
