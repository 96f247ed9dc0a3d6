"""`tendril up`, whole: it comes up with the sample, mends itself, and stops without leaving anything behind.

One stack serves all tests of this file: they run in their order, in one process (``--dist loadfile``).
"""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import IO

import httpx
import psutil
import pytest
from typer.testing import CliRunner

from cli.main import app
from runtime.embedded import ports
from tests.runtime.canaries import command_lines, found_in, secrets

ROOT = Path(__file__).parents[2]
SECRETS = secrets()
CHILDREN = {"postgres", "temporal", "sandbox", "worker", "api", "visitors"}


class Up:
    """A running `tendril up --plain`, with what it has printed so far."""

    def __init__(self, data: Path) -> None:
        self.data, self.lines = data, list[str]()
        self._process = self.start()
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def start(self) -> subprocess.Popen[str]:
        free = [f"--{name}-port={ports.any_free()}" for name in ("api", "temporal", "ui", "inbox", "smtp")]
        return subprocess.Popen(
            [sys.executable, "-m", "cli", "up", "--plain", f"--data-dir={self.data}", *free],
            env=os.environ | SECRETS | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def running(self) -> dict[str, psutil.Process]:
        self.until((self.data / "run.json").exists, within=30)
        recorded = json.loads((self.data / "run.json").read_text())["children"]
        return {name: psutil.Process(pid) for name, (pid, _) in recorded.items()}

    @property
    def api(self) -> str:
        address: str = json.loads((self.data / "run.json").read_text())["api"]
        return address

    def until(self, holds: Callable[[], object], within: float) -> None:
        deadline = monotonic() + within
        while not holds():
            assert self._process.poll() is None, "it ended:\n" + "".join(self.lines[-20:])
            assert monotonic() < deadline, "it did not happen:\n" + "".join(self.lines[-20:])
            sleep(0.05)

    def says(self, text: str) -> bool:
        return any(text in line for line in self.lines)

    def stop(self, number: signal.Signals, within: float) -> int:
        self._process.send_signal(number)
        return self._process.wait(within)

    def _read(self, output: IO[str] | None) -> None:
        self.lines.extend(output or [])


def deployment_time(data: Path) -> str:
    noted: str = json.loads((data / "clock.json").read_text())["deployment_time"]
    return noted


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """Started once for the tests of this file, which run in their order.

    Not below pytest's own directory: that is private, and as root PostgreSQL's user must pass through to its data.
    """
    with TemporaryDirectory(prefix="tendril-up-", ignore_cleanup_errors=True) as home:
        stack = Up(Path(home) / "data")
        yield stack
        if stack._process.poll() is None:
            stack.stop(signal.SIGTERM, within=20)


def test_everything_comes_up_and_the_sample_enters(up: Up):
    up.until(lambda: up.says("everything runs"), within=90)
    assert up.running.keys() == CHILDREN
    assert httpx.get(f"{up.api}/readyz").json()["ready"]
    up.until(lambda: any("journeys 4" in line or "journeys 5" in line for line in up.lines), within=120)
    up.until(lambda: any("touches sent" in line and "touches sent 0" not in line for line in up.lines), within=120)


@pytest.mark.parametrize("name", ["worker", "postgres", "temporal"])
def test_a_killed_child_is_noticed_and_comes_back(up: Up, name: str):
    killed = up.running[name]
    killed.kill()
    up.until(lambda: up.says(f"{name} was killed (SIGKILL); starting it again"), within=10)
    up.until(lambda: up.says(f"{name} is back"), within=120)
    assert up.running[name].pid != killed.pid


def test_a_second_start_on_the_same_data_is_refused(up: Up):
    second = Up(up.data)
    assert second._process.wait(30) == 1
    assert second.says(f"tendril: Tendril is already running on {up.data} (process {up._process.pid}, {up.api}).")


def test_other_commands_find_the_running_stack(up: Up):
    done = subprocess.run(
        [sys.executable, "-m", "cli", "keys", "create", "test", "--scope", "read"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TENDRIL_DATA_DIR": str(up.data)},
        capture_output=True,
        text=True,
        check=True,
    )
    key = done.stdout.splitlines()[-1]
    listed = httpx.get(f"{up.api}/v1/leads", params={"limit": 1}, headers={"Authorization": f"Bearer {key}"})
    assert listed.json()["total"] > 30


def test_no_secret_is_seen_in_logs_process_lists_answers_or_histories(up: Up):
    def said(*words: str) -> str:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    def tendril(*words: str) -> str:
        result = CliRunner().invoke(app(words[0]), words, env=SECRETS)
        return f"{result.output} {result.exception} {getattr(result.exception, 'remedy', '')}"

    address = json.loads((up.data / "run.json").read_text())["temporal_address"]
    temporal = (str(Path(sys.executable).parent / "temporal"), "workflow")
    listed = json.loads(said(*temporal, "list", "--address", address, "--limit", "2", "-o", "json"))
    histories = [
        said(*temporal, "show", "--address", address, "-w", one["execution"]["workflowId"], "-o", "json")
        for one in listed
    ]
    seen = {
        "the process list": command_lines(psutil.Process(up._process.pid)),
        "the logs": "".join(path.read_text(errors="replace") for path in (up.data / "logs").iterdir()),
        "what `tendril up` prints": "".join(up.lines),
        "the specification": httpx.get(f"{up.api}/openapi.json").text,
        "an error": httpx.post(f"{up.api}/v1/leads", headers={"Authorization": "Bearer wrong"}).text,
        "the metrics": httpx.get(f"{up.api}/metrics").text,
        "connect": tendril("connect"),
        "a wrong setting": tendril("api", "--port", "99999"),
        "the histories": "".join(histories),
    }
    assert min(map(len, seen.values())) > 50, "there is something to look through"
    assert {where: found for where, text in seen.items() if (found := found_in(text, SECRETS))} == {}
    assert base64.b64encode(b"binary/encrypted").decode() in seen["the histories"]
    assert (up.data / "run.json").stat().st_mode & 0o077 == 0, "it holds the database's URL"


def test_sigterm_stops_everything_within_ten_seconds(up: Up):
    processes = list(up.running.values())
    processes += [below for process in processes for below in process.children(recursive=True)]
    began = monotonic()
    assert up.stop(signal.SIGTERM, within=20) == 0, "".join(up.lines[-60:])
    assert monotonic() - began < 10
    _, alive = psutil.wait_procs(processes, timeout=20)
    assert alive == []
    assert not (up.data / "run.json").exists()


def test_the_next_start_goes_on_where_this_one_stopped_and_can_be_stopped_on_its_way(up: Up):
    stopped_at = deployment_time(up.data)
    again = Up(up.data)
    again.until(lambda: again.says("sandbox starts"), within=90)
    assert again.stop(signal.SIGTERM, within=20) == 0
    passed = datetime.fromisoformat(deployment_time(up.data)) - datetime.fromisoformat(stopped_at)
    assert timedelta(0) < passed < timedelta(days=100)
