"""Files made to harm are refused with a clear problem, within little memory and without being expanded."""

import os
import resource

import pytest

from authoring.content import CONTENT_FILES
from authoring.document import CONTENT_BYTES, YAML_BYTES
from authoring.load import load_playbook
from tests.authoring.bounded import MEGABYTES, Bounded
from tests.authoring.spoil import copy
from tests.fixtures.playbooks import minimal_playbook_dir


@pytest.fixture(scope="module")
def bounded():
    made = Bounded()
    yield made
    made.close()


@pytest.fixture
def directory(tmp_path):
    return copy(tmp_path)


@pytest.fixture
def only_problem(bounded, directory):
    """The one problem there is, which must be of the named rule."""

    def ask(rule, file="playbook.yaml"):
        (problem,) = bounded.check(directory)
        assert (problem.rule, problem.file) == (rule, file), str(problem)
        return problem

    return ask


def _take(megabytes):
    return len(bytearray(megabytes * 1_000_000))


def test_the_limit_of_these_tests_holds(bounded):
    with pytest.raises(MemoryError):
        bounded.ask(_take, 2 * MEGABYTES)
    assert bounded.ask(_take, 1) == 1_000_000
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


class TestYaml:
    def test_aliases_that_explode(self, directory, only_problem):
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
        (directory / "playbook.yaml").write_text("\n".join(lines))
        assert "aliases" in only_problem("yaml").message

    def test_aliases_of_a_long_text(self, directory, only_problem):
        path = directory / "playbook.yaml"
        many = "".join(f"  v{n}: *long\n" for n in range(20_000))
        path.write_text(path.read_text().replace("variables:\n", f"variables:\n  long: &long {'x' * 400_000}\n{many}"))
        assert "aliases" in only_problem("yaml").message

    def test_an_alias_of_itself(self, directory, only_problem):
        (directory / "playbook.yaml").write_text("name: &a [*a]\n")
        assert "aliases" in only_problem("yaml").message

    def test_brackets_without_end(self, directory, only_problem):
        (directory / "playbook.yaml").write_text("[" * 200_000)
        assert "nested" in only_problem("yaml").message

    def test_mappings_without_end(self, directory, only_problem):
        (directory / "playbook.yaml").write_text("\n".join(" " * n + "a:" for n in range(900)))
        assert "nested" in only_problem("yaml").message

    @pytest.mark.parametrize("megabytes", [1, 10, 2_000])
    def test_a_huge_file(self, directory, only_problem, megabytes):
        with (directory / "playbook.yaml").open("r+b") as stream:
            stream.truncate(megabytes * YAML_BYTES + 1)
        assert "larger than 1000 kB" in only_problem("size").message

    def test_a_large_file_that_is_allowed_is_read(self, bounded, directory):
        path = directory / "playbook.yaml"
        filler = "".join(f"  filler_{n}: {'x' * 40}\n" for n in range(15_000))
        path.write_text(path.read_text().replace("variables:\n", "variables:\n" + filler))
        assert bounded.check(directory) == []

    def test_thousands_of_unknown_keys_are_each_told(self, bounded, directory):
        path = directory / "playbook.yaml"
        path.write_text(path.read_text() + "".join(f"unknown_{n}: {n}\n" for n in range(5_000)))
        assert len(bounded.check(directory)) == 5_000

    def test_a_tab_as_indentation(self, directory, only_problem):
        (directory / "playbook.yaml").write_text("sender:\n\tname: x\n")
        problem = only_problem("yaml")
        assert problem.line == 2
        assert "tab" in problem.message

    def test_a_tab_after_a_text(self, directory, only_problem):
        (directory / "playbook.yaml").write_text("sender:\n  name: x\n\temail: y\n")
        problem = only_problem("yaml")
        assert (problem.line, problem.message) == (3, "a tab can't indent YAML; use spaces")

    def test_a_colon_without_a_space_is_seen_on_its_own_line(self, directory, only_problem):
        (directory / "playbook.yaml").write_text("name: x\ntitle:Spring\nsender: {}\n")
        problem = only_problem("yaml")
        assert (problem.line, problem.column) == (2, 1)
        assert "a colon and a space" in problem.message

    def test_a_key_written_twice(self, directory, only_problem):
        path = directory / "playbook.yaml"
        count = path.read_text().count("\n")
        path.write_text(path.read_text() + "length_limit: 10d\n")
        problem = only_problem("duplicate-key")
        assert (problem.line, problem.column) == (count + 1, 1)
        assert "the first is on line" in problem.message

    def test_a_key_as_long_as_a_book(self, directory, only_problem):
        path = directory / "playbook.yaml"
        path.write_text(path.read_text() + f"? {'x' * 500_000}\n: 1\n")
        assert len(only_problem("yaml").message) < 200

    def test_a_value_as_long_as_a_book_is_cut_in_the_message(self, directory, only_problem):
        path = directory / "playbook.yaml"
        path.write_text(path.read_text().replace("length_limit: 365d", f"length_limit: {'x' * 500_000}"))
        assert len(only_problem("value").message) < 300

    def test_a_tag_that_would_build_an_object(self, bounded, directory):
        (directory / "playbook.yaml").write_text("name: !!python/object/apply:os.system [echo]\n")
        found = bounded.check(directory)
        assert any("python/object" in p.message or "must be text" in p.message for p in found)

    @pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words", "null", "---\na: 1\n---\nb: 2\n", "a: b: c"])
    def test_what_is_not_a_mapping(self, directory, only_problem, text):
        (directory / "playbook.yaml").write_text(text)
        assert only_problem("yaml").line >= 1


class TestEncodings:
    def test_bytes_that_are_not_utf8(self, directory, only_problem):
        path = directory / "playbook.yaml"
        before = path.read_bytes()
        path.write_bytes(before + b"# caf\xe9\n")
        problem = only_problem("encoding")
        assert (problem.line, problem.column) == (before.count(b"\n") + 1, 6)

    def test_a_byte_order_mark_is_no_problem(self, bounded, directory):
        for path in (directory / "playbook.yaml", directory / "content" / "guide.md"):
            path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        assert bounded.check(directory) == []

    @pytest.mark.parametrize("ends", ["\r\n", "\r"])
    def test_line_ends_of_other_systems_are_no_problem(self, bounded, directory, ends):
        for path in (directory / "playbook.yaml", directory / "content" / "guide.md"):
            path.write_bytes(path.read_bytes().replace(b"\n", ends.encode()))
        assert bounded.check(directory) == []
        assert load_playbook(directory).content_hash() == load_playbook(minimal_playbook_dir()).content_hash()

    @pytest.mark.parametrize("form", ["utf-16", "utf-16-le", "utf-16-be"])
    @pytest.mark.parametrize("file", ["playbook.yaml", "content/guide.md"])
    def test_utf16_is_called_by_its_name(self, bounded, directory, form, file):
        path = directory / file
        path.write_bytes(path.read_text().encode(form))
        found = [p for p in bounded.check(directory) if p.file == file]
        assert [p.message for p in found] == ["is UTF-16; save the file as UTF-8"]

    @pytest.mark.parametrize("sign", ["\x00", "\x1b", "\x7f", "\ufffe"])
    @pytest.mark.parametrize("file", ["playbook.yaml", "content/guide.md"])
    def test_a_character_that_can_not_be_printed(self, bounded, directory, sign, file):
        path = directory / file
        before = path.read_text()
        path.write_text(f"{before}# a{sign}b\n")
        (problem,) = (p for p in bounded.check(directory) if p.file == file)
        assert (problem.rule, problem.line, problem.column) == ("encoding", before.count("\n") + 1, 4)

    @pytest.mark.parametrize("escape", ["\\0", "\\e", "\\x7f"])
    def test_one_written_as_an_escape(self, directory, only_problem, escape):
        path = directory / "playbook.yaml"
        path.write_text(path.read_text().replace("title: Minimal playbook", f'title: "a{escape}b"'))
        assert "can't be printed" in only_problem("yaml").message


class TestFiles:
    def test_a_directory_in_place_of_the_playbook(self, directory, only_problem):
        (directory / "playbook.yaml").unlink()
        (directory / "playbook.yaml").mkdir()
        assert "Is a directory" in only_problem("file").message

    def test_the_file_named_in_place_of_its_directory(self, bounded, directory):
        (problem,) = bounded.check(directory / "playbook.yaml")
        assert f"name the directory it is in: {directory}" in problem.message

    @pytest.mark.parametrize("file", ["playbook.yaml", "content/guide.md"])
    def test_a_link_to_itself(self, bounded, directory, file):
        (directory / file).unlink()
        (directory / file).symlink_to(directory / file)
        assert any("symbolic links" in p.message for p in bounded.check(directory) if p.file == file)

    @pytest.mark.parametrize("file", ["playbook.yaml", "content/guide.md"])
    def test_a_pipe_that_never_ends(self, bounded, directory, file):
        (directory / file).unlink()
        os.mkfifo(directory / file)
        assert any("not a regular file" in p.message for p in bounded.check(directory) if p.file == file)

    def test_a_device_that_never_ends(self, directory, only_problem):
        (directory / "playbook.yaml").unlink()
        (directory / "playbook.yaml").symlink_to("/dev/zero")
        assert "not a regular file" in only_problem("file").message

    def test_a_file_in_place_of_the_content(self, bounded, directory):
        (directory / "content").rename(directory / "old")
        (directory / "content").write_text("")
        assert ("content", "can't be read: Not a directory") in {(p.file, p.message) for p in bounded.check(directory)}

    def test_a_directory_in_place_of_a_content_file(self, bounded, directory):
        (directory / "content" / "folder.md").mkdir()
        assert any(p.file == "content/folder.md" and "Is a directory" in p.message for p in bounded.check(directory))

    def test_more_content_than_a_playbook_can_need(self, directory, only_problem):
        for number in range(5_000):
            (directory / "content" / f"more-{number}.md").write_text("---\nsubject: x\n---\nx\n")
        assert f"a playbook may have {CONTENT_FILES:,}" in only_problem("size", "content").message

    def test_more_bytes_of_content_than_a_playbook_can_need(self, directory, only_problem):
        for number in range(100):
            with (directory / "content" / f"more-{number}.md").open("wb") as stream:
                stream.truncate(CONTENT_BYTES)
        assert "more than 20 MB" in only_problem("size", "content").message

    def test_a_huge_content_file(self, bounded, directory):
        (directory / "content" / "guide.md").write_text("---\nsubject: x\n---\n" + "x" * 300_000)
        found = [p.message for p in bounded.check(directory) if p.file == "content/guide.md"]
        assert any("larger than 256 kB" in message for message in found)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    @pytest.mark.parametrize("file", ["playbook.yaml", "content/guide.md", "content"])
    def test_what_may_not_be_read(self, bounded, directory, file):
        (directory / file).chmod(0)
        found = bounded.check(directory)
        (directory / file).chmod(0o700)
        assert any("Permission denied" in p.message for p in found if p.file == file)

    @pytest.mark.parametrize(
        "text", ["", "---", "---\nsubject: x\n", "---\n---\n", "---\n- a\n---\nx", "---\n:\n---\n", "---\na: [\n---\nx"]
    )
    def test_content_files_in_pieces(self, bounded, directory, text):
        (directory / "content" / "guide.md").write_text(text)
        found = bounded.check(directory)
        assert any(p.file == "content/guide.md" and p.severity == "error" for p in found)
