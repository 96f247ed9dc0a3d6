"""A small disk that can be full: a tmpfs, where root may mount one."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

_FILL = "filled-by-chaos"


class Disk:
    """Mounted at ``place`` until ``unmount``. ``refusal`` says why there is none ("" when there is)."""

    def __init__(self, place: Path, megabytes: int) -> None:
        self.place = place
        place.mkdir()
        self.refusal = _mounted(place, megabytes)

    def fill(self) -> None:
        """Take whatever is free. What is freed meanwhile needs another call."""
        stat = os.statvfs(self.place)
        if self.refusal or not stat.f_bavail:
            return
        with (self.place / _FILL).open("ab") as file, suppress(OSError):
            os.posix_fallocate(file.fileno(), file.tell(), stat.f_bavail * stat.f_bsize)

    def free(self) -> None:
        (self.place / _FILL).unlink(missing_ok=True)

    def unmount(self) -> None:
        if not self.refusal:
            subprocess.run(["umount", "--lazy", str(self.place)], check=False, capture_output=True)


def _mounted(place: Path, megabytes: int) -> str:
    if os.geteuid() != 0:
        return "not possible here: only root may mount a small file system to fill"
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(place)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return "" if done.returncode == 0 else f"not possible here: {done.stderr.strip() or 'mount failed'}"
