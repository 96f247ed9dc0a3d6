"""Add to the replay corpus: ``python -m tests.workflows.record_histories RELEASE [NAME …]``.

Runs the tests of journeys and writes the histories that ``tests/workflows/histories`` does not have under that release
yet; then the fingerprint has to be written, too. Histories already there stay as they are: they stand for journeys in
flight. ``histories/README.md`` says when to record.
"""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests.workflows.running import HISTORIES, RECORD_INTO

TESTS = Path(__file__).parent
#: Endings, every operator's command, runs that follow each other, resets: what a history can hold.
FILES = ("test_endings.py", "test_commands.py", "test_operated.py", "test_continue_as_new.py", "test_resetting.py")


def main(release: str, names: list[str]) -> int:
    """Returns how many histories were added."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", release):
        raise SystemExit(f"{release!r} is no release: write 0.2.0, for example")
    into = HISTORIES / release
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as fresh:
        os.environ[RECORD_INTO] = fresh
        only = ["-k", " or ".join(names)] if names else []
        pytest.main(["-n", "0", *(str(TESTS / file) for file in FILES), *only])
        added = [file for file in sorted(Path(fresh).iterdir()) if not (into / file.name).exists()]
        for file in added:
            shutil.copy(file, into / file.name)
            sys.stdout.write(f"added {release}/{file.name} ({file.stat().st_size} bytes)\n")
    sys.stdout.write("now: python -m tests.workflows.fingerprint\n")
    return len(added)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2:])
