"""Requests that hypothesis makes up: in a thread of its own, answered by the application in the test's loop.

They are the same each time. ``TENDRIL_TEST_EXAMPLES=500`` makes so many of each kind, for a longer look.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings

T = TypeVar("T")
#: Waits for the loop to do something, from the thread.
Do = Callable[[Awaitable[T]], T]
EXAMPLES = int(os.environ.get("TENDRIL_TEST_EXAMPLES", "0"))
#: Seconds for one test.
PATIENCE = 3600 if EXAMPLES else 180


def profile(examples: int) -> settings:
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


async def examined(test: Callable[[Do[Any]], None]) -> None:
    """Run ``test`` in a thread; it is given how to have things done in this loop."""
    loop = asyncio.get_running_loop()

    async def awaited(what: Awaitable[T]) -> T:
        return await what

    def do(what: Awaitable[T]) -> T:
        return asyncio.run_coroutine_threadsafe(awaited(what), loop).result()

    await asyncio.to_thread(test, do)
