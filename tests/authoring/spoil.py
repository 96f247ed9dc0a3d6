"""Spoils a copy of the minimal playbook in one place. The mark ¦ in the new text is where the problem must be seen."""

import shutil
from pathlib import Path

from authoring.check import check
from authoring.problems import Problem
from tests.fixtures.playbooks import minimal_playbook_dir

MARK = "¦"
#: File, line, column.
Place = tuple[str, int, int]


def copy(to: Path) -> Path:
    return Path(shutil.copytree(minimal_playbook_dir(), to / "playbook"))


def spoil(directory: Path, old: str, new: str, file: str = "playbook.yaml") -> Place:
    """Replace the only ``old`` by ``new``; returns file, line and column of the mark."""
    path = directory / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    spoiled = text.replace(old, new)
    before = spoiled[: spoiled.index(MARK)]
    path.write_text(spoiled.replace(MARK, ""), encoding="utf-8")
    return file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def problems_of(
    tmp_path: Path, old: str, new: str, file: str = "playbook.yaml"
) -> tuple[tuple[str, int, int], list[Problem]]:
    directory = copy(tmp_path)
    place = spoil(directory, old, new, file)
    return place, check(directory)
