"""Processes by identity: a number alone may by now belong to someone else, so the time it was created goes with it."""

import contextlib
import os
import signal
from dataclasses import dataclass
from typing import Self

import psutil

#: Creation times are computed from the boot time, which may be corrected by a little.
_TOLERANCE = 2.0


@dataclass(frozen=True)
class Identity:
    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The identity of a running process; None when it has gone already."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def process(self) -> psutil.Process | None:
        """The process, if it still is the same one and has not ended."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < _TOLERANCE
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def stop_left_over(identities: list[Identity], patience: float = 5.0) -> int:
    """Stop processes that an earlier run left behind: asked first, killed after ``patience`` seconds. How many."""
    found = [process for identity in identities if (process := identity.process()) is not None]
    for process in found:
        # For PostgreSQL, SIGINT is the stop that does not wait for its clients; to all others it is Ctrl-C.
        _signal_group(process, signal.SIGINT)
    _, alive = psutil.wait_procs(found, timeout=patience)
    for process in alive:
        _signal_group(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=patience)
    return len(found)


def _signal_group(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
