"""Who does something: kept with it in the operators' log, and never an address."""

import getpass
import os
import re
from typing import Annotated

from typer import BadParameter, Option

By = Annotated[str | None, Option("--by", metavar="NAME", help="Who does this, for the log; your user name if absent.")]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def who(by: str | None) -> str:
    """The name given, or that of the user on this machine. Raises a usage error for what can't be a name."""
    if by is None:
        return _user()
    if not _NAME.fullmatch(by):
        raise BadParameter(f"{by!r} is no name: letters, digits, '.', '_' and '-', at most 64", param_hint="--by")
    return by


def _user() -> str:
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user: a container that runs under a bare number
        name = ""
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:64]
    return cleaned or f"uid-{os.getuid()}"
