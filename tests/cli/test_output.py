"""Tables at a terminal: what a person of 80 columns reads; and what a program reads, which holds no questions."""

import ast
import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from cli.output import listing

_COLUMNS = {"id": "Id", "stage": "Stage", "source": "Source", "title": "Last decision"}
_ITEM = {
    "id": "ld_abcdefghijkl",
    "stage": "problem_awareness",
    "source": "content_download",
    "title": "Moves to research, because of two guides",
}


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch):
    def show(width: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("NO_COLOR", "1")
        with redirect_stdout(_Terminal()) as terminal:
            listing([_ITEM], 1, _COLUMNS, as_json=False, empty="")
        return [line.rstrip() for line in terminal.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "").split("\n")]

    return show


def test_a_table_that_fits_is_one_line_an_item(shown):
    assert len(shown(120)) == 3


def test_only_the_last_columns_words_go_on_in_a_second_line(shown):
    lines = shown(80)

    assert lines[1].endswith("content_download  Moves to research, because")
    assert lines[2].strip() == "of two guides"


def test_what_has_no_room_stands_below_by_name_and_no_word_is_cut(shown):
    lines = shown(48)

    assert lines[1] == "ld_abcdefghijkl  problem_awareness"
    below = " ".join(line.strip() for line in lines[2:])
    assert below.strip() == "source content_download · last decision Moves to research, because of two guides"
    assert max(map(len, lines)) <= 48


def test_every_question_is_asked_beside_what_is_piped():
    """`--json` is answered on standard output whole, also to somebody who is asked first."""
    asked = {
        f"{file}:{call.lineno}": {word.arg: word.value for word in call.keywords}.get("err")
        for file in Path("cli").rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in {"confirm", "prompt"}
    }
    assert len(asked) >= 5
    assert [place for place, err in asked.items() if not (isinstance(err, ast.Constant) and err.value is True)] == []
