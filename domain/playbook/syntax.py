"""The shape of a condition, as far as words can be found for it: a small reader of CEL.

It judges nothing (the CEL library has compiled the condition long before) and evaluates nothing. What it does not know
(ternaries, macros, maps) becomes ``Raw``: its text stands for itself. Every node knows its own source text.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

_TOKEN = re.compile(
    r"""\s*(?://[^\n]*(?:\n\s*|\Z))*(?:
    (?P<text>[rR]?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    |(?P<sign>&&|\|\||[<>=!]=|/(?!/)|[-+*%<>!()\[\],?:.{}])
    )""",
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*(?://[^\n]*(?:\n\s*|\Z))*")
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})


class Name(NamedTuple):
    """A variable by its whole dotted name."""

    text: str


class Value(NamedTuple):
    """A string, number or bool."""

    text: str
    value: str | float | bool


class Items(NamedTuple):
    """A list of values written out."""

    text: str
    items: tuple["Node", ...]


class Sum(NamedTuple):
    """``a + b + c``."""

    text: str
    parts: tuple["Node", ...]


class Call(NamedTuple):
    """``target.method(arguments)``."""

    text: str
    target: str
    method: str
    arguments: tuple["Node", ...]


class Compare(NamedTuple):
    """``left op right``; ``in`` is one of the operators."""

    text: str
    left: "Node"
    op: str
    right: "Node"


class Not(NamedTuple):
    text: str
    of: "Node"


class Logic(NamedTuple):
    """``a && b && …`` or ``a || b || …``."""

    text: str
    op: str
    parts: tuple["Node", ...]


class Raw(NamedTuple):
    """Anything else."""

    text: str


Node = Name | Value | Items | Sum | Call | Compare | Not | Logic | Raw


class _Unreadable(Exception):
    """Beyond this reader."""


def read(condition: str) -> Node:
    """The shape of a condition; ``Raw`` of it all when it is beyond this reader."""
    try:
        return _Reader(condition).whole()
    except (_Unreadable, RecursionError):
        return Raw(condition.strip())


def demands(condition: str) -> tuple[str, ...]:
    """What must hold together, each as a condition of its own: the parts of the outermost ``&&``."""
    shape = read(condition)
    return tuple(part.text for part in shape.parts) if isinstance(shape, Logic) and shape.op == "&&" else (condition,)


class _Reader:
    """Reads by descent, from the operators that bind least to those that bind most."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = list(_tokens(source))
        self._next = 0

    def whole(self) -> Node:
        node = self._either()
        if self._next < len(self._tokens):
            raise _Unreadable
        return node

    def _either(self) -> Node:
        return self._logic("||", self._both)

    def _both(self) -> Node:
        return self._logic("&&", self._comparison)

    def _logic(self, op: str, inner: Callable[[], Node]) -> Node:
        began, parts = self._next, [inner()]
        while self._take(op):
            parts.append(inner())
        return parts[0] if len(parts) == 1 else Logic(self._text(began), op, tuple(parts))

    def _comparison(self) -> Node:
        began, left = self._next, self._sum()
        op = self._peek()
        if op not in _COMPARISONS:
            return left
        self._next += 1
        right = self._sum()
        if self._peek() in _COMPARISONS:
            raise _Unreadable
        return Compare(self._text(began), left, op, right)

    def _sum(self) -> Node:
        began, parts, plus = self._next, [self._operand()], True
        while self._peek() in {"+", "-", "*", "/", "%"}:
            plus = self._peek() == "+" and plus
            self._next += 1
            parts.append(self._operand())
        if len(parts) == 1:
            return parts[0]
        return Sum(self._text(began), tuple(parts)) if plus else Raw(self._text(began))

    def _operand(self) -> Node:
        began = self._next
        if self._take("!"):
            of = self._operand()
            return Not(self._text(began), of)
        if self._take("-"):
            self._operand()
            return Raw(self._text(began))
        if self._take("("):
            inner = self._either()
            self._expect(")")
            return inner._replace(text=self._text(began))
        if self._take("["):
            items = self._until("]")
            return Items(self._text(began), items)
        return self._word()

    def _word(self) -> Node:
        began = self._next
        kind, text = self._token()
        self._next += 1
        if kind == "sign":
            raise _Unreadable
        if kind == "name" and self._take("("):
            arguments = self._until(")")
            target, _, method = text.rpartition(".")
            return Call(self._text(began), target, method, arguments)
        if self._peek() in {".", "["}:
            raise _Unreadable
        return Name(text) if kind == "name" and text not in {"true", "false"} else Value(text, _value(kind, text))

    def _until(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._take(end):
            if items:
                self._expect(",")
            items.append(self._either())
        return tuple(items)

    def _token(self) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise _Unreadable
        kind, start, end = self._tokens[self._next]
        return kind, self._source[start:end]

    def _peek(self) -> str:
        """The next sign or name, or "" at the end and before a string."""
        if self._next >= len(self._tokens):
            return ""
        kind, text = self._token()
        return "" if kind == "text" else text

    def _take(self, sign: str) -> bool:
        found = self._peek() == sign
        self._next += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise _Unreadable

    def _text(self, began: int) -> str:
        return self._source[self._tokens[began][1] : self._tokens[self._next - 1][2]]


def _tokens(source: str) -> list[tuple[str, int, int]]:
    """Kind, start and end of every token."""
    found, at = [], 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            if _SPACE.fullmatch(source, at):
                break
            raise _Unreadable
        kind = match.lastgroup or ""
        found.append((kind, match.start(kind), match.end(kind)))
        at = match.end()
    return found


def _value(kind: str, text: str) -> str | float | bool:
    if kind == "number":
        return float(text) if "." in text else int(text)
    if kind == "name":
        return text == "true"
    return text[2:-1] if text[0] in "rR" else re.sub(r"\\(.)", r"\1", text[1:-1])
