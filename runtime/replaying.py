"""Replaying histories with this build: whether every journey on record would go on (docs/upgrading.md).

What replaying costs, measured on one core over histories of 34 events: 9 ms each; with asyncio's own loop instead of
uvloop a third more. The SDK's sandbox adds a quarter, so journeys are replayed as they run, without it
(docs/decisions/0017). A third of it is the SDK's looking for payloads to decode and to encode, three times each; our
own code takes less than a quarter. Reading a history from JSON costs another 3 ms. One worker replays a whole chunk,
and each core has a process of its own.
"""

import asyncio
import dataclasses
import logging
import os
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import uvloop
from google.protobuf import json_format
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter, DefaultFailureConverter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from runtime.builds import WORKFLOWS
from runtime.encryption import data_converter
from runtime.settings import Settings

#: Histories that one task of a process replays.
CHUNK = 64
_EVENT = re.compile(r"\bid: (\d+)")
#: What the SDK's core says of it, within the dump of its own structure.
_MESSAGE = re.compile(r'message: "((?:[^"\\]|\\.)+)"')
_MOST_WORDS = 300
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A history to replay: in a file, or as the server gave it (``temporal.api.history.v1.History``, serialised)."""

    workflow: str
    file: Path | None = None
    data: bytes = b""

    def read(self) -> WorkflowHistory:
        """Raises ``ValueError`` for a file that holds no history."""
        if self.file is None:
            return WorkflowHistory(self.workflow, History.FromString(self.data).events)
        return WorkflowHistory.from_json(self.workflow, self.file.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Broken:
    """A history with which this build can't go on.

    ``event`` is the id of the event that it stumbles over, 0 where the SDK does not say.
    """

    workflow: str
    event: int
    error: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """A chunk that was replayed: how many histories and events, and which broke."""

    histories: int
    events: int
    broken: tuple[Broken, ...]


def in_directory(directory: Path) -> list[Recorded]:
    """The histories that a directory holds as JSON, by name."""
    return [Recorded(file.stem, file) for file in sorted(directory.rglob("*.json"))]


async def replay(recorded: AsyncIterator[Sequence[Recorded]], settings: Settings, jobs: int) -> AsyncIterator[Replayed]:
    """Replay chunks of histories in ``jobs`` processes, as they come; yields what became of each chunk."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        pending: set[asyncio.Future[Replayed]] = set()
        async for chunk in recorded:
            pending.add(loop.run_in_executor(pool, replay_chunk, list(chunk), settings))
            if len(pending) > 2 * jobs:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    yield one.result()
        for finished in asyncio.as_completed(pending):
            yield await finished


def cores() -> int:
    """How many processes can work side by side here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def replay_chunk(recorded: Sequence[Recorded], settings: Settings, workflows: Sequence[type] = WORKFLOWS) -> Replayed:
    """Replay histories one after the other, in this process."""
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)  # it tells of each failure with a stack trace
    return uvloop.run(_replay(recorded, settings, workflows))


async def _replay(recorded: Sequence[Recorded], settings: Settings, workflows: Sequence[type]) -> Replayed:
    broken: list[Broken] = []
    histories = [history for one in recorded if (history := _read(one, broken))]
    replayer = Replayer(
        workflows=workflows,
        workflow_runner=UnsandboxedWorkflowRunner(),
        workflow_task_executor=ThreadPoolExecutor(1),
        data_converter=_telling(settings),
        build_id="replay",  # or the SDK reads all the code that is loaded to make one
        runtime=_silent(),
    )
    async with replayer.workflow_replay_iterator(_each(histories)) as results:
        broken += [_told(one.history.workflow_id, one.replay_failure) async for one in results if one.replay_failure]
    return Replayed(len(recorded), sum(len(history.events) for history in histories), tuple(broken))


def _telling(settings: Settings) -> DataConverter:
    """Failures go to nobody but who asked: encrypted, they would not tell what breaks, such as a key that lacks."""
    return dataclasses.replace(data_converter(settings), failure_converter_class=DefaultFailureConverter)


@cache
def _silent() -> Runtime:
    """The SDK's core would tell of each failure on standard output."""
    errors = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=errors)))


def _read(recorded: Recorded, broken: list[Broken]) -> WorkflowHistory | None:
    try:
        history = recorded.read()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, json_format.Error) as error:
        broken.append(Broken(recorded.workflow, 0, f"no history can be read: {_one_line(error)}"))
        return None
    if not history.events:
        broken.append(Broken(recorded.workflow, 0, "it has no events"))
        return None
    return history


async def _each(histories: Sequence[WorkflowHistory]) -> AsyncIterator[WorkflowHistory]:
    for history in histories:
        yield history


def _told(workflow: str, failure: Exception) -> Broken:
    dump = str(failure)
    found, event = _MESSAGE.search(dump), _EVENT.search(dump)
    words = _one_line(ValueError(found[1]) if found else failure)
    return Broken(workflow, int(event[1]) if event else 0, words)


def _one_line(error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= _MOST_WORDS else words[: _MOST_WORDS - 1] + "…"
