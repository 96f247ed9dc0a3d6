"""The data directory: ours or foreign, newer or older, full or writable, and held by one ``tendril up`` at a time."""

import fcntl
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from runtime.embedded.trouble import CannotRun

#: Rises when the directory's own layout changes. The tables have their own versions (``storage.migrations``).
FORMAT = 1
#: Free bytes below which the stack does not start: room for the first databases and their logs.
SPACE_TO_START = 200 * 1024 * 1024
#: Free bytes below which a running stack stops by itself, while PostgreSQL still has room to stop cleanly.
SPACE_TO_GO_ON = 40 * 1024 * 1024

_OTHER = "Choose another with --data-dir."


@dataclass(frozen=True)
class DataDirectory:
    """Where things are, below ``root`` (absolute)."""

    root: Path

    @property
    def marker(self) -> Path:
        return self.root / "tendril.json"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def temporal(self) -> Path:
        return self.root / "temporal.db"

    @property
    def sandbox(self) -> Path:
        return self.root / "sandbox"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def running(self) -> Path:
        return self.root / "run.json"

    @property
    def clock(self) -> Path:
        return self.root / "clock.json"

    @property
    def demo(self) -> Path:
        return self.root / "demo.json"

    def secret(self) -> str:
        """The signing secret of this directory, made on first use and readable by its owner alone."""
        path = self.root / "secret"
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(secrets.token_urlsafe(32))
        return path.read_text(encoding="utf-8").strip()


def open_directory(path: Path) -> DataDirectory:
    """The directory at ``path``, made where there is none. Raises ``CannotRun`` when it can't be used.

    The caller holds it with ``hold`` before it writes anything more.
    """
    directory = DataDirectory(path.expanduser().absolute())
    try:
        directory.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_ours(directory, path)
        require_space(directory.root, SPACE_TO_START)
        directory.logs.mkdir(exist_ok=True)
        if not directory.marker.exists():
            write_json(directory.marker, {"format": FORMAT})
    except OSError as error:
        raise CannotRun(f"The data directory {path} can't be used: {error.strerror or error}.", _OTHER) from error
    return directory


def hold(directory: DataDirectory) -> TextIO:
    """The lock on the directory, held until the file is closed or the process ends, however it ends."""
    file = (directory.root / "lock").open("a", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise CannotRun(
            f"Tendril is already running on {directory.root}{_who(directory)}.",
            "Stop it first, or choose another directory with --data-dir.",
        ) from error
    return file


def require_space(path: Path, needed: int) -> None:
    """Raises ``CannotRun`` when fewer than ``needed`` bytes are free at ``path``."""
    free = shutil.disk_usage(path).free
    if free < needed:
        raise CannotRun(
            f"The disk of {path} is full: {free >> 20} MB are free, {needed >> 20} MB are needed.",
            "Free some space, or choose a directory on another disk with --data-dir.",
        )


def write_json(path: Path, content: object) -> None:
    """Write ``content`` so that a reader, or a crash, never sees half of it, and other users see nothing.

    ``run.json`` holds the database's URL, and as root the directory above lets everybody pass through.
    """
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    partial.replace(path)


def read_json(path: Path) -> dict[str, object]:
    """The object in the file; empty when there is none, or none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _check_ours(directory: DataDirectory, path: Path) -> None:
    if not directory.marker.exists():
        if any(directory.root.iterdir()):
            raise CannotRun(f"{path} is not empty and is not a data directory of Tendril's.", _OTHER)
        return
    version = read_json(directory.marker).get("format")
    if not isinstance(version, int):
        raise CannotRun(f"{directory.marker} can't be read: the data directory is damaged.", _OTHER)
    if version > FORMAT:
        raise CannotRun(
            f"The data directory {path} was written by a newer Tendril (format {version}, this build knows {FORMAT}).",
            "Upgrade Tendril, or choose another with --data-dir.",
        )


def _who(directory: DataDirectory) -> str:
    running = read_json(directory.running)
    return f" (process {running['supervisor']}, {running['api']})" if {"supervisor", "api"} <= running.keys() else ""
