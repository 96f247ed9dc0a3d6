"""A version of a playbook as people name it on the command line."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from cli.nearest import did_you_mean
from domain.errors import NotFound
from domain.playbook.models import Playbook
from runtime.playbooks import read_directory

if TYPE_CHECKING:
    from storage.database import Database

NAMES = "A directory, a playbook's name (the version in force), a version's hash or its beginning, or NAME@previous."
Version = Annotated[str, Argument(metavar="VERSION", help=NAMES)]
_HASH = re.compile(r"[0-9a-f]{4,16}")
_PREVIOUS = "previous"


def directory_of(named: str) -> Path | None:
    """The directory that is meant, if one is: one that is there, or what can only be a path."""
    path = Path(named)
    return path if path.is_dir() or "/" in named or named.startswith(".") else None


async def version(db: "Database", named: str) -> Playbook:
    """The document that is meant. Raises ``NotFound``, or ``Refused`` when a directory's playbook is broken."""
    directory = directory_of(named)
    if directory is not None:
        return read_directory(directory)
    from storage import playbooks  # noqa: PLC0415 - two directories are compared without the database's driver

    return await playbooks.read(db.pool, await _hash(db, named))


async def previous(db: "Database", name: str) -> str:
    """The version that the one in force replaced when it was applied. Raises ``NotFound``."""
    from storage import playbook_changes, playbooks  # noqa: PLC0415 - as above

    _, active = await playbooks.active(db, name)
    before = await playbook_changes.before(db, name, active)
    if before is None:
        remedy = f"Name one that `tendril playbook versions {name}` lists."
        raise NotFound(f"Nobody knows of a version of {name} before {active}.", remedy)
    return before


async def earlier(db: "Database", name: str, which: str) -> Playbook:
    """The version of a playbook that begins so, or the one before for "". Raises ``NotFound``."""
    return await version(db, f"{name}@{which or _PREVIOUS}")


async def _hash(db: "Database", named: str) -> str:
    from storage import playbook_versions, playbooks  # noqa: PLC0415 - as above

    name, at, which = named.partition("@")
    known = [row["name"] for row in await playbooks.in_force(db)]
    if name in known:
        if which == _PREVIOUS:
            return await previous(db, name)
        return await playbook_versions.by_prefix(db, which, name) if at else (await playbooks.active(db, name))[1]
    if not at and _HASH.fullmatch(named):
        return await playbook_versions.by_prefix(db, named)
    remedy = did_you_mean(name, known) or f"Name a version so: {NAMES[:1].lower()}{NAMES[1:]}"
    raise NotFound(f"There is no playbook, version or directory named {name}.", remedy)
