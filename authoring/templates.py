"""The small part of Jinja that content may use, and what is wrong with a piece of content that uses more.

Content may print variables, pass them through a few filters, and choose with ``if``. It can't loop, call, multiply or
reach attributes of Python objects, so a template's output is bounded by its own size and its values'. The same rules
are enforced when a playbook is checked and again before a template is compiled for sending.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import ChainableUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from domain.playbook.checks.content import RESERVED
from domain.playbook.checks.finding import did_you_mean, nearest
from domain.playbook.models import Sender

FILTERS = frozenset(
    {"capitalize", "default", "first", "join", "last", "length", "lower", "round", "title", "trim", "upper"}
)
_FILTERS_THERE = f"; content may use {', '.join(sorted(FILTERS))}"
SENDER = ("name", "email", "postal_address")
QUESTION = ("ask", "help", "url")
#: Names with parts: name → (its parts, what to do about another one). Those of a lead are the playbook's own.
_PARTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "lead": ((), "declare it in lead_fields"),
    "sender": (SENDER, "the sender has name, email and postal_address"),
    "question": (QUESTION, "a question has ask, help and url"),
}
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Const, nodes.Filter, nodes.Test,
    nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat, nodes.Keyword,
)  # fmt: skip
_WORDS: dict[type[nodes.Node], str] = {
    nodes.For: "a loop",
    nodes.Call: "a call",
    nodes.Assign: "set",
    nodes.Macro: "a macro",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.Extends: "extends",
    nodes.Getitem: "[…]",
}
#: Part of what Jinja says → what an author can act on.
_SAYINGS = {
    "expected token 'end of print statement', got ':'": 'a filter takes its value in brackets: default("there")',
    "unexpected '}'": "two braces end a variable: {{ site }}",
    "expected token 'end of print statement', got '}'": "two braces end a variable: {{ site }}",
}
#: Each piece prints at most one value, so this bounds what a template can grow to.
_MOST_PIECES = 200
#: A piece of Jinja in a text, quotes respected.
PIECE = re.compile(
    r"""\{\{(?:"[^"]*"|'[^']*'|(?!\}\}).)*\}\}|\{%(?:"[^"]*"|'[^']*'|(?!%\}).)*%\}|\{#.*?#\}""", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Known:
    """What content may name: the playbook's variables and the declared fields of a lead."""

    variables: frozenset[str]
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one template: line and column from 1 within its text."""

    line: int
    column: int
    message: str


class _Unknown(ChainableUndefined):
    """A value nobody has told us: prints as nothing, and no comparison with it holds."""

    def _never(self, *_: Any) -> Any:
        return False

    __lt__ = __le__ = __gt__ = __ge__ = _never


def environment(*, escape: bool) -> ImmutableSandboxedEnvironment:
    """Jinja for content: sandboxed, unknown values empty, without globals (so no ``range``)."""
    made = ImmutableSandboxedEnvironment(autoescape=escape, undefined=_Unknown, keep_trailing_newline=True)
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in FILTERS}
    return made


_READER = environment(escape=False)


def bounded(text: str) -> bool:
    """Whether a text opens so few pieces of Jinja that looking for their ends is quick."""
    return sum(text.count(opening) for opening in ("{{", "{%", "{#")) <= _MOST_PIECES


def faults(text: str, known: Known) -> list[Fault]:
    """What is wrong with a template: syntax, names nobody declared, parts of Jinja that content may not use."""
    if "{" not in text:
        return []
    if not bounded(text):
        return [Fault(1, 1, f"has more than {_MOST_PIECES} variables and conditions")]
    try:
        tree = _READER.parse(text)
    except TemplateSyntaxError as error:
        return [Fault(error.lineno, _column(text, error.lineno, "{"), f"is not a template: {_meant(error.message)}")]
    except RecursionError:
        return [Fault(1, 1, "is nested too deeply")]
    return [
        Fault(node.lineno, _column(text, node.lineno, needle), message) for node, needle, message in _walk(tree, known)
    ]


def _meant(said: str | None) -> str:
    return next((words for part, words in _SAYINGS.items() if part in (said or "")), said or "")


_Blame = tuple[nodes.Node, str, str]


def _walk(tree: nodes.Node, known: Known) -> Iterator[_Blame]:
    """Depth first; a dotted name is judged whole."""
    if not isinstance(tree, _ALLOWED):
        word = _WORDS.get(type(tree), type(tree).__name__.lower())
        needle = {nodes.For: "for", nodes.Call: "("}.get(type(tree), "{")
        yield tree, needle, f"content can't use {word}: it may print variables, use filters and choose with if"
        return
    if isinstance(tree, nodes.Filter) and tree.name not in FILTERS:
        yield tree, tree.name, f"there is no filter “{tree.name}”{did_you_mean(tree.name, FILTERS) or _FILTERS_THERE}"
    if isinstance(tree, (nodes.Name, nodes.Getattr)):
        yield from _judge_name(tree, known)
        return
    for child in tree.iter_child_nodes():
        yield from _walk(child, known)


def _judge_name(node: nodes.Name | nodes.Getattr, known: Known) -> Iterator[_Blame]:
    parts: list[str] = []
    inner: nodes.Node = node
    while isinstance(inner, nodes.Getattr):
        parts.insert(0, inner.attr)
        inner = inner.node
    if not isinstance(inner, nodes.Name):
        yield from _walk(inner, known)
        yield node, f".{parts[0]}", f"“.{parts[0]}” can't be asked of this; name a variable"
        return
    name = ".".join([inner.name, *parts])
    message = _unknown(inner.name, parts, known)
    if message:
        yield node, name, message


def _unknown(root: str, parts: list[str], known: Known) -> str:
    """Why a dotted name can't be used; "" when it can."""
    name = ".".join([root, *parts])
    if root in _PARTS:
        fields: Iterable[str] = known.fields if root == "lead" else _PARTS[root][0]
        if len(parts) == 1 and parts[0] in fields:
            return ""
        near = nearest(name, [f"{root}.{field}" for field in fields])
        return f"there is no “{name}”; " + (f"did you mean “{near}”?" if near else _PARTS[root][1])
    if parts:
        return f"there is no “{name}”: only lead, sender and question have parts"
    if root in known.variables or root in RESERVED:
        return ""
    return (
        f"there is no variable “{name}”{did_you_mean(name, known.variables | RESERVED) or '; declare it in variables'}"
    )


def _column(text: str, line: int, needle: str) -> int:
    """Jinja knows only lines: look for the name itself on the line."""
    lines = text.split("\n")
    content = lines[line - 1] if line <= len(lines) else ""
    found = content.find("{")
    found = content.find(needle, max(found, 0))
    return found + 1 if found >= 0 else 1


_SPACE = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LONGEST = 200


def lead_values(fields: Mapping[str, Any], declared: Iterable[str]) -> dict[str, Any]:
    """A lead's fields for a template. What is empty is absent, so that ``default`` serves both.

    Text is put on one line and cut at 200 characters: strangers fill in forms, and a “first name” of many lines
    would make our mail carry their message.
    """
    known = {name: _tame(fields.get(name)) for name in declared}
    return {name: value for name, value in known.items() if value not in (None, "", [])}


def _tame(value: Any) -> Any:
    if isinstance(value, str):
        return _SPACE.sub(" ", _CONTROL.sub("", value)).strip()[:_LONGEST]
    if isinstance(value, list):
        return [_tame(item) for item in value[:20]]
    return value if isinstance(value, (bool, int, float)) else None


def sender_values(sender: Sender) -> dict[str, str]:
    return {name: str(getattr(sender, name)) for name in SENDER}
