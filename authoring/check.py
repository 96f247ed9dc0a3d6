"""What is wrong with a playbook directory."""

from pathlib import Path

from authoring.load import read_playbook
from authoring.problems import Problem


def check(directory: Path) -> list[Problem]:
    """Every problem of the playbook in a directory, errors and warnings, in file and line order. Empty when sound."""
    return read_playbook(Path(directory))[1]
