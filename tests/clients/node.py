"""Segment's JavaScript libraries, fetched from npm into a cache of this machine, in exact versions.

Tests that need them are skipped, with the reason, where there is no npm or it can't reach its registry.
"""

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

PACKAGES = ("@segment/analytics-node@3.1.0", "@segment/analytics-next@1.84.3")
_PATIENCE = 150


def modules() -> Path:
    """The directory that holds ``node_modules`` with the packages. Skips the test when they can't be had."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("Segment's JavaScript libraries need node and npm on the PATH")
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tendril-tests"
    there = kept / "-".join(package.rpartition("/")[2].replace("@", "-") for package in PACKAGES)
    if why := _fetch(there):
        pytest.skip(why)
    return there


@cache
def _fetch(there: Path) -> str:
    """Why the packages can't be had, "" when they are there: asked once a process, for npm is slow to give up.

    They go into a directory of their own, then to their place at once: two test runs may both be at it.
    """
    if there.exists():
        return ""
    there.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=there.parent, ignore_cleanup_errors=True) as made:
        (Path(made) / "package.json").write_text('{"private": true}')
        words = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
        words += ["--fetch-retries=1", *PACKAGES]
        try:
            subprocess.run(words, cwd=made, check=True, capture_output=True, text=True, timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            return "npm took too long to fetch Segment's JavaScript libraries"
        except subprocess.CalledProcessError as error:
            return f"npm could not fetch Segment's JavaScript libraries: {error.stderr.strip()[-300:]}"
        try:
            Path(made).replace(there)
        except OSError:
            if not there.exists():
                raise
    return ""
