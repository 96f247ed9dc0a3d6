"""SOQL, put together so that no value can become part of the question.

Values are quoted as Salesforce documents it (SOQL and SOSL Reference, "Quoted String Escape Sequences"); names of
fields are held to what a name may be. Record ids are 15 or 18 letters and digits; their first three say what it is of
(Contact 003, Lead 00Q, User 005, Task 00T, Opportunity 006).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from domain.errors import OurFault

CONTACT, LEAD, USER, TASK, OPPORTUNITY = "Contact", "Lead", "User", "Task", "Opportunity"
_PREFIXES = {"003": CONTACT, "00Q": LEAD, "005": USER, "00T": TASK, "006": OPPORTUNITY}
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*")
_ESCAPED = str.maketrans(
    {"\\": r"\\", "'": r"\'", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f"}
)
#: Characters of values in one query: Salesforce takes addresses of 16,384 bytes, and each may take three when encoded.
_MOST = 4000


def quoted(value: str) -> str:
    """A text as SOQL writes it."""
    return f"'{value.translate(_ESCAPED)}'"


def among(values: Iterable[str]) -> str:
    """For ``IN``. An empty list is one that nothing is in."""
    return f"({', '.join(map(quoted, values)) or quoted('')})"


def instant(at: datetime) -> str:
    """A time as SOQL writes it, without quotes."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def selected(names: Iterable[str]) -> str:
    """For ``SELECT``: each once. Raises ``OurFault`` when one is no name of a field."""
    once = list(dict.fromkeys(names))
    if wrong := [name for name in once if not _NAME.fullmatch(name)]:
        raise OurFault(f"salesforce has no field of the name {wrong[0]!r}", vendor="salesforce", code="field")
    return ", ".join(once)


def select(names: Iterable[str], kind: str, where: str, order: str = "") -> str:
    """The question. ``where`` is made of names, ``quoted``, ``among`` and ``instant`` alone."""
    ordered = f" ORDER BY {order}" if order else ""
    return f"SELECT {selected(names)} FROM {kind} WHERE {where}{ordered}"  # noqa: S608 - nothing in it is as it came


def kind_of(identity: str) -> str:
    """What record an id is of; "" when it is none that we know."""
    return _PREFIXES.get(identity[:3], "") if _ID.fullmatch(identity) else ""


def fitting(values: Sequence[tuple[str, ...]], most: int = 200) -> Iterator[Sequence[tuple[str, ...]]]:
    """As many at a time as one query takes."""
    start = size = 0
    for at, texts in enumerate(values):
        length = sum(len(text) + 4 for text in texts)
        if at > start and (size + length > _MOST or at - start >= most):
            yield values[start:at]
            start, size = at, 0
        size += length
    if start < len(values):
        yield values[start:]
