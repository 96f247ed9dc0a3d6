"""Lists of people whom a mail vendor will not write to any more, and how they come to be on ours."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Somebody whom the vendor will not write to any more. ``reason``: complained, hard_bounced or opted_out."""

    email: str
    reason: str
    at: datetime


@runtime_checkable
class Suppressing(Protocol):
    """A carrier of mail that keeps its own list of people it won't write to."""

    vendor: str

    def suppressed(self, since: datetime | None) -> AsyncIterator[Suppressed]:
        """Those added since then (all when None), in no order. Raises a ``VendorFault``."""
        ...


@dataclass(frozen=True, slots=True)
class Pulled:
    """What became of entries of a vendor's list: ``added`` to ours, which forbid writing to ``leads`` of whom
    ``journeys`` in flight end. ``left`` are no addresses, or of people who were erased.
    """

    read: int = 0
    added: int = 0
    left: int = 0
    leads: int = 0
    journeys: int = 0

    def __add__(self, other: "Pulled") -> "Pulled":
        return Pulled(*(getattr(self, name) + getattr(other, name) for name in Pulled.__slots__))


@dataclass(frozen=True, slots=True)
class Beginning:
    """A pull that begins: of what was added ``since`` (all when None), ``at`` a time of the database's clock."""

    since: datetime | None
    at: datetime


class VendorSuppressions(Protocol):
    """Where one vendor's list goes, and how far it was read."""

    async def due(self) -> bool:
        """Whether it is long since anybody tried."""
        ...

    async def begin(self, *, full: bool = False) -> Beginning: ...

    async def take(self, found: Sequence[Suppressed], now: datetime) -> Pulled:
        """Put those on our list who are not there yet, in one transaction. Their journeys in flight decide anew."""
        ...

    async def ended(self, begun: Beginning) -> None:
        """The list was read whole: the next pull begins there."""
        ...
