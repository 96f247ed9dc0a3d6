"""Text of a cell as the value a lead field holds."""

from collections.abc import Callable
from math import isfinite

from domain.facts import FieldValue

_YES = frozenset({"yes", "y", "true", "t", "1", "x", "on"})
_NO = frozenset({"no", "n", "false", "f", "0", "off"})
_LARGEST = 2**53


def yes_or_no(text: str) -> bool:
    """Raises ``ValueError`` when it is neither."""
    word = text.casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError(f"{shown(text)} is neither yes nor no")


def convert(text: str, kind: str) -> FieldValue:
    """The cell as a value of the field's type. Raises ``ValueError`` saying what it is not."""
    return _READERS[kind](text)


def shown(text: str) -> str:
    """A cell as messages quote it."""
    return repr(text if len(text) <= 40 else text[:39] + "…")  # noqa: PLR2004 what fits a line


def _whole(text: str) -> int:
    number = _number(text)
    if number != int(number) or abs(number) > _LARGEST:
        raise ValueError(f"{shown(text)} is not a whole number")
    return int(number)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number) or "_" in text:
        raise ValueError(f"{shown(text)} is not a number")
    return number


def _several(text: str) -> list[str]:
    mark = ";" if ";" in text else ","
    return [part.strip() for part in text.split(mark) if part.strip()]


_READERS: dict[str, Callable[[str], FieldValue]] = {
    "string": str,
    "int": _whole,
    "float": _number,
    "bool": yes_or_no,
    "list": _several,
}
