"""What content says is sound, but will some reader see it as it is meant? Links, images, subjects, missing fields.

Each lint is asked only of templates that ``authoring.templates`` accepts. The rules' pages are in ``docs/lints/``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jinja2 import TemplateError, nodes
from markdown_it.token import Token

from authoring.compile import Pieces, markdown
from authoring.problems import Severity
from authoring.templates import SENDER, Fault, environment

ContentRule = Literal["https", "image-alt", "long-subject", "maybe-missing"]

#: What phones in portrait show of a subject, before they cut it off.
SUBJECT_SHOWN = 50
_TYPICAL: Mapping[str, Any] = {
    "string": "Twelve chars",
    "int": 250,
    "float": 2.5,
    "bool": True,
    "list": ["Twelve chars"],
}
_BEGINS_WITH = re.compile(r"\{\{-?\s*([a-z_][a-z0-9_.]*)")
_READER = environment(escape=False)


@dataclass(frozen=True, slots=True)
class Lint(Fault):
    """A fault of the text under ``key`` of a content file."""

    key: str
    rule: ContentRule
    severity: Severity = "warning"


def content_lints(
    texts: Mapping[str, str], variables: Mapping[str, object], fields: Mapping[str, object]
) -> Iterator[Lint]:
    """Of one content file: its sound templates by key, the playbook's variables and declared lead fields."""
    for key, text in texts.items():
        yield from _maybe_missing(key, text)
    if "subject" in texts:
        yield from _subject(texts["subject"], variables, fields)
    if "body" in texts:
        yield from _addresses(texts["body"], variables)


def _subject(text: str, variables: Mapping[str, object], fields: Mapping[str, object]) -> Iterator[Lint]:
    """A subject too long for phones, with nothing known of the lead or with values of usual length."""
    longest = max(_lengths(text, variables, fields), default=0)
    if longest > SUBJECT_SHOWN:
        message = f"some readers get {longest} characters, and phones show about {SUBJECT_SHOWN}; say the rest below"
        yield Lint(1, 1, message, "subject", "long-subject")


def _lengths(text: str, variables: Mapping[str, object], fields: Mapping[str, object]) -> Iterator[int]:
    usual = {name: _usual(declared) for name, declared in fields.items()}
    sender = dict.fromkeys(SENDER, _TYPICAL["string"])
    for lead in ({}, usual):
        try:
            yield len(_READER.from_string(text).render(**variables, lead=lead, sender=sender).strip())
        except (TemplateError, TypeError, ValueError):  # a filter for values of another type: not our question
            continue


def _usual(declared: object) -> Any:
    kind = declared.get("type") if isinstance(declared, Mapping) else None
    return _TYPICAL.get(str(kind), _TYPICAL["string"])


def _addresses(body: str, variables: Mapping[str, object]) -> Iterator[Lint]:
    pieces = Pieces(body)
    lines = body.split("\n")
    for block in markdown().parse(pieces.take_out(body)):
        first = block.map[0] + 1 if block.map else 1
        for token in block.children or []:
            if token.type in {"link_open", "image"}:
                yield from _address(pieces, token, lines, first, variables)


def _address(
    pieces: Pieces, token: Token, lines: list[str], first: int, variables: Mapping[str, object]
) -> Iterator[Lint]:
    image = token.type == "image"
    address = pieces.put_back(str(token.attrs["src" if image else "href"]))
    place = _place(lines, first, address)
    begins = _BEGINS_WITH.match(address)
    start = str(variables.get(begins[1], "https://")) if begins else address
    if start.lower().startswith("http://") or (image and not start.startswith("https://")):
        kind = "image" if image else "link"
        yield Lint(*place, f"“{address}”: a{'n' * image} {kind} must begin with https://", "body", "https", "error")
    if image and not token.content.strip():
        message = "an image without words: many readers never load images; write ![what it shows](…)"
        yield Lint(*place, message, "body", "image-alt")


def _place(lines: list[str], first: int, address: str) -> tuple[int, int]:
    """Markdown knows the line its block begins on; the address is on it or soon after."""
    for number in range(first, len(lines) + 1):
        column = lines[number - 1].find(address)
        if column >= 0:
            return number, column + 1
    return first, 1


def _maybe_missing(key: str, text: str) -> Iterator[Lint]:
    if "lead." not in text:
        return
    for name, line in dict.fromkeys(_unguarded(_READER.parse(text), frozenset())):
        column = text.split("\n")[line - 1].find(name) + 1
        message = f"{name} is unknown for some leads, and leaves a hole then: write {{{{ {name} | default(…) }}}}"
        yield Lint(line, max(column, 1), message, key, "maybe-missing")


_Names = frozenset[str]


def _unguarded(node: nodes.Node, safe: _Names) -> Iterator[tuple[str, int]]:
    """Lead fields that are printed where nothing makes sure they are known: name and line."""
    name = _field(node)
    if name:
        if name not in safe:
            yield name, node.lineno
    elif isinstance(node, (nodes.If, nodes.CondExpr)):
        yield from _branches(node, safe)
    elif isinstance(node, nodes.Filter) and node.name == "default" and node.node and _field(node.node):
        for argument in node.args:
            yield from _unguarded(argument, safe)
    elif isinstance(node, nodes.Or):
        yield from _unguarded(node.left, safe | _known(node.left))
        yield from _unguarded(node.right, safe)
    else:
        for child in node.iter_child_nodes():
            yield from _unguarded(child, safe)


def _branches(node: nodes.If | nodes.CondExpr, safe: _Names) -> Iterator[tuple[str, int]]:
    """Each branch, with what its condition makes sure of. What is only asked about is not printed."""
    yes, no = safe | _known(node.test), safe | _known(node.test, holds=False)
    parts: list[tuple[nodes.Node, _Names]]
    if isinstance(node, nodes.CondExpr):
        parts = [(node.expr1, yes), *([(node.expr2, no)] if node.expr2 else [])]
    else:
        parts = [(one, yes) for one in node.body] + [(one, no) for one in (*node.elif_, *node.else_)]
    for part, names in parts:
        yield from _unguarded(part, names)


def _known(test: nodes.Node, *, holds: bool = True) -> _Names:
    """The lead fields that have a value when the test holds, or when it does not."""
    if isinstance(test, nodes.Not):
        return _known(test.node, holds=not holds)
    if isinstance(test, (nodes.And, nodes.Or)):
        left, right = _known(test.left, holds=holds), _known(test.right, holds=holds)
        return left | right if isinstance(test, nodes.And) is holds else left & right
    if isinstance(test, nodes.Test) and test.name in {"defined", "undefined"}:
        return _named(test.node) if (test.name == "defined") is holds else frozenset()
    return _named(test) if holds else frozenset()


def _named(node: nodes.Node) -> _Names:
    own = {name} if (name := _field(node)) else set()
    return frozenset(own | {name for part in node.find_all(nodes.Getattr) if (name := _field(part))})


def _field(node: nodes.Node) -> str:
    """``lead.NAME``, or "" for anything else."""
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == "lead":
        return f"lead.{node.attr}"
    return ""
