"""Conditions in plain words: ``behaviour.pricing_page.in_30d >= 1`` is “looked at pricing in the last 30 days”.

For screens, the CRM and the seller's brief, where nobody reads CEL. What there are no words for keeps its own text, so
nothing is ever left out unsaid.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from weakref import WeakKeyDictionary

from domain.playbook import spoken
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from domain.playbook.spoken import either, some
from domain.playbook.syntax import Call, Compare, Items, Logic, Name, Node, Not, Sum, Value, read

_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_AND, _EITHER = ", and ", "either "
_WORD = re.compile(r"[\w &-]+")


class Phrases:
    """Words for the conditions of one playbook, with its own labels."""

    def __init__(self, playbook: Playbook) -> None:
        self._labels = spoken.Labels(playbook)
        self._said: dict[tuple[str, int], str] = {}

    def say(self, condition: str, most: int = 160) -> str:
        """A condition in at most so many characters: alternatives that don't fit are counted, not cut in the middle."""
        key = (condition, most)
        if key not in self._said:
            self._said[key] = self._fit(read(condition), most)
        return self._said[key]

    def _fit(self, node: Node, most: int, *, holds: bool = True) -> str:
        whole = self._words(node, holds=holds)
        if len(whole) <= most:
            return whole
        if isinstance(node, Not):
            return self._fit(node.of, most, holds=not holds)
        if not isinstance(node, Logic):
            return shortened(whole, most)
        counted = self._some_ways if self._is_choice(node, holds) else self._some_demands
        return shortened(counted(node, most, holds), most)

    def _some_ways(self, node: Logic, most: int, holds: bool) -> str:
        """As many alternatives as fit, at least one, and how many others there are."""
        parts = self._alternatives(node.parts, holds)
        told = _one_of(parts)
        for kept in range(len(parts) - 1, 0, -1):
            rest = len(parts) - kept
            told = f"{', '.join(parts[:kept])} or in {rest} other {'way' if rest == 1 else 'ways'}"
            if len(told) <= most:
                break
        return told

    def _some_demands(self, node: Logic, most: int, holds: bool) -> str:
        """Everything demanded; alternatives among it share the room that the rest leaves them."""
        parts = _guarded(node.parts)
        choices = [part for part in parts if self._is_choice(part, holds)]
        plain = [self._words(part, holds=holds) for part in parts if part not in choices]
        room = most - sum(len(words) + len(_AND) for words in plain)
        share = room // max(len(choices), 1) - len(_AND) - len(_EITHER)
        return _joined(plain + [_EITHER + self._fit(part, share, holds=holds) for part in choices])

    def _words(self, node: Node, *, holds: bool) -> str:
        """The words for a condition, or for its opposite."""
        if isinstance(node, Not):
            return self._words(node.of, holds=not holds)
        if isinstance(node, Logic):
            return self._logic(node, holds)
        said = self._said_by(node, holds)
        return said or (node.text if holds else f"not: {node.text}")

    def _logic(self, node: Logic, holds: bool) -> str:
        if (node.op == "||") == holds:
            return _one_of(self._alternatives(node.parts, holds))
        return _joined(self._together(node.parts, holds))

    def _together(self, parts: Sequence[Node], holds: bool) -> list[str]:
        """What must hold together; alternatives among it come last, where they can't be misread."""
        said = [(self._is_choice(part, holds), self._words(part, holds=holds)) for part in _guarded(parts)]
        plain = [words for choice, words in said if not choice]
        return plain + [_EITHER + words for choice, words in said if choice]

    def _is_choice(self, node: Node, holds: bool) -> bool:
        if isinstance(node, Not):
            return self._is_choice(node.of, not holds)
        return isinstance(node, Logic) and (node.op == "||") == holds

    def _alternatives(self, parts: Sequence[Node], holds: bool) -> list[str]:
        """One phrase each; behaviours that are asked the same about share one."""
        said: list[str] = []
        alike: list[str] = []
        asked: tuple[str, str, float] | None = None
        for part in parts:
            name, question = self._count(part) if holds else ("", None)
            if question is None or question != asked:
                said += self._shared(alike, asked)
                alike, asked = [], question
            if question is None:
                said.append(self._words(part, holds=holds))
            else:
                alike.append(name)
        return said + self._shared(alike, asked)

    def _shared(self, names: Sequence[str], asked: tuple[str, str, float] | None) -> list[str]:
        if asked is None or not names:
            return []
        suffix, op, number = asked
        return [self._labels.behaviours(names, suffix, op, number) or ""]

    def _count(self, node: Node) -> tuple[str, tuple[str, str, float] | None]:
        """A behaviour's name, and what is asked about it: (suffix, operator, number)."""
        if isinstance(node, Compare):
            left, op, right = _ordered(node)
            name, suffix = self._labels.behaviour(left.text) if isinstance(left, Name) else ("", "")
            number = _number(right)
            if name and number is not None and self._labels.behaviours([name], suffix, op, number):
                return name, (suffix, op, number)
        return "", None

    def _said_by(self, node: Node, holds: bool) -> str:
        """Words for one question, or "" when there are none."""
        match node:
            case Value(value=bool(value)):
                return "always" if value is holds else "never"
            case Name(text=name):
                return self._labels.yes_or_no(name, holds)
            case Compare(op="in"):
                return self._membership(node, holds)
            case Compare():
                return self._comparison(node, holds)
            case Call():
                return self._called(node, holds)
        return ""

    def _membership(self, node: Compare, holds: bool) -> str:
        match node.left, node.right:
            case Value(value=str(value)), Name(text="known"):
                return f"{self._labels.field(value)} is {'' if holds else 'not '}known"
            case Value(value=str(value)), Name(text="sales.rejections"):
                reason = value.replace("_", " ")
                return f"sales {'gave it back' if holds else 'never gave it back'} for: {reason}"
            case Value(value=str(value)), Name(text=name):
                return f"{self._labels.field(name)} {'has' if holds else 'has not'} {value}"
            case Name(text=name), Items(items=items) if all(isinstance(item, Value) for item in items):
                values = [item.value for item in items if isinstance(item, Value)]
                return self._labels.one_of(name, values, holds)
        return ""

    def _comparison(self, node: Compare, holds: bool) -> str:
        left, op, right = _ordered(node)
        op = op if holds else _OPPOSITE[op]
        number = _number(right)
        if isinstance(left, Sum) and number is not None:
            return self._summed(left, op, number)
        match left, right:
            case Name(text=name), Value(value=bool(value)):
                return self._labels.yes_or_no(name, value is (op == "=="))
            case Name(text=name), Value(value=str(value)) if op in {"==", "!="}:
                return self._labels.one_of(name, [value], op == "==")
            case Name(text=name), _ if number is not None:
                return self._labels.measured(name, op, number)
        return ""

    def _summed(self, total: Sum, op: str, number: float) -> str:
        found = [self._labels.behaviour(part.text) if isinstance(part, Name) else ("", "") for part in total.parts]
        suffixes = {suffix for _, suffix in found}
        if not all(name for name, _ in found) or len(suffixes) != 1:
            return ""
        return self._labels.behaviours([name for name, _ in found], suffixes.pop(), op, number, in_all=True)

    def _called(self, node: Call, holds: bool) -> str:
        verbs = {"endsWith": "ends in", "startsWith": "starts with", "contains": "contains", "matches": "mentions"}
        match node.method, node.arguments:
            case method, (Value(value=str(value)),) if method in verbs and node.target:
                words = _mentioned(value) if method == "matches" else [value]
                verb = "matches" if not words else verbs[method]
                quoted = some([f"“{word}”" for word in words or [value]])
                return f"{self._labels.field(node.target)} {'' if holds else 'not: '}{verb} {quoted}"
        return ""


_known: WeakKeyDictionary[CompiledPlaybook, Phrases] = WeakKeyDictionary()


def phrases_of(playbook: CompiledPlaybook) -> Phrases:
    """The phrases of a compiled playbook, made once."""
    found = _known.get(playbook)
    if found is None:
        found = _known[playbook] = Phrases(playbook.document)
    return found


def shortened(text: str, most: int) -> str:
    """Cut between words."""
    if len(text) <= most:
        return text
    most = max(most, 1)
    return text[: most - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def _ordered(node: Compare) -> tuple[Node, str, Node]:
    """The variable first: ``2 <= x`` is ``x >= 2``."""
    if node.op in _MIRRORED and isinstance(node.left, Value) and not isinstance(node.right, Value):
        return node.right, _MIRRORED[node.op], node.left
    return node.left, node.op, node.right


def _number(node: Node) -> float | None:
    return node.value if isinstance(node, Value) and not isinstance(node.value, str | bool) else None


def _mentioned(pattern: str) -> list[str]:
    """The words of a regular expression that is only a choice of words; none when it is more."""
    bare = re.sub(r"\(\?[a-z]+\)|\\b|[\^$]", "", pattern)
    words = bare.removeprefix("(").removesuffix(")").split("|")
    return words if all(_WORD.fullmatch(word) for word in words) else []


def _guarded(parts: Sequence[Node]) -> list[Node]:
    """Without “is known” where the same field is compared as well: only the machine needs to be told both."""
    return [part for part in parts if not _only_guards(part, parts)]


def _only_guards(part: Node, among: Sequence[Node]) -> bool:
    match part:
        case Compare(left=Value(value=str(field)), op="in", right=Name(text="known")):
            return any(re.search(rf"\blead\.{re.escape(field)}\b", other.text) for other in among)
    return False


def _joined(parts: Sequence[str]) -> str:
    """With “and”; what is said of the same field twice names it once."""
    told = [parts[0]]
    for before, part in pairwise(parts):
        subject = before.partition(": ")[0] + ": "
        told.append(part.removeprefix(subject) if ": " in before else part)
    return (_AND if any(" or " in part for part in parts) else " and ").join(told)


def _one_of(parts: Sequence[str]) -> str:
    """With “or”, set off by a comma where a part has an “or” of its own."""
    return ", or ".join(parts) if any(" or " in part for part in parts) else either(parts)
