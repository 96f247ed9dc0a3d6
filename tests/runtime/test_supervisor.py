"""Children are kept alive, told of, and stopped within the time there is."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic

import psutil
import pytest
import pytest_asyncio

from runtime.embedded.children import Condition, Health, Program
from runtime.embedded.datadir import DataDirectory, open_directory
from runtime.embedded.identity import Identity, stop_left_over
from runtime.embedded.supervisor import Supervisor, clean_up_after_crash
from runtime.embedded.trouble import CannotRun

_SLEEPS = ["sleep", "600"]
_IGNORANCE = """
    import pathlib, signal, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pathlib.Path(sys.argv[1]).touch()
    time.sleep(600)
"""


async def yes() -> bool:
    return True


async def until(holds: Callable[[], object], within: float = 10.0) -> None:
    deadline = monotonic() + within
    while not holds():
        assert monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return open_directory(tmp_path / "data")


@pytest_asyncio.fixture
async def supervisor(directory: DataDirectory) -> AsyncIterator[Supervisor]:
    made = Supervisor(directory, {"api": "http://127.0.0.1:1"})
    yield made
    await made.stop()


def program(name: str, command: list[str], healthy: Health = yes, *, service: bool = False) -> Program:
    return Program(name=name, command=command, healthy=healthy, service=service)


async def test_a_killed_child_is_started_again_and_that_is_said(supervisor: Supervisor):
    await supervisor.start(program("sleeper", _SLEEPS))
    child = supervisor.children["sleeper"]
    first = child.pid
    assert first is not None
    began = monotonic()
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.pid not in {None, first})
    assert monotonic() - began < 2
    assert any("sleeper was killed (SIGKILL); starting it again" in text for _, text in supervisor.notes)


async def test_a_child_that_returns_to_health_is_said_to_be_back(supervisor: Supervisor):
    await supervisor.start(program("sleeper", _SLEEPS))
    child = supervisor.children["sleeper"]
    assert child.pid is not None
    watching = asyncio.create_task(supervisor.watch())
    os.kill(child.pid, signal.SIGKILL)
    await until(lambda: any(text == "sleeper is back" for _, text in supervisor.notes))
    assert (child.condition, child.restarts) == (Condition.HEALTHY, 1)
    supervisor.stopping.set()
    await watching


async def test_a_program_that_never_works_is_refused_with_its_last_words(supervisor: Supervisor):
    complains = [sys.executable, "-c", "import sys; sys.exit('no such table: journeys')"]
    with pytest.raises(CannotRun, match="broken does not start: no such table: journeys"):
        await supervisor.start(program("broken", complains, healthy=asyncio.sleep))  # type: ignore[arg-type] # never asked


async def test_a_child_that_ignores_being_asked_is_killed_in_time(directory: DataDirectory, tmp_path: Path):
    supervisor = Supervisor(directory, {})
    ready = tmp_path / "ready"
    await supervisor.start(program("first", _SLEEPS))
    await supervisor.start(program("stubborn", [sys.executable, "-c", textwrap.dedent(_IGNORANCE), str(ready)]))
    await until(ready.exists)
    pids = [child.pid for child in supervisor.children.values()]
    began = monotonic()
    await supervisor.stop()
    assert monotonic() - began < 9
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)
    assert any("stubborn did not stop in time" in text for _, text in supervisor.notes)


async def test_services_stop_after_those_who_use_them_the_last_started_first(directory: DataDirectory, tmp_path: Path):
    supervisor = Supervisor(directory, {})
    told = tmp_path / "told"
    for name in ("database", "mail", "worker"):
        says = [sys.executable, "-c", textwrap.dedent(_SAYS_WHEN_IT_STOPS), name, str(told)]
        await supervisor.start(program(name, says, service=name != "worker"))
        await until(lambda name=name: f"{name} ready" in (told.read_text() if told.exists() else ""))  # type: ignore[misc]
    await supervisor.stop()
    assert told.read_text().split("\n")[3:6] == ["worker stops", "mail stops", "database stops"]


_SAYS_WHEN_IT_STOPS = """
    import signal, sys, time

    def say(what):
        with open(sys.argv[2], "a") as file:
            file.write(f"{sys.argv[1]} {what}\\n")

    def stop(*_):
        say("stops")
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    say("ready")
    time.sleep(600)
"""


async def test_what_a_killed_supervisor_left_running_is_stopped_at_the_next_start(directory: DataDirectory):
    left = subprocess.Popen(_SLEEPS, start_new_session=True)  # noqa: ASYNC220 - nothing else runs yet
    identity = Identity.of(left.pid)
    assert identity is not None
    directory.running.write_text(f'{{"children": {{"sleeper": [{identity.pid}, {identity.created}]}}}}')
    assert await asyncio.to_thread(clean_up_after_crash, directory) == 1
    assert identity.process() is None
    assert not directory.running.exists()


def test_a_process_that_only_has_the_same_number_is_left_alone():
    other = subprocess.Popen(_SLEEPS, start_new_session=True)
    try:
        assert stop_left_over([Identity(other.pid, psutil.Process(other.pid).create_time() - 60)]) == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells children of their parent's death on Linux only")
def test_children_do_not_outlive_a_killed_supervisor(tmp_path: Path):
    supervisor = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_SUPERVISES), str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert supervisor.stdout is not None
    child = psutil.Process(int(supervisor.stdout.readline()))
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running()


_SUPERVISES = """
    import asyncio, sys
    from pathlib import Path
    from runtime.embedded.children import Program
    from runtime.embedded.datadir import open_directory
    from runtime.embedded.supervisor import Supervisor

    async def yes():
        return True

    async def main():
        supervisor = Supervisor(open_directory(Path(sys.argv[1])), {})
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        await supervisor.start(Program(name="sleeper", command=command, healthy=yes))
        print(supervisor.children["sleeper"].pid, flush=True)
        await asyncio.sleep(600)

    asyncio.run(main())
"""
