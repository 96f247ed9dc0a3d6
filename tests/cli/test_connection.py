"""Trouble with the database is one line that names it and says what to do; never a stack trace, never a password."""

import json
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal


async def test_a_database_that_is_away_is_one_line_without_the_password(tmp_path: Path):
    tendril = Terminal("postgresql://someone:hush@127.0.0.1:9/tendril", tmp_path)

    answer = await tendril("leads", "list", code=1)

    assert "The database tendril at 127.0.0.1 can't be reached" in answer.err
    assert "TENDRIL_DATABASE_URL" in answer.err
    assert "hush" not in answer.err
    assert answer.err.count("\n") == 1


async def test_a_database_without_tables_says_how_to_make_them(empty_database_url: str, tmp_path: Path):
    answer = await Terminal(empty_database_url, tmp_path)("leads", "list", code=1)

    assert "Run `tendril migrate`." in answer.err


async def test_without_any_database_the_remedy_is_named(tmp_path: Path):
    answer = await Terminal("", tmp_path)("leads", "list", code=1)

    assert f"Nothing runs on the data directory {tmp_path / '.tendril'}" in answer.err
    assert all(remedy in answer.err for remedy in ("tendril up", "TENDRIL_DATA_DIR", "TENDRIL_DATABASE_URL"))


async def test_a_running_stack_is_found_in_the_data_directory(database_url: str, tmp_path: Path):
    """What ``tendril up`` leaves there for other commands."""
    (tmp_path / ".tendril").mkdir()
    running = {"database_url": database_url, "temporal_address": "127.0.0.1:1", "api": "http://127.0.0.1:1"}
    (tmp_path / ".tendril" / "run.json").write_text(json.dumps(running))

    answer = await Terminal("", tmp_path)("leads", "list", "--json")

    assert answer.json == {"total": 0, "items": []}


async def test_a_url_that_is_none_is_one_line(tmp_path: Path):
    answer = await Terminal("not a url", tmp_path)("leads", "list", code=1)

    assert answer.err.count("\n") == 1


@pytest.mark.parametrize("words", [("leads",), ("playbook",), ("keys",), ("touches",), ("journeys",), ("events",)])
async def test_a_group_alone_shows_its_commands(tendril: Terminal, words: tuple[str, ...]):
    answer = await tendril(*words, code=2)

    assert "Usage" in answer.out + answer.err
