"""Lists read page by page."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_PAGE = 1000


async def collect(
    page: Callable[[str | None, int], Awaitable[tuple[list[T], str | None, int]]], most: int | None
) -> tuple[list[T], int]:
    """The first ``most`` items (None: all) and how many there are. ``page`` takes a cursor and a size."""
    items: list[T] = []
    cursor: str | None = None
    while True:
        size = _PAGE if most is None else min(_PAGE, most - len(items))
        found, cursor, total = await page(cursor, size)
        items += found
        if cursor is None or (most is not None and len(items) >= most):
            return items, total
