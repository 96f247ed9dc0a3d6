"""Putting a playbook directory in force for new journeys."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from authoring.load import load_playbook
from authoring.problems import PlaybookProblems
from domain.errors import Refused
from domain.playbook.models import Playbook

if TYPE_CHECKING:
    from storage.database import Database


async def put_in_force(database: "Database", directory: Path, now: datetime) -> Playbook:
    """Store the playbook and make it the default; one in force already stays so. Raises as ``read_directory``.

    ``now`` is deployment time.
    """
    from storage import playbooks  # noqa: PLC0415 - commands that only read a directory need no database's driver

    playbook = read_directory(directory)
    await playbooks.store(database, playbook, now, default=True)
    return playbook


def read_directory(directory: Path) -> Playbook:
    """The playbook in a directory. Raises ``Refused`` naming its first problem when it is broken."""
    try:
        return load_playbook(directory)
    except PlaybookProblems as broken:
        first = next((one for one in broken.problems if one.severity == "error"), broken.problems[0])
        raise Refused(
            f"The playbook in {directory} is broken: {first}.",
            f"`tendril playbook check {directory}` lists every problem.",
        ) from broken
