"""What a condition may call, and how much of it: so that asking it is bounded, whatever a playbook holds.

CEL ends always, but not always soon: a text replaced by a longer one twenty times over has no room in any memory, and
an expression over every pair of two lists takes long. Conditions are looked through before CEL sees them, as it works
out constant parts while it compiles.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from cel_expr_python import cel

#: Everything a condition may call: name → meaning. None can make a text or list grow.
FUNCTIONS: Mapping[str, str] = {
    "size": "Length of a text or list: `lead.role.size() > 0`.",
    "contains": 'Whether a text holds another: `lead.role.contains("ops")`.',
    "startsWith": "Whether a text begins with another.",
    "endsWith": "Whether a text ends with another.",
    "matches": 'Whether a text holds a match of a regular expression (RE2), written out: `lead.role.matches("^head")`.',
    "lowerAscii": "A text with A–Z as a–z, for comparing.",
    "upperAscii": "A text with a–z as A–Z.",
    "trim": "A text without spaces around it.",
    "substring": "Part of a text: `lead.role.substring(0, 4)`.",
    "charAt": "The character at a place, from 0.",
    "indexOf": "Place of a text in another; -1 when it is not there.",
    "lastIndexOf": "Place of a text in another, seen from its end.",
    "split": 'A list from a text: `lead.role.split(" ")`.',
    "exists": 'Whether a list has an item for which something holds: `lead.tools.exists(t, t.startsWith("excel"))`.',
    "all": "Whether something holds for every item of a list.",
    "exists_one": "Whether something holds for exactly one item.",
    "filter": 'The items for which something holds: `lead.tools.filter(t, t != "none").size() >= 2`.',
    "int": "A number or text as a whole number.",
    "double": "A number or text as a number with a fraction: `double(lead.employees) / 2.0`.",
    "string": "A number as text.",
}
_LOOPS = frozenset({"exists", "all", "exists_one", "filter"})
LOOPS_DEEP = 2
BRACKETS_DEEP = 30
MOST_PATTERNS = 5

_TOKEN = re.compile(
    r"""
    (?P<text>[bB]?[rR](?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
       |[bB]?(?:\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    |(?P<space>\s+|//[^\n]*)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Excess(NamedTuple):
    """Something a condition may not do; line and column from 1 within its text."""

    message: str
    line: int
    column: int


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def excesses(text: str) -> list[Excess]:
    """Everything in a condition that is not allowed, in order. Empty for a text that is not CEL at all."""
    tokens = [
        _Token(str(found.lastgroup), found[0], found.start())
        for found in _TOKEN.finditer(text)
        if found.lastgroup != "space"
    ]
    found = [*_too_deep(tokens), *_calls(tokens)]
    return [Excess(message, *_place(text, at)) for at, message in sorted(found)]


def _place(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def _too_deep(tokens: Sequence[_Token]) -> Iterator[tuple[int, str]]:
    """The first place where brackets, or loops in loops, are nested too deeply."""
    opened: list[bool] = []
    for before, token in zip((None, *tokens), tokens, strict=False):
        if token.text in {"(", "[", "{"} and token.kind == "sign":
            opened.append(token.text == "(" and before is not None and before.text in _LOOPS)
            if sum(opened) > LOOPS_DEEP:
                yield token.at, f"exists, all and filter go at most {LOOPS_DEEP} deep"
                return
            if len(opened) > BRACKETS_DEEP:
                yield token.at, f"brackets go at most {BRACKETS_DEEP} deep"
                return
        elif token.text in {")", "]", "}"} and token.kind == "sign" and opened:
            opened.pop()


def _calls(tokens: Sequence[_Token]) -> Iterator[tuple[int, str]]:
    patterns = 0
    for index, (token, after) in enumerate(pairwise(tokens)):
        if token.kind != "name" or after.text != "(" or token.text == "in":
            continue
        if token.text not in FUNCTIONS:
            near = "".join(f"; did you mean “{name}”?" for name in get_close_matches(token.text, FUNCTIONS, n=1))
            yield token.at, f"a condition can't call “{token.text}”{near}"
        elif token.text == "matches":
            patterns += 1
            yield from _pattern(token, tokens[index + 2 : index + 4])
            if patterns == MOST_PATTERNS + 1:
                yield token.at, f"a condition may have {MOST_PATTERNS} regular expressions"


def _pattern(call: _Token, arguments: Sequence[_Token]) -> Iterator[tuple[int, str]]:
    match arguments:
        case [_Token("text", text, at), _Token("sign", ")", _)] if not text.lower().startswith("b"):
            if wrong := _wrong_pattern(text):
                yield at, f"not a regular expression: {wrong}"
        case _:
            yield call.at, 'matches needs a regular expression written out: TEXT.matches("…")'


@lru_cache(maxsize=256)
def _wrong_pattern(literal: str) -> str:
    """Why RE2 refuses a pattern, written as CEL; "" when it does not, or when it is no CEL (its compiler says why)."""
    try:
        found = cel.NewEnv(variables={}).compile(f'"".matches({literal})').eval(data={}).value()
    except RuntimeError:
        return ""
    return "" if isinstance(found, bool) else str(found).rpartition("regular expression")[2].lstrip(" :")
