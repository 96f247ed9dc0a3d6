"""A row of numbers as a line of bars, one character each: for terminals and pages."""

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(numbers: Sequence[int]) -> str:
    """Bars from zero to the greatest number; "" where all are zero."""
    most = max(numbers, default=0)
    return "".join(_BARS[number * (len(_BARS) - 1) // most] for number in numbers) if most else ""
