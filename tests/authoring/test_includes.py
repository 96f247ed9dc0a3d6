"""A playbook in several files means what it means in one, and what is wrong is seen where it is written."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from authoring.check import check
from authoring.includes import DEPTH, FILES
from authoring.load import load_playbook
from tests.authoring.spoil import copy
from tests.fixtures.playbooks import minimal_playbook_dir

WHOLE = (minimal_playbook_dir() / "playbook.yaml").read_text(encoding="utf-8")


@pytest.fixture
def directory(tmp_path):
    return copy(tmp_path)


def move_out(directory, section, file, *, beside=""):
    """Move what a section holds to a file of its own; ``beside`` is written with the include."""
    main = directory / "playbook.yaml"
    lines = main.read_text(encoding="utf-8").split("\n")
    start = lines.index(f"{section}:")
    end = next(n for n in range(start + 1, len(lines)) if lines[n] and not lines[n].startswith((" ", "#")))
    body = [line.removeprefix("  ") for line in lines[start + 1 : end]]
    path = (directory / file).resolve()
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("\n".join(body), encoding="utf-8")
    include = [f"  - include: {file}"] if body[0].startswith("- ") else [f"  include: {file}", *beside.split("\n")]
    main.write_text("\n".join([*lines[: start + 1], *include, *lines[end:]]), encoding="utf-8")
    return path


def write(path, text):
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text, encoding="utf-8")


def places(directory, rule):
    return [(p.file, p.line, p.column) for p in check(directory) if p.rule == rule]


def the_problem(directory):
    (problem,) = check(directory)
    return problem


@pytest.mark.parametrize("file", ["parts/fields.yaml", "../shared/fields.yml"])
def test_the_same_playbook_in_several_files_has_the_same_hash(directory, file):
    move_out(directory, "lead_fields", file)
    move_out(directory, "segments", "parts/segments.yaml")
    move_out(directory, "cadence", "../shared/cadence.yaml")
    assert "include" in (directory / "playbook.yaml").read_text(encoding="utf-8")
    assert load_playbook(directory).canonical() == load_playbook(minimal_playbook_dir()).canonical()


def test_the_whole_playbook_may_be_included(directory):
    (directory / "playbook.yaml").rename(directory / "base.yaml")
    write(directory / "playbook.yaml", "include: base.yaml\n")
    assert load_playbook(directory).content_hash() == load_playbook(minimal_playbook_dir()).content_hash()


def test_it_does_not_matter_where_the_include_stands(directory):
    data = yaml.safe_load(WHOLE)["sender"]
    name = data.pop("name")
    write(directory / "sender.yaml", yaml.safe_dump(data))
    hashes = set()
    for block in (f"  name: {name}\n  include: sender.yaml\n", f"  include: sender.yaml\n  name: {name}\n"):
        begin, end = WHOLE.index("sender:\n") + len("sender:\n"), WHOLE.index("variables:")
        write(directory / "playbook.yaml", WHOLE[:begin] + block + WHOLE[end:])
        hashes.add(load_playbook(directory).content_hash())
    assert hashes == {load_playbook(minimal_playbook_dir()).content_hash()}


def test_mappings_merge_deeply_with_what_is_written_beside_them(directory):
    write(directory / "more.yaml", "variables: {second: two}\nscoring: {intent: {caps: {extra: 10}}}\n")
    write(directory / "playbook.yaml", "include: more.yaml\n" + WHOLE)
    data = _read(directory)
    assert data["variables"] == {**yaml.safe_load(WHOLE)["variables"], "second": "two"}
    assert data["scoring"]["intent"]["caps"]["extra"] == 10
    assert data["scoring"]["mql"] == 40


def test_several_files_may_be_included_at_once(directory):
    write(directory / "a.yaml", "one: '1'\n")
    write(directory / "b.yaml", "two: '2'\n")
    spoiled = WHOLE.replace("variables:\n", "variables:\n  include: [a.yaml, b.yaml]\n")
    write(directory / "playbook.yaml", spoiled)
    assert load_playbook(directory).variables.keys() >= {"one", "two"}


def test_a_list_is_spliced_where_the_item_stands(directory):
    write(directory / "few.yaml", "- tue\n- wed\n")
    write(directory / "playbook.yaml", WHOLE.replace("[mon, tue, wed,", "[mon, {include: few.yaml},"))
    assert load_playbook(directory).cadence.days == ("mon", "tue", "wed", "thu", "fri")


def test_one_item_of_a_list_may_be_a_file(directory):
    write(directory / "smb.yaml", "id: smb\nlabel: Small and medium\n")
    write(directory / "playbook.yaml", WHOLE.replace("{id: smb, label: Small and medium}", "include: smb.yaml"))
    assert load_playbook(directory).content_hash() == load_playbook(minimal_playbook_dir()).content_hash()


def test_included_files_include_seen_from_themselves(directory):
    move_out(directory, "lead_fields", "parts/fields.yaml")
    (directory / "parts" / "fields.yaml").rename(directory / "parts" / "real.yaml")
    write(directory / "parts" / "fields.yaml", "include: real.yaml\n")
    assert check(directory) == []


def test_a_problem_is_seen_in_the_file_where_the_part_is_written(directory):
    path = move_out(directory, "handoff", "../shared/handoff.yaml")
    lines = path.read_text(encoding="utf-8").split("\n")
    number = next(n for n, line in enumerate(lines) if "when: " in line)
    lines[number] = lines[number].replace("when: ", "when: lead.nothing == 1 && ")
    lines.append("slaa: 2d")
    write(path, "\n".join(lines))
    column = lines[number].index("lead.nothing") + 1
    assert places(directory, "condition") == [("../shared/handoff.yaml", number + 1, column)]
    assert places(directory, "unknown-key") == [("../shared/handoff.yaml", len(lines), 1)]


def test_a_place_inside_a_block_of_text_is_seen_in_its_own_file(directory):
    rule = "- id: ready\n  label: Ready\n  when: |\n    score.fit > 1 &&\n      lead.nothing == 1\n"
    write(directory / "rules.yaml", rule)
    write(
        directory / "playbook.yaml",
        WHOLE.replace("handoff:\n  rules:\n", "handoff:\n  rules:\n    - include: rules.yaml\n"),
    )
    assert ("rules.yaml", 5, 7) in places(directory, "condition")


def test_a_key_written_here_and_there_names_both_places(directory):
    move_out(directory, "sender", "sender.yaml", beside="  name: Another")
    problem = the_problem(directory)
    assert (problem.file, problem.rule) == ("playbook.yaml", "duplicate-key")
    assert "“name” is written twice: here and in sender.yaml, line 1" in problem.message


def test_a_file_that_is_not_there_is_one_problem_with_what_may_be_meant(directory):
    move_out(directory, "sender", "parts/sender.yaml")
    path = directory / "playbook.yaml"
    write(path, path.read_text(encoding="utf-8").replace("parts/sender.yaml", "parts/sendr.yaml"))
    problem = the_problem(directory)
    assert problem.rule == "include"
    assert path.read_text(encoding="utf-8").split("\n")[problem.line - 1][problem.column - 1 :] == "parts/sendr.yaml"
    assert "did you mean “parts/sender.yaml”?" in problem.message


def test_a_path_seen_from_the_wrong_file_is_put_right(directory):
    write(directory / "parts" / "a.yaml", "include: parts/b.yaml\n")
    write(directory / "parts" / "b.yaml", "second: two\n")
    write(directory / "playbook.yaml", WHOLE.replace("variables:\n", "variables:\n  include: parts/a.yaml\n"))
    problem = the_problem(directory)
    assert (problem.file, problem.line) == ("parts/a.yaml", 1)
    assert "“b.yaml”?" in problem.message


def test_a_misspelt_include_is_recognised(directory):
    write(directory / "playbook.yaml", WHOLE.replace("sender:\n", "sender:\n  includes: sender.yaml\n"))
    assert "did you mean “include”?" in the_problem(directory).message


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("../../out.yaml", "leads out of"),
        ("link.yaml", "leads out of"),
        ("dir-link/out.yaml", "leads out of"),
        ("/etc/hosts.yaml", "a path seen from this file"),
        ("parts\\a.yaml", "a path seen from this file"),
        ("content/guide.md", "must end in .yaml or .yml"),
        ("loop.yaml", "links lead in a circle"),
        ("playbook.yaml", "includes itself: playbook.yaml → playbook.yaml"),
        ('"a\\0.yaml"', "is not a path"),
        ("[]", None),
        ("{a: b}", "is not a path"),
        ("", "is not a path"),
        ("folder.yaml", "can't be read: Is a directory"),
        ("pipe.yaml", "it is not a regular file"),
        ("list.yaml", "holds a list: include it as an item"),
        ("word.yaml", "holds no keys and values"),
        ("empty.yaml", "holds nothing to include"),
        ("broken.yaml", "broken.yaml:2:1: yaml"),
    ],
)
def test_what_can_not_be_included_is_refused(tmp_path, directory, written, says):
    directory = Path(shutil.move(directory, tmp_path / "all" / "playbook"))
    write(tmp_path / "out.yaml", "second: two\n")
    (directory / "link.yaml").symlink_to(tmp_path / "out.yaml")
    (directory / "dir-link").symlink_to(tmp_path)
    (directory / "loop.yaml").symlink_to(directory / "loop.yaml")
    (directory / "folder.yaml").mkdir()
    os.mkfifo(directory / "pipe.yaml")
    write(directory / "list.yaml", "- a\n")
    write(directory / "word.yaml", "word\n")
    write(directory / "empty.yaml", "# nothing yet\n")
    write(directory / "broken.yaml", "a: [\n")
    write(directory / "playbook.yaml", WHOLE.replace("variables:\n", f"variables:\n  include: {written}\n"))
    found = check(directory)
    if says is None:
        assert found == []
    else:
        assert [p for p in found if says in str(p)] == found
        assert len(found) == 1


def test_a_circle_of_files_is_refused(directory):
    write(directory / "a.yaml", "include: b.yaml\n")
    write(directory / "b.yaml", "include: a.yaml\n")
    write(directory / "playbook.yaml", WHOLE.replace("variables:\n", "variables:\n  include: a.yaml\n"))
    problem = the_problem(directory)
    assert problem.file == "b.yaml"
    assert "a.yaml → b.yaml → a.yaml" in problem.message


def test_includes_are_bounded_in_depth(directory):
    for number in range(DEPTH + 1):
        write(directory / f"a{number}.yaml", f"include: a{number + 1}.yaml\n")
    write(directory / "playbook.yaml", WHOLE.replace("variables:\n", "variables:\n  include: a0.yaml\n"))
    assert f"over {DEPTH} files deep" in the_problem(directory).message


def test_includes_are_bounded_in_number(directory):
    for number in range(FILES + 1):
        write(directory / f"a{number}.yaml", f"v{number}: x\n")
    names = ", ".join(f"a{number}.yaml" for number in range(FILES + 1))
    write(directory / "playbook.yaml", WHOLE.replace("variables:\n", f"variables:\n  include: [{names}]\n"))
    assert f"a playbook may include {FILES}" in the_problem(directory).message


def test_includes_that_multiply_are_refused(directory):
    for number in range(DEPTH - 1):
        write(directory / f"a{number}.yaml", f"- include: a{number + 1}.yaml\n" * 200)
    write(directory / f"a{DEPTH - 1}.yaml", "- mon\n" * 200)
    write(directory / "playbook.yaml", WHOLE.replace("[mon, tue, wed, thu, fri]", "[{include: a0.yaml}]"))
    assert "includes are written out" in the_problem(directory).message


def test_content_includes_nothing(directory):
    path = directory / "content" / "guide.md"
    write(path, path.read_text(encoding="utf-8").replace("---\n", "---\ninclude: x.yaml\n", 1))
    assert [p.rule for p in check(directory)] == ["unknown-key"]


def _read(directory):
    from authoring.content import read_directory  # noqa: PLC0415 — read only here

    sources = read_directory(directory)
    assert sources.problems() == []
    return sources.data()
