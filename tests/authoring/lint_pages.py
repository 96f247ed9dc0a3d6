"""Reads the examples of a page in docs/lints and applies them to a copy of the minimal playbook.

A comment ``<!-- FILE, instead of: OLD -->`` says where the next ``bad`` and ``good`` fences go: in place of the only
OLD, or at the file's end when that is empty. ``<!-- set-up, FILE: OLD => NEW -->`` is done before either.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

PAGES = Path(__file__).parents[2] / "docs" / "lints"

_PART = re.compile(
    r"<!-- set-up, (?P<prepared>\S+):\n(?P<before>.*?)=>\n(?P<after>.*?)\n?-->"
    r"|<!-- (?P<file>\S+), instead of:\n(?P<old>.*?)-->"
    r"|^```\w+ (?P<kind>bad|good)\n(?P<new>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


class Edit(NamedTuple):
    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Page:
    rule: str
    severity: str
    says: str
    set_up: tuple[Edit, ...]
    bad: tuple[Edit, ...]
    good: tuple[Edit, ...]


def read_page(path: Path) -> Page:
    text = path.read_text(encoding="utf-8")
    found = re.match(r"# (\S+)\n\n\*\*(\w+)\.\*\* (.+)\n", text)
    assert found, f"{path.name} must begin with its rule, “**Error.**” or “**Warning.**”, and what it says"
    edits: dict[str, list[Edit]] = {"set-up": [], "bad": [], "good": []}
    place = ("", "")
    for part in _PART.finditer(text):
        if part["prepared"]:
            edits["set-up"].append(Edit(part["prepared"], part["before"], part["after"]))
        elif part["file"]:
            place = (part["file"], part["old"])
        else:
            edits[part["kind"]].append(Edit(*place, part["new"]))
    set_up, bad, good = (tuple(edits[kind]) for kind in ("set-up", "bad", "good"))
    return Page(found[1], found[2], found[3], set_up, bad, good)


def apply(directory: Path, edit: Edit) -> None:
    path = directory / edit.file
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    old, new = edit.old.removesuffix("\n"), edit.new.removesuffix("\n")
    if old:
        assert text.count(old) == 1, f"{old!r} is in {edit.file} {text.count(old)} times"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.replace(old, new) if old else text + new + "\n", encoding="utf-8")
