"""What is wrong with a playbook is said to people, to programs and to GitHub; an editor gets the schema."""

import json
from pathlib import Path

import jsonschema
import pytest

from authoring.problems import Problem
from cli.playbook.check import annotation
from tests.authoring.spoil import copy, spoil
from tests.cli.terminal import Terminal


@pytest.fixture
def tendril(tmp_path: Path) -> Terminal:
    """A terminal without a database: none is needed."""
    return Terminal("postgresql://nobody@127.0.0.1:1/nothing", tmp_path)


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    directory = copy(tmp_path)
    spoil(directory, "  reply_to:", "  ¦reply_too:")
    return directory


async def test_github_shows_a_problem_beside_its_line(tendril: Terminal, playbook: Path):
    answer = await tendril("playbook", "check", playbook, "--format", "github", code=1)

    first, verdict = answer.out.splitlines()
    command, _, message = first.removeprefix("::").partition("::")
    severity, _, properties = command.partition(" ")
    said = dict(part.split("=", 1) for part in properties.split(","))
    assert (severity, said["title"]) == ("error", "unknown-key")
    assert Path(said["file"]).name == "playbook.yaml"
    line = (playbook / "playbook.yaml").read_text().splitlines()[int(said["line"]) - 1]
    assert line[int(said["col"]) - 1 :].startswith("reply_too")
    assert "did you mean “reply_to”?" in message
    assert "is refused" in verdict
    assert verdict.endswith("Rules are explained in docs/lints/.")


def test_what_the_runner_reads_as_its_own_is_escaped(tmp_path: Path):
    problem = Problem("content/a,b:c.md", 3, 7, "link", "100 % wrong:\r\n::error::", "warning")

    said = annotation(tmp_path, problem)

    assert "\n" not in said
    assert said.startswith("::warning file=")
    assert "a%2Cb%3Ac.md,line=3,col=7,title=link::100 %25 wrong:%0D%0A::error::" in said


async def test_both_ways_to_ask_for_json_give_the_same(tendril: Terminal, playbook: Path):
    answers = [await tendril("playbook", "check", playbook, *how, code=1) for how in (["--format", "json"], ["--json"])]

    assert answers[0].json == answers[1].json
    assert answers[0].json["items"][0]["rule"] == "unknown-key"


async def test_an_included_file_is_named_by_its_plain_path(tendril: Terminal, playbook: Path):
    shared = playbook.parent / "shared" / "variables.yaml"
    shared.parent.mkdir()
    shared.write_text("Bad Name: x\n")
    spoil(playbook, "variables:\n", "variables:\n  include: ../shared/variables.yaml¦\n")

    answer = await tendril("playbook", "check", playbook, code=1)

    assert f"{shared}:1:1: value:" in answer.out


async def test_an_unknown_format_is_refused(tendril: Terminal, playbook: Path):
    answer = await tendril("playbook", "check", playbook, "--format", "html", code=2)

    assert "github" in answer.err


@pytest.mark.parametrize("of", ["playbook", "content", "scenario"])
async def test_a_schema_is_printed_or_written(tendril: Terminal, tmp_path: Path, of: str):
    printed = await tendril("playbook", "schema", "--of", of)
    out = tmp_path / "schemas" / f"{of}.json"
    said = (await tendril("playbook", "schema", "--of", of, "--out", out)).out

    jsonschema.Draft202012Validator.check_schema(printed.json)
    assert json.loads(out.read_text(encoding="utf-8")) == printed.json
    assert ("# yaml-language-server: $schema=" in said) is (of != "content")


async def test_a_place_that_can_not_be_written_is_named(tendril: Terminal, tmp_path: Path):
    (tmp_path / "file").write_text("")

    answer = await tendril("playbook", "schema", "--out", tmp_path / "file" / "x.json", code=1)

    assert "can't be written" in answer.err
