"""The deployment's clock across restarts: time that nobody ran must not pass a day a second.

The clock's anchors are in the database, where every process reads them. While the stack runs, the deployment time is
noted in the data directory every few seconds; the next start anchors the clock there, so that a night of being stopped
does not become a century.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from domain.clock import ScaledClock
from runtime.embedded.datadir import read_json, write_json


@dataclass(frozen=True)
class ClockFile:
    path: Path

    def last_known(self) -> datetime | None:
        """The deployment time when the stack last ran; None on a first start."""
        text = read_json(self.path).get("deployment_time")
        return datetime.fromisoformat(text) if isinstance(text, str) else None

    def note(self, clock: ScaledClock, now: datetime) -> None:
        """``now`` is real time."""
        write_json(self.path, {"deployment_time": clock.from_real(now).isoformat(), "scale": clock.scale})


def continued(scale: float, last_known: datetime | None, now: datetime) -> ScaledClock:
    """The clock of this start, at ``now`` (real): it goes on from ``last_known`` and never back.

    Real time stays real time, unless an earlier run at a higher scale is already ahead of it.
    """
    if scale == 1.0 and (last_known is None or last_known <= now):
        return ScaledClock()
    return ScaledClock(scale=scale, real_anchor=now, virtual_anchor=last_known or now)


def real_now() -> datetime:
    return datetime.now(UTC)
