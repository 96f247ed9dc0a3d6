"""The deployment's clock: real time, or real time scaled so that a day passes in a second (DESIGN decision 13)."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """Deployment time is ``virtual_anchor`` at ``real_anchor`` and passes ``scale`` times as fast as real time.

    With the defaults it is real time. Both anchors are aware UTC.
    """

    scale: float = 1.0
    real_anchor: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    virtual_anchor: datetime = datetime(2020, 1, 1, tzinfo=UTC)

    def from_real(self, real: datetime) -> datetime:
        return real if self._is_real else self.virtual_anchor + (real - self.real_anchor) * self.scale

    def to_real(self, at: datetime) -> datetime:
        return at if self._is_real else self.real_anchor + (at - self.virtual_anchor) / self.scale

    @property
    def _is_real(self) -> bool:
        return self.scale == 1.0 and self.real_anchor == self.virtual_anchor


def pace(scale: float) -> str:
    """How fast a clock runs, in words: 86400 is "a day a second". ``scale`` is deployment seconds per real second."""
    if scale == 1.0:
        return "real time"
    for one, many, seconds in (("a day", "days", 86400.0), ("an hour", "hours", 3600.0), ("a minute", "minutes", 60.0)):
        if scale >= seconds:
            return f"{one} a second" if scale == seconds else f"{scale / seconds:g} {many} a second"
    return f"{scale:g} times real time"
