"""Production runs journeys outside the SDK's sandbox: what the sandbox would catch is held here and by the linters."""

import ast
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parents[2] / "workflows").glob("*.py"))
ALLOWED = {"asyncio", "collections", "datetime", "typing", "temporalio", "activities", "domain", "workflows"}
#: Calls that give another answer on replay.
FORBIDDEN = {"now", "utcnow", "today", "time", "monotonic", "uuid4", "random", "getenv", "open", "print", "wait_for"}


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_workflow_code_imports_nothing_that_could_differ_on_replay(file: Path):
    tree = ast.parse(file.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= ALLOWED
    assert {name for name in imported if name.startswith("activities")} <= {"activities.messages"}


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_workflow_code_asks_only_the_workflow_for_the_time(file: Path):
    calls = [node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    named = [(ast.unparse(call), call.attr if isinstance(call, ast.Attribute) else ast.unparse(call)) for call in calls]
    assert [whole for whole, last in named if last in FORBIDDEN and whole != "workflow.now"] == []
