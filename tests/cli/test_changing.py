"""A playbook is changed after looking: compared, planned, applied with a policy, rolled back, and all of it kept."""

import json
import shutil
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import pytest

from cli.playbook.paper import Paper
from cli.playbook.planning.plan import Plan
from cli.playbook.planning.words import Telling
from domain.core.outlook import WITH_SALES, Position
from domain.planning.totals import Totals
from domain.versions import Policy
from domain.words import Channel, Phase
from storage.database import Database
from storage.in_flight import InFlight
from tests.cli.life import live
from tests.cli.terminal import Terminal
from tests.fixtures.playbooks import minimal_playbook, minimal_playbook_dir


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The minimal playbook with another second step for small companies."""
    copy = tmp_path / "mine"
    shutil.copytree(minimal_playbook_dir(), copy)
    file = copy / "playbook.yaml"
    written = file.read_text()
    assert "id: smb-checklist" in written
    file.write_text(written.replace("id: smb-checklist", "id: smb-list").replace("sales_ready: 70", "sales_ready: 65"))
    return copy


@pytest.fixture
async def in_flight(tendril: Terminal, database: Database, playbook: str) -> list[str]:
    """Three leads some days into their journeys."""
    file = tendril.directory / "leads.csv"
    file.write_text("email\n" + "".join(f"lead{number}@company{number}.example\n" for number in range(3)))
    await tendril("leads", "import", file, "--playbook", playbook)
    leads = [row["id"] for row in await database.pool.fetch("select id from lead order by id")]
    for lead in leads:
        await live(database, lead, days=3)
    await database.pool.execute("delete from pending_wake")
    return leads


async def test_versions_and_directories_are_compared_in_words(tendril: Terminal, playbook: str, changed: Path):
    answer = await tendril("playbook", "diff", playbook, changed)
    told = (await tendril("playbook", "diff", minimal_playbook_dir(), changed, "--json")).json

    assert "ready for sales from intent 70 → 65" in answer.out
    assert "smb-list (Small and medium, problem awareness): new: e-mail" in answer.out
    assert [item["kind"] for item in told["items"]] == ["removed", "added", "changed"]
    assert "nothing differs" in (await tendril("playbook", "diff", changed, changed)).out


async def test_a_plan_counts_where_everybody_goes_and_writes_nothing(
    tendril: Terminal, database: Database, in_flight: list[str], changed: Path
):
    counted = "select (select count(*) from decision), (select count(*) from playbook_version)"
    before = await database.pool.fetchrow(counted)

    answer = await tendril("playbook", "plan", changed)
    told = (await tendril("playbook", "plan", changed, "--json")).json

    assert "Their next step is gone: 3" in answer.out
    assert "smb-checklist → smb-list" in answer.out
    assert "if nobody did anything" in answer.out
    policies = told["foretold"]["policies"]
    assert [policies[policy]["moved"] for policy in ("pin", "follow", "migrate")] == [0, 3, 3]
    steps = {touch["step"]: touch["number"] for touch in policies["follow"]["touches"]}
    assert steps["smb-list"] == 3
    assert "smb-checklist" in {touch["step"] for touch in policies["pin"]["touches"]}
    assert not told["foretold"]["sampled"]
    assert await database.pool.fetchrow(counted) == before


def test_what_is_called_alike_is_counted_in_one_line_or_told_apart(capsys: pytest.CaptureFixture[str]):
    after = minimal_playbook()
    nurture = Position(Phase.NURTURE, "enterprise", "research", "ent-cost")
    sold = [Position(Phase.HANDOFF, segment, "research", WITH_SALES) for segment in ("small", "enterprise")]
    totals = Totals(journeys=5, today=Counter({sold[0]: 3, sold[1]: 2}))
    course = totals.courses[Policy.FOLLOW]
    course.elsewhere = Counter({(nurture, sold[0]): 3, (nurture, sold[1]): 2})
    course.touches = Counter({("ask", "", Channel.EMAIL): 4, ("ask", "", Channel.SDR_TASK): 1})

    Telling(Paper(), Plan(after, after, (), InFlight({"v": 5}), totals, 0), [Policy.FOLLOW]).tell()

    told = capsys.readouterr().out
    assert "handoff: with sales 5" in told
    assert told.count("→ handoff: with sales") == 1
    assert "ask by email: 0 → 4" in told
    assert "ask by sdr task: 0 → 1" in told


async def test_of_many_a_sample_is_foretold_and_says_so(tendril: Terminal, in_flight: list[str], changed: Path):
    answer = await tendril("playbook", "plan", changed, "--sample", "2", "--seed", "4")

    assert "Of a sample of 2 of 3 (seed 4)." in answer.out


async def test_several_processes_count_what_one_does(tendril: Terminal, in_flight: list[str], changed: Path):
    alone = (await tendril("playbook", "plan", changed, "--json")).json["foretold"]

    with patch("cli.playbook.planning.engine._FEW", 1), patch("cli.playbook.planning.engine._BATCH", 2):
        shared = (await tendril("playbook", "plan", changed, "--json")).json["foretold"]

    assert _sorted(shared) == _sorted(alone)
    assert alone["journeys"] == 3


def _sorted(told: object) -> object:
    if isinstance(told, dict):
        return {key: _sorted(value) for key, value in told.items()}
    return sorted(map(json.dumps, told)) if isinstance(told, list) else told


async def test_a_change_is_applied_kept_and_taken_back(
    tendril: Terminal, database: Database, in_flight: list[str], changed: Path
):
    first = minimal_playbook().content_hash()

    applied = await tendril("playbook", "apply", changed, "--policy", "migrate", "--rate", "5/s", "--reason", "a test")
    again = await tendril("playbook", "apply", changed, "--policy", "migrate")
    listed = (await tendril("playbook", "versions", "minimal", "--json")).json["items"]

    assert "3 journeys in flight: they move to it now, one after another (migrate)." in applied.out
    assert "in force already" in again.out
    assert await database.pool.fetchval("select rate from operation where kind = 'migrate'") == 5
    assert [(item["policy"], item["reason"], item["journeys"]) for item in listed] == [
        ("migrate", "a test", 0),
        ("follow", "", 3),
    ]

    back = (await tendril("playbook", "rollback", "minimal", "--policy", "pin", "--json")).json

    assert (back["version"], back["policy"], len(back["stopped"])) == (first, "pin", 1)
    assert (await tendril("playbook", "list", "--json")).json["items"][0]["hash"] == first
    assert "→" in (await tendril("playbook", "diff", listed[0]["hash"][:6], "minimal")).out


async def test_what_does_not_exist_is_named_with_what_was_probably_meant(tendril: Terminal, playbook: str):
    assert "Did you mean 'minimal'?" in (await tendril("playbook", "diff", "minimul", "minimal", code=1)).err
    assert "There is no version ffff" in (await tendril("playbook", "diff", "ffff", "minimal", code=1)).err
    assert "Nobody knows of a version" in (await tendril("playbook", "rollback", "minimal", code=1)).err
    assert "There is no playbook named 'x'" in (await tendril("playbook", "versions", "x", code=1)).err
