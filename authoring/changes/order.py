"""What stands elsewhere: as few as explain another order of the same names."""

from bisect import bisect_left
from collections.abc import Sequence


def moved(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """The names that are not of the longest run that kept its order, as they stand in ``new``.

    Both hold the same names. They are the same ones, whichever of the two orders was first.
    """
    first, second = sorted((list(old), list(new)))
    rank = {name: place for place, name in enumerate(first)}
    kept = _rising([rank[name] for name in second])
    return [name for name in new if rank[name] not in kept]


def _rising(numbers: Sequence[int]) -> set[int]:
    """A longest rising subsequence (patience sorting)."""
    tops: list[int] = []
    behind: dict[int, int | None] = {}
    for number in numbers:
        pile = bisect_left(tops, number)
        behind[number] = tops[pile - 1] if pile else None
        tops[pile : pile + 1] = [number]
    found, number_or_none = set[int](), tops[-1] if tops else None
    while number_or_none is not None:
        found.add(number_or_none)
        number_or_none = behind[number_or_none]
    return found
