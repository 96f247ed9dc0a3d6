"""Room for each channel in one worker: a vendor that hangs must not take every slot and hold up all others."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError

from domain.words import Channel

#: Who finds no room comes again after about so many seconds: more than a quick vendor takes to make some.
_LATER = 2.0


class Room:
    """At most ``most`` touches of a channel are carried out at once. One process's, for one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside: Counter[Channel] = Counter()

    @contextmanager
    def of(self, channel: Channel) -> Iterator[None]:
        """Raises ``ApplicationError`` when there is none: nothing was begun, and Temporal tries again."""
        if self._inside[channel] >= self._most:
            # apart, so that those who wait do not all come at once
            wait = timedelta(seconds=_LATER * random.uniform(0.5, 1.5))  # noqa: S311 no secret
            raise ApplicationError(f"{channel} has its share of this worker", type="Busy", next_retry_delay=wait)
        self._inside[channel] += 1
        try:
            yield
        finally:
            self._inside[channel] -= 1
