"""Fixtures shared by every test: a real PostgreSQL and a real Temporal, both started here and stopped at the end."""

import gc
import os
import sys

import pytest

# What Python has compiled is kept, also where the environment says otherwise: the suite starts some hundred processes,
# and compiling what a worker imports takes longer than all else that it does.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

pytest_plugins = ["tests.fixtures.browser", "tests.fixtures.postgres", "tests.fixtures.temporal"]
#: Directories whose tests take longest, in the order in which they begin: where two workers share the suite, neither is
#: left with a long file at the end while the other has nothing to do (``--no-loadscope-reorder`` keeps this order).
_FIRST = ("chaos", "whole", "runtime", "clients", "workflows", "pages", "cli", "api")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.parent.name, len(ranks)))


def pytest_collection_finish() -> None:
    """What thousands of tests hold is looked through by no collector again: each time took most of a second."""
    gc.collect()
    gc.freeze()
