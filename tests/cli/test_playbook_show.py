"""``tendril playbook show`` and ``preview``: files or standard output, and clear words when a name is wrong."""

import json
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.fixtures.playbooks import minimal_playbook, minimal_playbook_dir

DIRECTORY = minimal_playbook_dir()


@pytest.fixture
def tendril(tmp_path: Path) -> Terminal:
    """A terminal without a database: neither command needs one."""
    return Terminal("postgresql://nobody@127.0.0.1:1/nothing", tmp_path)


async def test_show_prints_diagrams_that_paste_into_a_pull_request(tendril: Terminal):
    shown = (await tendril("playbook", "show", DIRECTORY)).out
    assert shown.startswith("# Minimal playbook\n")
    assert shown.count("```mermaid\nflowchart ") == 1 + len(minimal_playbook().segments)


@pytest.mark.parametrize(
    ("file", "begins"),
    [
        ("a.html", "<!doctype html>"),
        ("a.md", "# Minimal"),
        ("a.json", "{"),
        ("a.txt", "Minimal playbook\n\nEnterprise"),
    ],
)
async def test_the_files_ending_says_how_to_show_it(tendril: Terminal, file: str, begins: str):
    answer = await tendril("playbook", "show", DIRECTORY, "--out", file)
    assert (tendril.directory / file).read_text().startswith(begins)
    assert answer.out == ""
    assert answer.err.startswith(f"{file}: ")


async def test_a_format_goes_before_the_files_ending(tendril: Terminal):
    await tendril("playbook", "show", DIRECTORY, "--out", "a.txt", "--format", "json")
    data = json.loads((tendril.directory / "a.txt").read_text())
    assert data["name"] == "minimal"
    assert [board["segment"] for board in data["segments"]] == ["enterprise", "smb"]


async def test_one_segment_alone_can_be_shown(tendril: Terminal):
    assert "ent-letter" not in (await tendril("playbook", "show", DIRECTORY, "--segment", "smb")).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "--segment", "enterprize"), "has no segment “enterprize”. Did you mean 'enterprise'?"),
        (("show", "--segment", "x"), "has no segment “x”. There are enterprise, smb."),
        (("show", "--out", "nowhere/a.html"), "can't be written: No such file or directory."),
        (("preview", "giude"), "has no asset “giude”. Did you mean 'guide'?"),
        (("preview", "--field", "compny=x"), "declares no lead field “compny”. Did you mean 'company'?"),
        (("preview", "--field", "company"), "“company” is not a field with a value. Write --field name=value."),
        (("preview", "--field", "employees=many"), "is of type int, which “many” is not. Write a number."),
        (("preview", "--field", "free_mail=perhaps"), "is of type bool, which “perhaps” is not. Write true or false."),
        (("preview", "--lead", "nobody.yaml"), "nobody.yaml"),
    ],
)
async def test_a_wrong_name_is_answered_in_one_line(tendril: Terminal, words: tuple[str, ...], said: str):
    command, *options = words
    answer = await tendril("playbook", command, DIRECTORY, *options, code=1)
    assert said in answer.err
    assert answer.err.count("\n") == 1


async def test_the_mails_are_shown_for_a_lead_with_my_fields(tendril: Terminal):
    page = (await tendril("playbook", "preview", DIRECTORY, "guide", "--field", "first_name=Ann")).out
    assert "Hello Ann," in page
    assert "Hello there," in page
    assert "employees: 120" in page


async def test_of_a_lead_in_a_file_nothing_else_is_known(tendril: Terminal):
    (tendril.directory / "lead.yaml").write_text("country: DE\nfields: {first_name: Kim}\n")
    await tendril("playbook", "preview", DIRECTORY, "guide", "--lead", "lead.yaml", "--out", "mails.html")
    page = (tendril.directory / "mails.html").read_text()
    assert "Hello Kim," in page
    assert "employees" not in page


async def test_a_field_the_playbook_does_not_have_is_found_in_the_file(tendril: Terminal):
    (tendril.directory / "lead.yaml").write_text("fields:\n  first_nam: Kim\n")
    answer = await tendril("playbook", "preview", DIRECTORY, "--lead", "lead.yaml", code=1)
    assert "lead.yaml:2:3" in answer.err
    assert "first_name" in answer.err
