"""The verdict: what was promised, held against what the database, Temporal, the receivers and the logs say."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One promise. ``broken`` names each case in which it was not kept; ``of`` says of how many."""

    promise: str
    of: str
    broken: Sequence[str] = ()

    @property
    def kept(self) -> bool:
        return not self.broken
