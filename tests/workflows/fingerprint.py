"""The interpreter's fingerprint: every command that it gives while it replays the corpus, with all that goes with it.

``python -m tests.workflows.fingerprint`` writes it anew. The SDK's replayer notices another kind or order of commands,
but not another timeout, retry policy or argument: those change journeys in flight without a word. So each command of
today's interpreter is kept here in full (types, names, timeouts, retries, and the shapes of what is passed), and
``test_fingerprint`` compares.
"""

import asyncio
import json
import sys
from base64 import b64decode
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from temporalio.worker import (
    Replayer,
    UnsandboxedWorkflowRunner,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowRunner,
)

from runtime.builds import WORKFLOWS
from runtime.encryption import data_converter
from runtime.settings import Settings
from tests.workflows.running import HISTORIES
from tests.workflows.test_replay import history, label

FILE = HISTORIES.parent / "fingerprint.json"
#: What differs from one command to the next of the same kind, or is shown and does nothing.
_VARIES = {"seq", "activityId", "startToFireTimeout", "taskQueue", "userMetadata", "id", "protocolInstanceId"}


class Observing(WorkflowRunner):
    """Runs workflows as the worker does, and keeps the commands of each activation."""

    def __init__(self) -> None:
        self._runner = UnsandboxedWorkflowRunner()
        self.commands: list[Message] = []

    def prepare_workflow(self, defn: Any) -> None:
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        instance = self._runner.create_instance(det)
        activate = instance.activate

        def watched(activation: Any) -> Any:
            completion = activate(activation)
            self.commands += completion.successful.commands
            return completion

        instance.activate = watched  # type: ignore[method-assign,assignment]  # of this instance only
        return instance


async def sequence(file: Any) -> list[str]:
    """The commands that today's interpreter gives for a history, one line each."""
    runner = Observing()
    replayer = Replayer(workflows=WORKFLOWS, workflow_runner=runner, data_converter=data_converter(Settings()))
    await replayer.replay_workflow(history(file))
    return [_line(command) for command in runner.commands]


def _line(command: Message) -> str:
    ((kind, told),) = [(name, value) for name, value in MessageToDict(command).items() if name not in _VARIES]
    return f"{kind} {json.dumps(_shape(told), sort_keys=True)}"


def _shape(value: Any) -> Any:
    """A command's settings as they are; of payloads, only what kind of value is where."""
    if isinstance(value, dict) and value.keys() == {"metadata", "data"}:
        return _kinds(_json(value["data"]))
    if isinstance(value, dict):
        return {name: _shape(one) for name, one in value.items() if name not in _VARIES}
    return [_shape(one) for one in value] if isinstance(value, list) else value


def _json(data: str) -> Any:

    return json.loads(b64decode(data))


def _kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _kinds(one) for name, one in sorted(value.items())}
    if isinstance(value, list):
        return [_kinds(value[0])] if value else []
    return type(value).__name__


def compressed(sequences: Iterable[tuple[str, list[str]]]) -> dict[str, Any]:
    """Each different command once, under a number; each history as the numbers of its commands."""
    commands: dict[str, int] = {}
    histories = {name: [commands.setdefault(line, len(commands)) for line in lines] for name, lines in sequences}
    return {"commands": list(commands), "histories": histories}


def expanded(document: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for name, numbers in document["histories"].items():
        yield name, [document["commands"][number] for number in numbers]


async def _write() -> None:
    found = [(label(file), await sequence(file)) for file in sorted(HISTORIES.rglob("*.json"))]
    FILE.write_text(json.dumps(compressed(found), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(found)} histories in {FILE.name}\n")


if __name__ == "__main__":
    asyncio.run(_write())
