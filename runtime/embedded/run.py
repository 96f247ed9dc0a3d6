"""One run of ``tendril up``: from a checked data directory, through the live view, to a clean stop."""

import asyncio
import errno
import signal
import sys

import asyncpg

from domain.errors import Refused
from runtime.embedded.datadir import hold, open_directory
from runtime.embedded.plan import Options
from runtime.embedded.stack import Stack
from runtime.embedded.supervisor import clean_up_after_crash
from runtime.embedded.trouble import CannotRun
from runtime.embedded.view import show
from runtime.settings import Settings


def run(settings: Settings, options: Options) -> None:
    """Run until Ctrl-C or SIGTERM. Raises ``Refused`` when the stack can't start or can't go on."""
    directory = open_directory(settings.data_dir)
    with hold(directory):
        left_over = clean_up_after_crash(directory)
        stack = Stack(directory, settings, options)
        if left_over:
            stack.supervisor.tell(f"stopped {left_over} processes that an earlier run left behind")
        stack.require_all()
        try:
            asyncio.run(_run(stack))
        except (OSError, asyncpg.PostgresError) as error:
            raise _plainly(error) from error


async def _run(stack: Stack) -> None:
    _stop_on_signals(stack)
    working = asyncio.create_task(_work(stack))
    showing = asyncio.create_task(show(stack, plain=stack.options.plain or not sys.stdout.isatty()))
    stopping = asyncio.create_task(stack.supervisor.stopping.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    stack.supervisor.tell("stopping")
    await stack.close()
    stopping.cancel()
    await showing
    if not working.cancelled() and (error := working.exception()) is not None:
        raise error


async def _work(stack: Stack) -> None:
    await stack.start()
    stack.supervisor.tell("everything runs")
    await stack.supervisor.watch()


def _stop_on_signals(stack: Stack) -> None:
    def stop() -> None:
        if stack.supervisor.stopping.is_set():
            stack.supervisor.kill()
        stack.supervisor.stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)


def _plainly(error: OSError | asyncpg.PostgresError) -> Refused:
    """An error of the system's or the database's as one line."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return CannotRun(f"The disk is full ({error.filename or error}).", "Free some space and start again.")
    if isinstance(error, OSError):
        return CannotRun(f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}.")
    return CannotRun(f"PostgreSQL refuses: {error}.")
