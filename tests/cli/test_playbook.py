"""Playbooks are checked with places, applied only when sound, listed and previewed."""

import shutil
from pathlib import Path

import pytest

from storage.database import Database
from tests.cli.terminal import Terminal
from tests.fixtures.playbooks import minimal_playbook_dir


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The minimal playbook, to be changed."""
    copy = tmp_path / "mine"
    shutil.copytree(minimal_playbook_dir(), copy)
    return copy


def broken(directory: Path) -> Path:
    file = directory / "playbook.yaml"
    file.write_text(file.read_text().replace("when: lead.employees >= 200}", "when: lead.employes >= 200}"))
    return directory


async def test_a_sound_playbook_passes(tendril: Terminal, directory: Path):
    assert "is sound" in (await tendril("playbook", "check", directory)).out


async def test_a_broken_one_is_refused_with_file_line_column_and_rule(tendril: Terminal, directory: Path):
    answer = await tendril("playbook", "check", broken(directory), code=1)

    file = directory / "playbook.yaml"
    place, line, column, rule = answer.out.splitlines()[0].split(":")[:4]
    text = file.read_text().splitlines()[int(line) - 1]
    assert place == str(file)
    assert text[int(column) - 1 :].startswith(("employes", "lead.employes", ".employes"))
    assert rule.strip()
    assert "is refused" in answer.out


async def test_problems_come_as_json_too(tendril: Terminal, directory: Path):
    answer = await tendril("playbook", "check", broken(directory), "--json", code=1)

    assert answer.json["total"] == len(answer.json["items"]) > 0
    assert {"file", "line", "column", "rule", "message", "severity"} <= answer.json["items"][0].keys()


async def test_a_directory_without_a_playbook_is_named(tendril: Terminal, tmp_path: Path):
    answer = await tendril("playbook", "check", tmp_path / "nowhere", code=1)

    assert "there is no playbook.yaml in" in answer.out


async def test_an_applied_playbook_is_in_force(tendril: Terminal, directory: Path):
    said = (await tendril("playbook", "apply", directory, "--default")).out
    listed = (await tendril("playbook", "list", "--json")).json

    assert "Playbook minimal is in force" in said
    assert listed["total"] == 1
    assert listed["items"][0]["name"] == "minimal"
    assert listed["items"][0]["hash"] in said


@pytest.mark.usefixtures("playbook")
async def test_a_playbook_broken_with_leads_in_flight_is_refused_and_changes_nothing(
    tendril: Terminal, database: Database, directory: Path
):
    file = tendril.directory / "leads.csv"
    file.write_text("email\nlead1@company1.example\n")
    await tendril("leads", "import", file)
    before = await database.pool.fetch("select * from playbook_active")

    answer = await tendril("playbook", "apply", broken(directory), code=1)

    assert "is broken: playbook.yaml:" in answer.err
    assert "playbook check" in answer.err
    assert answer.err.count("\n") == 1
    assert await database.pool.fetch("select * from playbook_active") == before
    assert await database.pool.fetchval("select count(*) from playbook_version") == 1


async def test_the_mails_can_be_looked_at(tendril: Terminal, directory: Path):
    await tendril("playbook", "preview", directory, "--out", "mails.html")

    page = (tendril.directory / "mails.html").read_text()
    assert "<!doctype html>" in page.lower()
    assert "pricing-answers" in page


async def test_without_a_playbook_the_list_says_how_to_apply_one(tendril: Terminal):
    assert "tendril playbook apply DIR" in (await tendril("playbook", "list")).out
