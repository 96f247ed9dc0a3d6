"""Salesforce's stand-in: as much of SOQL as is asked here, read by its own grammar and not by looking for words.

``SELECT`` fields (of the record, or of one it leads to), ``FROM``, ``WHERE`` with ``AND``, ``OR``, brackets, ``=``,
``!=``, ``>=``, ``IN``, ``ORDER BY``, ``LIMIT``. Texts are compared without regard to case, as Salesforce does.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.answers import VendorError

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z)|(?P<number>\d+)"
    r"|(?P<word>[A-Za-z][\w.]*)|(?P<sign>!=|>=|=|\(|\)|,))",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "\\": "\\", "'": "'", '"': '"'}
Row = Callable[[str], Any]
Condition = Callable[[Row], bool]


@dataclass
class Query:
    """What was asked. ``where`` takes a function that gives a row's value of a field."""

    fields: list[str]
    kind: str
    where: Condition = field(default=lambda _row: True)
    order: list[str] = field(default_factory=list)
    limit: int | None = None


def parsed(soql: str) -> Query:
    """Raises ``VendorError`` as Salesforce words it."""
    reader = _Reader(soql)
    reader.expect("SELECT")
    fields = reader.listed(reader.word)
    reader.expect("FROM")
    query = Query(fields, reader.word())
    if reader.took("WHERE"):
        query.where = reader.either()
    if reader.took("ORDER"):
        reader.expect("BY")
        query.order = reader.listed(reader.word)
    if reader.took("LIMIT"):
        query.limit = int(reader.word())
    reader.end()
    return query


def malformed(why: str) -> VendorError:
    return VendorError(400, why, code="MALFORMED_QUERY")


class _Reader:
    def __init__(self, soql: str) -> None:
        self._tokens = list(_tokens(soql))
        self._at = 0

    def took(self, word: str) -> bool:
        found = self._peek() and self._peek()[1].upper() == word and self._peek()[0] != "text"
        self._at += bool(found)
        return bool(found)

    def expect(self, word: str) -> None:
        if not self.took(word):
            raise malformed(f"unexpected token: expecting {word}")

    def word(self) -> str:
        kind, token = self._next()
        if kind not in ("word", "number"):
            raise malformed(f"unexpected token: '{token}'")
        return token

    def listed(self, one: Callable[[], Any]) -> list[Any]:
        found = [one()]
        while self.took(","):
            found.append(one())
        return found

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise malformed(f"unexpected token: '{self._peek()[1]}'")

    def either(self) -> Condition:
        parts = [self.both()]
        while self.took("OR"):
            parts.append(self.both())
        return lambda row: any(part(row) for part in parts)

    def both(self) -> Condition:
        parts = [self.compared()]
        while self.took("AND"):
            parts.append(self.compared())
        return lambda row: all(part(row) for part in parts)

    def compared(self) -> Condition:
        if self.took("("):
            inner = self.either()
            self.expect(")")
            return inner
        name = self.word()
        if self.took("IN"):
            self.expect("(")
            values = {_folded(value) for value in self.listed(self.value)}
            self.expect(")")
            return lambda row: _folded(row(name)) in values
        for sign, holds in _SIGNS.items():
            if self.took(sign):
                value = self.value()
                return lambda row, holds=holds, value=value: holds(row(name), value)  # type: ignore[misc]
        raise malformed("unexpected token: expecting an operator")

    def value(self) -> Any:
        kind, token = self._next()
        if kind == "text":
            return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), token[1:-1], flags=re.DOTALL)
        if kind == "time":
            return datetime.fromisoformat(token)
        if token.lower() in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[token.lower()]
        raise malformed(f"unexpected token: '{token}'")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def _next(self) -> tuple[str, str]:
        found = self._peek()
        self._at += 1
        return found


def _tokens(soql: str) -> Iterator[tuple[str, str]]:
    at, soql = 0, soql.rstrip()
    while at < len(soql):
        found = _TOKEN.match(soql, at)
        if found is None or found.lastgroup is None:
            raise malformed(f"unexpected token: '{soql[at : at + 1]}'")
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _since(value: Any, asked: Any) -> bool:
    if isinstance(asked, datetime):
        return value is not None and datetime.fromisoformat(value) >= asked
    return bool(value is not None and value >= asked)


_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda value, asked: bool(_folded(value) == _folded(asked)),
    "!=": lambda value, asked: bool(_folded(value) != _folded(asked)),
    ">=": _since,
}
