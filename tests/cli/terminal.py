"""A terminal for tests: the ``tendril`` command as a person or a script gives it, in this process or as its own."""

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cli.main import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Standard error in one line, without the box that usage errors come in."""
        return " ".join(self.err.replace("│", " ").split())

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal:
    """Commands against one database, in one directory."""

    def __init__(self, database_url: str, directory: Path) -> None:
        self.directory = directory
        self.environment = {"TENDRIL_DATABASE_URL": database_url}

    async def __call__(self, *words: str | Path, code: int = 0) -> Answer:
        """Give a command in this process and expect the exit code."""
        answer = await asyncio.to_thread(_give, [str(word) for word in words], self.environment, self.directory)
        assert answer.code == code, f"exit code {answer.code}, not {code}\n{answer.out}\n{answer.err}"
        return answer

    def start(self, *words: str | Path, **options: Any) -> subprocess.Popen[str]:
        """Give a command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *map(str, words)],
            env={**os.environ, **self.environment, "PYTHONPATH": str(ROOT)},
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )


def _give(words: list[str], environment: Mapping[str, str], directory: Path) -> Answer:
    out, err, code = io.StringIO(), io.StringIO(), 0
    before = Path.cwd()
    os.chdir(directory)
    try:
        with patch.dict(os.environ, environment), redirect_stdout(out), redirect_stderr(err):
            main(words)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        os.chdir(before)
    return Answer(code, out.getvalue(), err.getvalue())
