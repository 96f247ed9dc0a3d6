"""A vendor that answers nobody is left alone for about as long as it has been silent: touches wait outside.

Each of them tried by itself would cost a claim, a slot and a timeout for nothing, again and again, while other channels
need the same worker. Now and then one is let through, to see whether the vendor is back.
"""

import logging
import random
import time
from collections.abc import Callable
from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.errors import TransientFault, VendorFault
from domain.words import Channel

#: So many attempts in a row without an answer close the door.
_SILENT = 3
#: Seconds: who is turned away comes again after as long as the silence has lasted, within these bounds.
_SOONEST, _LATEST = 2.0, 300.0
#: Seconds between two that are let through: half of the silence, within these bounds.
_LOOK_SOONEST, _LOOK_LATEST = 0.5, 5.0
_log = logging.getLogger("tendril.touches")
#: That all of our own connections are in use says nothing of the vendor.
_OURS = "busy"


class Door:
    """One channel's, in one process. ``now`` gives seconds."""

    def __init__(self, channel: Channel, now: Callable[[], float] = time.monotonic) -> None:
        self._channel = channel
        self._now = now
        self._silent = 0
        self._since = self._looked = 0.0

    def enter(self) -> None:
        """Raises ``ApplicationError`` while nobody answers: nothing was begun, and Temporal tries again later."""
        now = self._now()
        lasting = now - self._since
        if self._silent < _SILENT or now - self._looked >= _within(lasting / 2, _LOOK_SOONEST, _LOOK_LATEST):
            self._looked = now
            return
        # apart, so that those who wait do not all come at once when it is back
        wait = _within(lasting, _SOONEST, _LATEST) * random.uniform(0.5, 1.5)  # noqa: S311 no secret
        raise ApplicationError(
            f"whoever carries {self._channel} has not answered for {lasting:.0f} s",
            type="Away",
            next_retry_delay=timedelta(seconds=wait),
            category=ApplicationErrorCategory.BENIGN,
        )

    def answered(self) -> None:
        """The vendor took something, or said why not."""
        if self._silent >= _SILENT:
            lasted = round(self._now() - self._since)
            _log.info("whoever carries it answers again", extra={"channel": self._channel, "silent_seconds": lasted})
        self._silent = 0

    def failed(self, fault: VendorFault) -> None:
        """What came of an attempt. One that was not made, since its vendor or we are busy, says nothing."""
        if not isinstance(fault, TransientFault) or fault.status is not None:
            self.answered()
        elif fault.retry_after is None and fault.code != _OURS:
            self._since = self._since if self._silent else self._now()
            self._silent += 1
            if self._silent == _SILENT:
                why = {"channel": self._channel, "vendor": fault.vendor, "code": fault.code}
                _log.warning("nobody answers: touches of this channel wait, and one now and then looks", extra=why)


def _within(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)
