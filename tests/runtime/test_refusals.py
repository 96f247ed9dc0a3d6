"""What keeps `tendril up` from starting is one clear line on standard error and a non-zero exit."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import Refused
from runtime.embedded import datadir, ports
from runtime.embedded.plan import Options
from runtime.embedded.run import run
from runtime.embedded.trouble import CannotRun
from runtime.settings import Settings

ROOT = Path(__file__).parents[2]


def refusal(data: Path, options: Options | None = None, given: dict[str, int] | None = None) -> str:
    """What `tendril up` says instead of starting."""
    free = {f"{name}_port": ports.any_free() for name in ("api", "temporal", "temporal_ui", "inbox", "smtp")}
    with pytest.raises(Refused) as caught:
        run(Settings(data_dir=data, **(free | (given or {}))), options or Options())  # type: ignore[arg-type] # ports are ports
    return f"{caught.value} {caught.value.remedy}"


def up(data: Path, *options: str, python: str = sys.executable, **environment: str) -> str:
    """The one line on standard error with which the command itself refuses."""
    done = subprocess.run(
        [python, "-m", "cli", "up", "--plain", f"--data-dir={data}", *options],
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]} | environment,
        cwd=data.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stdout == ""
    return done.stderr


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("setting", "option"),
    [
        ("api_port", "--api-port"),
        ("temporal_port", "--temporal-port"),
        ("temporal_ui_port", "--ui-port"),
        ("inbox_port", "--inbox-port"),
        ("smtp_port", "--smtp-port"),
    ],
)
def test_a_taken_port_is_named_with_who_has_it_and_the_option_that_avoids_it(
    tmp_path: Path, taken: int, setting: str, option: str
):
    line = refusal(tmp_path / "data", given={setting: taken})
    assert re.fullmatch(
        rf"Port {taken} \(.+\) is taken by .+ \(process {os.getpid()}\)\. Choose another with {option}\.", line
    )


def test_the_command_prints_one_line_and_fails(tmp_path: Path, taken: int):
    assert up(tmp_path / "data", f"--api-port={taken}").startswith(
        f"tendril: Port {taken} (API and console) is taken by "
    )


def test_a_directory_with_other_files_is_not_touched(tmp_path: Path):
    data = tmp_path / "thesis"
    data.mkdir()
    (data / "chapter-1.txt").write_text("Once")
    assert "is not empty and is not a data directory of Tendril's. Choose another with --data-dir." in refusal(data)
    assert [path.name for path in data.iterdir()] == ["chapter-1.txt"]


def test_the_directory_of_a_newer_tendril_is_refused(tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "tendril.json").write_text(json.dumps({"format": datadir.FORMAT + 1}))
    assert "was written by a newer Tendril (format 2, this build knows 1). Upgrade Tendril" in refusal(data)


def test_the_data_of_another_postgresql_are_refused(tmp_path: Path):
    directory = datadir.open_directory(tmp_path / "data")
    directory.postgres.mkdir()
    (directory.postgres / "PG_VERSION").write_text("19\n")
    assert "holds data of PostgreSQL 19; this build runs 18." in refusal(directory.root)


def test_a_missing_temporal_program_is_named(tmp_path: Path):
    elsewhere = tmp_path / "bin" / "python"
    elsewhere.parent.mkdir()
    elsewhere.symlink_to(sys.executable)
    site = next(path for path in sys.path if path.endswith("site-packages"))
    free = [f"--{name}-port={ports.any_free()}" for name in ("api", "temporal", "ui", "inbox", "smtp")]
    line = up(tmp_path / "data", *free, python=str(elsewhere), PYTHONPATH=f"{ROOT}:{site}", PATH="/usr/bin:/bin")
    assert "The Temporal server's program (temporal) is missing. Install Tendril's dependencies again" in line


def test_a_directory_that_another_run_holds_is_refused(tmp_path: Path):
    directory = datadir.open_directory(tmp_path / "data")
    directory.running.write_text(json.dumps({"supervisor": 4711, "api": "http://127.0.0.1:8000"}))
    with datadir.hold(directory):
        line = refusal(directory.root)
    assert "Tendril is already running on" in line
    assert "(process 4711, http://127.0.0.1:8000). Stop it first" in line


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path):
    (tmp_path / "data").write_text("")
    assert "can't be used: File exists. Choose another with --data-dir." in refusal(tmp_path / "data")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a place where nobody may make a directory")
def test_a_directory_that_can_not_be_made_is_refused():
    line = refusal(Path("/proc/tendril"))
    assert re.fullmatch(r"The data directory /proc/tendril can't be used: .+\. Choose another with --data-dir\.", line)


def test_a_wrong_setting_is_named(tmp_path: Path):
    line = up(tmp_path / "data", TENDRIL_WORKER_ACTIVITIES="many")
    assert "TENDRIL_WORKER_ACTIVITIES" in line


def test_a_full_disk_is_refused_before_anything_starts(tmp_path: Path):
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(CannotRun, match=r"The disk of .+ is full: \d+ MB are free, \d+ MB are needed"):
        datadir.require_space(tmp_path, free * 2)


def test_a_broken_playbook_is_named_with_file_and_line(tmp_path: Path):
    playbook = tmp_path / "broken"
    playbook.mkdir()
    (playbook / "playbook.yaml").write_text("name: broken\nstages: 7\n")
    line = refusal(tmp_path / "data", Options(playbook=playbook))
    assert re.search(r"The playbook in .+broken is broken: playbook.yaml:\d+", line)
