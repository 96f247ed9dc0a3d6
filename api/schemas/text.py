"""What may be stored as text or JSON: everything Unicode has, but NUL and lone surrogates, which PostgreSQL refuses.

And no JSON so deep that its readers give up: pydantic's reader does at 200 levels, its writer at 255, Python's own at
some 900. What can't be read again would stop every decision about the lead.
"""

import json
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints
from pydantic_core import to_json

#: Levels of lists and objects within each other.
DEEPEST = 50


def storable(value: Any) -> Any:
    """The value unchanged. Raises ``ValueError`` when it could not be stored, or not be read again."""
    if not isinstance(value, str) and _is_plain(value):
        return value
    text = value if isinstance(value, str) else _json(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("contains half of a surrogate pair, which is not text") from None
    if "\x00" in text or (not isinstance(value, str) and "\\u0000" in text):
        raise ValueError("contains the character U+0000, which can't be stored")
    return value


def _is_plain(value: Any) -> bool:
    """Whether a quick look finds nothing: pydantic's writer takes a tenth of the time of Python's."""
    try:
        text = to_json(value)
    except ValueError:
        return False
    return b"\\u0000" not in text and text.count(b"[") + text.count(b"{") <= DEEPEST


def _json(value: Any) -> str:
    """Its JSON. What opens no more than ``DEEPEST`` brackets can't be too deep, which spares nearly all the looking."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = ""
    if not text or (text.count("[") + text.count("{") > DEEPEST and _is_deep(value)):
        raise ValueError(f"is nested more than {DEEPEST} levels deep")
    return text


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [inner for one in level if isinstance(one, dict | list) for inner in _within(one)]
    return bool(level)


def _within(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(storable)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(storable)]
Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(storable)]
JsonObject = Annotated[dict[str, Any], AfterValidator(storable)]
