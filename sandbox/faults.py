"""Faults on demand: what a vendor may do to us, asked for over HTTP and used up one request at a time."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["latency", "429", "500", "401", "403", "400", "timeout", "reset", "421", "450", "550"]


class Fault(BaseModel):
    """``count`` requests of ``vendor`` whose path holds ``path`` go wrong in this way.

    ``vendor``: hubspot, linkedin, webhooks or smtp; ``*`` for any. ``after``: only once the vendor has done what was
    asked, so that the sender can't know. ``seconds``: the delay of ``latency``, or the ``Retry-After`` of 429.
    For smtp, ``path`` is the step (``rcpt``, ``data``) and the kinds are 421, 450, 550, timeout and reset.
    """

    model_config = ConfigDict(extra="forbid")

    vendor: str = Field("*", description="Which vendor.")
    kind: Kind = Field(description="What happens.")
    count: int = Field(1, ge=1, description="To how many requests.")
    path: str = Field("", description="Only to paths that hold this.")
    after: bool = Field(False, description="Only after the request was carried out.")
    seconds: float = Field(1.0, ge=0, le=600, description="Delay, or Retry-After.")


class Faults:
    """The faults waiting to happen, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault.model_copy())

    def clear(self) -> None:
        self._waiting.clear()

    @property
    def waiting(self) -> Sequence[Fault]:
        return tuple(self._waiting)

    def take(self, vendor: str, path: str) -> Fault | None:
        """The fault this request meets, if any; it counts as used."""
        for fault in self._waiting:
            if fault.vendor in ("*", vendor) and fault.path in path:
                fault.count -= 1
                if not fault.count:
                    self._waiting.remove(fault)
                return fault
        return None
