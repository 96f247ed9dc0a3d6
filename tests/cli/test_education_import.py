"""The import of a university's export: invented rows in its shape, and the whole file where it lies beside us."""

import csv
from pathlib import Path

import pytest

from storage.database import Database
from tests.cli.terminal import ROOT, Terminal
from tests.playbooks.education_extract import write_extract

EDUCATION = ROOT / "playbooks" / "education"
WHOLE = ROOT.parent / "shared" / "data" / "leads-education.csv"
WORDS = ("--map-file", EDUCATION / "map.yaml", "--playbook", "education", "--synthesise-email", "example.com")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return WHOLE if WHOLE.exists() else write_extract(tmp_path / "extract.csv", rows=1500, seed=5)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


async def test_every_row_of_the_export_enrols_and_every_no_is_recorded(
    tendril: Terminal, database: Database, export: Path
):
    people = rows(export)
    await tendril("playbook", "apply", EDUCATION)

    answer = (await tendril("leads", "import", export, *WORDS, "--json")).json

    assert (answer["rows"], answer["rejected"]) == (len(people), 0)
    assert answer["created"] == answer["enrolled"] == len(people)
    declined = await database.pool.fetch(
        "select external_id from consent join lead on lead.id = lead_id where channel = 'email' and not granted"
    )
    assert {row["external_id"] for row in declined} == {p["Prospect ID"] for p in people if p["Do Not Email"] == "Yes"}
    assert await database.pool.fetchval("select count(*) from pending_wake") == len(people)


async def test_what_became_of_them_is_nowhere_in_the_database(tendril: Terminal, database: Database, tmp_path: Path):
    extract = write_extract(tmp_path / "extract.csv", rows=300, seed=3)
    await tendril("playbook", "apply", EDUCATION)

    await tendril("leads", "import", extract, *WORDS)

    names = await database.pool.fetch("select distinct jsonb_object_keys(fields) as name from lead")
    known = {"origin", "occupation", "specialisation", "visits", "seconds_on_site", "last_activity"}
    assert {row["name"] for row in names} <= known


async def test_a_dry_run_of_an_extract_adds_up(tendril: Terminal, tmp_path: Path):
    extract = write_extract(tmp_path / "extract.csv", rows=200, seed=3)
    await tendril("playbook", "apply", EDUCATION)

    answer = (await tendril("leads", "import", extract, *WORDS, "--dry-run", "--json")).json

    assert answer["enrolling"] == answer["rows"] == 200
    assert answer["paths"]["nurture"] + answer["paths"]["sales"] == 200
    assert answer["declined"] == sum(row["Do Not Email"] == "Yes" for row in rows(extract)) > 0
    assert answer["touches"]["email"] <= 5 * (200 - answer["declined"])  # the playbook's cap: five in thirty days
