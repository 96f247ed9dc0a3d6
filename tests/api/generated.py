"""Requests that hypothesis makes up: in a thread of its own, answered by the application in the test's loop.

How many of each kind, ``tests.fixtures.examples`` says.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings

from tests.fixtures.examples import EXAMPLES, examples

T = TypeVar("T")
#: Waits for the loop to do something, from the thread.
Do = Callable[[Awaitable[T]], T]
#: Seconds for one test.
PATIENCE = 3600 if EXAMPLES else 180


def profile(number: int) -> settings:
    return settings(examples(number), report_multiple_bugs=False, suppress_health_check=list(HealthCheck))


async def examined(test: Callable[[Do[Any]], None]) -> None:
    """Run ``test`` in a thread; it is given how to have things done in this loop."""
    loop = asyncio.get_running_loop()

    async def awaited(what: Awaitable[T]) -> T:
        return await what

    def do(what: Awaitable[T]) -> T:
        return asyncio.run_coroutine_threadsafe(awaited(what), loop).result()

    await asyncio.to_thread(test, do)
