"""Checks in a process of its own that may take little memory and must answer: what harms it fails a test alone."""

import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from authoring.check import check
from authoring.load import load_playbook
from authoring.problems import Problem
from tests.fixtures.playbooks import minimal_playbook_dir

#: What a check may take beside what the process has with everything loaded.
MEGABYTES = 256
#: Far more than any check takes on a busy machine; without bounds the inputs here would take years.
PATIENCE = 120.0


class Bounded:
    """One process, used again and again. A check that exhausts its memory raises ``MemoryError`` here."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_limit)

    def check(self, directory: Path) -> list[Problem]:
        return list(self.ask(check, directory))

    def ask(self, what: Callable[..., Any], *arguments: Any) -> Any:
        return self._pool.submit(what, *arguments).result(timeout=PATIENCE)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _limit() -> None:
    """Load what a check needs, then allow little more."""
    load_playbook(minimal_playbook_dir())
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + MEGABYTES * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
