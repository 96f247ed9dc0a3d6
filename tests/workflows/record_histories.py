"""Add to the replay corpus: ``python -m tests.workflows.record_histories [NAME …]``.

Runs the tests of journeys and writes the histories that are not there yet to ``tests/workflows/histories``. Histories
already there stay as they are: they stand for journeys in flight.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests.workflows.running import HISTORIES, RECORD_INTO

TESTS = Path(__file__).parent


def main(names: list[str]) -> int:
    """Returns how many histories were added."""
    HISTORIES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as fresh:
        os.environ[RECORD_INTO] = fresh
        only = ["-k", " or ".join(names)] if names else []
        pytest.main([str(TESTS / "test_endings.py"), str(TESTS / "test_commands.py"), *only])
        added = [file for file in sorted(Path(fresh).iterdir()) if not (HISTORIES / file.name).exists()]
        for file in added:
            shutil.copy(file, HISTORIES / file.name)
            sys.stdout.write(f"added {file.name} ({file.stat().st_size} bytes)\n")
    return len(added)


if __name__ == "__main__":
    main(sys.argv[1:])
