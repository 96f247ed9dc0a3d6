"""Which days matter to a condition: ``days.quiet >= 45`` can only change its answer on the 45th.

Time moves the ``days.*`` and ``.days_ago`` variables by one each day. A condition that compares such a variable with
numbers alone changes its answer only where the variable passes one of them; one that calculates with it, or compares
two of them, might on any day.
"""

import re
from collections.abc import Iterable, Mapping

from domain.playbook.conditions import Condition

#: Variable → the values at which a condition may change its answer; None: any.
Marks = Mapping[str, frozenset[int] | None]

_MOVING = re.compile(r"(?<![\w.])(?:days\.\w+|behaviour\.\w+\.days_ago)\b")
_LITERALS = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|//[^\n]*""")
_OPERATOR = r"(?:>=|<=|==|!=|>|<)"
#: A comparison with a number stands alone: what is around it is a logical operator or a bracket, never arithmetic.
_BEGINS, _ENDS = r"(?:^|[(\[,?:!]|&&|\|\|)\s*", r"\s*(?:$|[)\],?:]|&&|\|\|)"
_COMPARED = re.compile(rf"\s*{_OPERATOR}\s*(\d+){_ENDS}")
_COMPARING = re.compile(rf"{_BEGINS}(\d+)\s*{_OPERATOR}\s*$")
_ALONE_BEFORE, _ALONE_AFTER = re.compile(rf"{_BEGINS}$"), re.compile(_ENDS)


def marks_of(condition: Condition) -> Marks:
    """The days that matter to one condition by what it says itself."""
    text = _LITERALS.sub('""', condition.text)
    marks: dict[str, frozenset[int] | None] = {}
    for found in _MOVING.finditer(text):
        marks = united([marks, {found[0]: _values(text[: found.start()], text[found.end() :])}])
    return marks


def united(parts: Iterable[Marks]) -> dict[str, frozenset[int] | None]:
    """What matters to any of them."""
    whole: dict[str, frozenset[int] | None] = {}
    for part in parts:
        for name, values in part.items():
            known = whole.get(name, frozenset())
            whole[name] = None if known is None or values is None else known | values
    return whole


def _values(before: str, after: str) -> frozenset[int] | None:
    """Values around which a comparison flips, from the text on both sides of the variable."""
    compared, comparing = _COMPARED.match(after), _COMPARING.search(before)
    if compared and _ALONE_BEFORE.search(before):
        number = compared[1]
    elif comparing and _ALONE_AFTER.match(after):
        number = comparing[1]
    else:
        return None
    return frozenset({int(number), int(number) + 1})  # ``>= n`` flips on reaching n, ``> n`` and ``== n`` one later
