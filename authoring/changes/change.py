"""One thing that differs between two versions."""

from dataclasses import dataclass
from typing import Any, Literal

#: ``retimed`` is a change of a duration: a gap, a delay, an answer time.
Kind = Literal["added", "removed", "moved", "retimed", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """``section`` is the heading it belongs under, ``subject`` what it is about, ``text`` what is different about that.

    ``path`` are keys and names from the document's root; steps are under ``steps``, wherever they stand. ``old`` and
    ``new`` are as they are written, null where there is nothing; ``lines`` are those of a text that differ, each with
    ``+`` or ``-`` before it.
    """

    kind: Kind
    section: str
    subject: str
    text: str
    path: tuple[str, ...]
    old: Any = None
    new: Any = None
    lines: tuple[str, ...] = ()
