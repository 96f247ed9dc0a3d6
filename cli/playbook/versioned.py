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


async def earlier(db: "Database", name: str, which: str) -> Playbook:
    """The version of a playbook that begins so, or the one before for "". Raises ``NotFound``."""
    from storage import playbook_versions, playbooks  # noqa: PLC0415 - as above

    before = await playbook_versions.named(db, name, which or playbook_versions.PREVIOUS)
    return await playbooks.read(db.pool, before)


async def _hash(db: "Database", named: str) -> str:
    from storage import playbook_versions, playbooks  # noqa: PLC0415 - as above

    name, at, which = named.partition("@")
    known = [row["name"] for row in await playbooks.in_force(db)]
    if name in known:
        return await playbook_versions.named(db, name, which)
    if not at and _HASH.fullmatch(named):
        return await playbook_versions.by_prefix(db, named)
    remedy = did_you_mean(name, known) or f"Name a version so: {NAMES[:1].lower()}{NAMES[1:]}"
    raise NotFound(f"There is no playbook, version or directory named {name}.", remedy)
