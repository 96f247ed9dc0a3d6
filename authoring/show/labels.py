"""Labels and arrows of Mermaid, safe whatever people wrote.

Mermaid reads labels as Markdown and HTML, and quotes, brackets, ``#`` and ``;`` end things: all but plain characters
go in as Mermaid's own entities (``#35;``).
"""

import re
from textwrap import shorten

_LONGEST = 160
#: What can't be mistaken for Markdown or HTML where it stands: inside a word, after a letter, before a space.
_PLAIN = r"(?<=\w)[-_](?=\w)|(?<![\dwW])(?<=\w)\.|:(?=\s|$)"
_CHARACTER = re.compile(rf"(?P<plain>{_PLAIN})|[^\w ,?!'()–—…“”’·≥≤≠×→]|_")
#: Between two dollars, which would begin a formula.
_JOINER = "\u2060"
#: At the start of a line these make a list of it.
_LISTS = re.compile(r"^(\d+)\)")
STYLES = """\
  classDef stage fill:#dcefe6,stroke:#0b6e4f,color:#10231b
  classDef step fill:#ffffff,stroke:#7b8794,color:#1f2933
  classDef gate fill:#fdf3d7,stroke:#a8770a,color:#2b2005
  classDef trigger fill:#e6ecfa,stroke:#3557a5,color:#131f3d,stroke-dasharray:4 3
  classDef ending fill:#eceff1,stroke:#616e7c,color:#1f2933
  classDef good fill:#cfeadb,stroke:#0b6e4f,color:#10231b"""


def label(*lines: str, strong: bool = False) -> str:
    """A quoted label; empty lines are left out, long ones cut (Mermaid wraps them). ``strong``: the first is bold."""
    shown = [_safe(text) for line in lines if (text := shorten(line, _LONGEST, placeholder=" …"))]
    if strong and shown:
        shown[0] = f"<b>{shown[0]}</b>"
    return f'"{"<br/>".join(shown) or " "}"'


def _safe(text: str) -> str:
    text = "".join(character if character.isprintable() else " " for character in text).replace("$$", f"${_JOINER}$")
    return _LISTS.sub(r"\1#41;", _CHARACTER.sub(_entity, text))


def _entity(found: re.Match[str]) -> str:
    return found[0] if found["plain"] else f"#{ord(found[0])};"


def arrow(start: str, end: str, *lines: str, line: str = "-->") -> str:
    """An arrow, labelled when there are lines."""
    shown = f"|{label(*lines)}|" if any(lines) else ""
    return f"{start} {line}{shown} {end}"
