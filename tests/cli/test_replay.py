"""``tendril replay``: what a build would break, before it is deployed."""

import base64
import json
import shutil
from pathlib import Path

import pytest
from pydantic import SecretStr

from cli.main import main
from runtime import replaying
from runtime.replaying import in_directory
from runtime.settings import Settings
from tests.workflows.running import HISTORIES
from tests.workflows.test_replay import HastyJourney

FEW = sorted(HISTORIES.glob("a*.json"))[:1]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    for file in FEW:
        shutil.copy(file, tmp_path / file.name)
    return tmp_path


def test_what_breaks_is_one_line_and_exit_code_one(kept: Path, capsys: pytest.CaptureFixture[str]):
    (kept / "odd.json").write_text("nothing of the kind")
    with pytest.raises(SystemExit) as left:
        main(["replay", "--histories", str(kept), "--jobs", "1"])
    told = capsys.readouterr()
    assert left.value.code == 1
    assert told.out.startswith("odd: no history can be read: ")
    assert told.out.count("\n") == 1
    assert f"{len(FEW) + 1} histories of" in told.err


def test_a_changed_interpreter_is_named_with_its_workflow(kept: Path):
    done = replaying.replay_chunk(in_directory(kept), Settings(), [HastyJourney])
    assert [one.workflow for one in done.broken] == [file.stem for file in FEW]
    assert {one.error for one in done.broken} == {
        "[TMPRL1100] Nondeterminism error: Missing associated machine for LocalActivity(1)"
    }
    assert replaying.replay_chunk(in_directory(kept), Settings()).broken == ()


def test_a_key_that_lacks_is_named_although_others_are_there(kept: Path):
    (file,) = in_directory(kept)
    assert file.file is not None
    history = json.loads(file.file.read_text())
    (payload,) = history["events"][0]["workflowExecutionStartedEventAttributes"]["input"]["payloads"]
    payload["metadata"] = {"encoding": _base64(b"binary/encrypted"), "encryption-key-id": _base64(b"2026-01")}
    file.file.write_text(json.dumps(history))
    settings = Settings(payload_keys=SecretStr(f"2026-07:{_base64(bytes(32))}"))
    (broken,) = replaying.replay_chunk([file], settings).broken
    assert broken.error == "The payload key '2026-01' is not among this process's payload keys."


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
