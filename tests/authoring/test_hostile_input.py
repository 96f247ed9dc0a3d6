"""Files made to harm are refused with a clear problem, quickly, and without being expanded."""

import time

import pytest

from authoring.check import check
from authoring.source import YAML_BYTES
from tests.authoring.spoil import copy

SECONDS = 8.0  # generous for a busy machine; each takes well under one


@pytest.fixture
def directory(tmp_path):
    return copy(tmp_path)


@pytest.fixture(autouse=True)
def _quickly():
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < SECONDS


def only_problem(directory, rule):
    (problem,) = check(directory)
    assert problem.rule == rule
    return problem


def test_aliases_that_explode(directory):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (directory / "playbook.yaml").write_text("\n".join(lines))
    assert "aliases" in only_problem(directory, "yaml").message


def test_an_alias_of_itself(directory):
    (directory / "playbook.yaml").write_text("name: &a [*a]\n")
    assert "aliases" in only_problem(directory, "yaml").message


def test_brackets_without_end(directory):
    (directory / "playbook.yaml").write_text("[" * 200_000)
    assert "nested" in only_problem(directory, "yaml").message


def test_mappings_without_end(directory):
    (directory / "playbook.yaml").write_text("\n".join(" " * n + "a:" for n in range(900)))
    assert "nested" in only_problem(directory, "yaml").message


def test_a_huge_file(directory):
    (directory / "playbook.yaml").write_text("# " + "x" * YAML_BYTES)
    assert "larger than 1000 kB" in only_problem(directory, "size").message


def test_a_large_file_that_is_allowed_is_read_in_time(directory):
    path = directory / "playbook.yaml"
    filler = "".join(f"  filler_{n}: {'x' * 40}\n" for n in range(15_000))
    path.write_text(path.read_text().replace("variables:\n", "variables:\n" + filler))
    assert check(directory) == []


def test_a_huge_content_file(directory):
    (directory / "content" / "guide.md").write_text("---\nsubject: x\n---\n" + "x" * 300_000)
    assert "larger than 256 kB" in next(p for p in check(directory) if p.file == "content/guide.md").message


def test_bytes_that_are_not_utf8(directory):
    path = directory / "playbook.yaml"
    before = path.read_bytes()
    path.write_bytes(before + b"# caf\xe9\n")
    problem = only_problem(directory, "encoding")
    assert (problem.line, problem.column) == (before.count(b"\n") + 1, 6)


def test_a_character_yaml_forbids(directory):
    (directory / "playbook.yaml").write_text("name: x\ntitle: a\x00b\n")
    problem = only_problem(directory, "encoding")
    assert (problem.line, problem.column) == (2, 9)


def test_a_tab_as_indentation(directory):
    (directory / "playbook.yaml").write_text("sender:\n\tname: x\n")
    problem = only_problem(directory, "yaml")
    assert problem.line == 2
    assert "tab" in problem.message


def test_a_key_written_twice(directory):
    path = directory / "playbook.yaml"
    count = path.read_text().count("\n")
    path.write_text(path.read_text() + "length_limit: 10d\n")
    problem = next(p for p in check(directory) if p.rule == "duplicate-key")
    assert (problem.line, problem.column) == (count + 1, 1)
    assert "the first is on line" in problem.message


def test_a_tag_that_would_build_an_object(directory):
    (directory / "playbook.yaml").write_text("name: !!python/object/apply:os.system [echo]\n")
    assert any("python/object" in p.message or "must be text" in p.message for p in check(directory))


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words", "null", "---\na: 1\n---\nb: 2\n", "a: b: c"])
def test_what_is_not_a_mapping(directory, text):
    (directory / "playbook.yaml").write_text(text)
    assert only_problem(directory, "yaml").line >= 1


@pytest.mark.parametrize(
    "text", ["", "---", "---\nsubject: x\n", "---\n---\n", "---\n- a\n---\nx", "---\n:\n---\n", "---\na: [\n---\nx"]
)
def test_content_files_in_pieces(directory, text):
    (directory / "content" / "guide.md").write_text(text)
    assert any(p.file == "content/guide.md" and p.severity == "error" for p in check(directory))


def test_deep_brackets_in_a_template(directory):
    path = directory / "content" / "guide.md"
    path.write_text(path.read_text() + "{{ " + "(" * 5_000 + "site" + ")" * 5_000 + " }}")
    problem = only_problem(directory, "template")
    assert "nested too deeply" in problem.message


def test_more_variables_than_a_mail_can_need(directory):
    path = directory / "content" / "guide.md"
    path.write_text(path.read_text() + "{{ site }} " * 5_000)
    assert "more than 200" in only_problem(directory, "template").message


def test_a_condition_too_long(directory):
    path = directory / "playbook.yaml"
    path.write_text(path.read_text().replace("when: behaviour.reply >= 1,", f"when: {'true && ' * 400}true,"))
    assert "longer than 2000" in only_problem(directory, "value").message


def test_a_deep_condition(directory):
    path = directory / "playbook.yaml"
    deep = "(" * 900 + "true" + ")" * 900
    path.write_text(path.read_text().replace("when: behaviour.reply >= 1,", f"when: {deep},"))
    assert only_problem(directory, "condition").line > 1
