"""A touch's key, ``lead/cycle/epoch/step[/occurrence]``: the name under which at most one message ever leaves."""

from typing import NamedTuple

_PARTS = 4


class TouchKey(NamedTuple):
    """Its parts. ``epoch`` is which of the resends of the step it is, 0 for what was sent without one."""

    lead: str
    cycle: int
    epoch: int
    step: str
    occurrence: int = 1

    def __str__(self) -> str:
        base = f"{self.lead}/{self.cycle}/{self.epoch}/{self.step}"
        return base if self.occurrence == 1 else f"{base}/{self.occurrence}"

    @classmethod
    def parse(cls, text: str) -> "TouchKey | None":
        """The parts of a key, or None for what is none."""
        parts = text.split("/")
        numbers = [*parts[1:3], *parts[_PARTS:]]
        if len(parts) not in {_PARTS, _PARTS + 1} or not all(number.isdecimal() for number in numbers):
            return None
        return cls(parts[0], int(parts[1]), int(parts[2]), parts[3], *map(int, parts[_PARTS:]))
