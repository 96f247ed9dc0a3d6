"""The guide to writing a playbook says what is so: its own test passes, its commands and links exist."""

import re
from pathlib import Path

from authoring.load import load_playbook
from authoring.scenarios.reading import read_scenarios
from authoring.scenarios.run import run
from cli.playbook import app
from domain.playbook.compiled import CompiledPlaybook
from tests.authoring.test_reference import GUIDE, build_the_guide

TEXT = GUIDE.read_text(encoding="utf-8")


def test_the_guide_s_own_scenario_holds(tmp_path: Path):
    build_the_guide(tmp_path)
    playbook = CompiledPlaybook(load_playbook(tmp_path))
    read = read_scenarios(tmp_path, playbook)
    assert read.problems == []
    assert [result.held for result in run(playbook, read.scenarios)] == [True]


def test_every_command_in_the_guide_exists():
    named = set(re.findall(r"tendril playbook (\w+)", TEXT))
    assert {"check", "show", "preview", "trace", "test", "apply"} <= named
    assert named <= {command.name for command in app.registered_commands}


def test_every_link_in_the_guide_leads_to_a_file():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if not link.startswith("{{")]
    assert links
    assert [link for link in links if not (GUIDE.parent / link).exists()] == []
