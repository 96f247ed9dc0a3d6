"""What a journey is told of behaviour: names for whoever reads the history, and nothing personal (DESIGN decision 9).

A site's paths are not ours: ``/invite/ann@…`` and ``/reset/<token>`` name a person. Of a page only the first part of
its path is told, and not even that where it could be somebody's. An event's name is what the playbook calls it too.
"""

import re
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

_LIMIT = 60
_EVENT, _PAGE = "(event)", "(page)"
#: Made by a machine, for one person: long without a break, a long number, or letters mixed with digits.
_TOKEN = re.compile(r"[^\W_]{20,}|\d{5,}|(?=[^\W_]*\d)(?=[^\W_]*[a-zA-Z])[^\W_]{10,}")


def told(types: Sequence[str]) -> list[str]:
    """The names to tell, each once, in order."""
    return list(dict.fromkeys(_page(name) if _is_page(name) else _event(name) for name in types))


def _is_page(name: str) -> bool:
    return name.startswith("/") or "://" in name


def _event(name: str) -> str:
    return _EVENT if "@" in name else name[:_LIMIT]


def _page(name: str) -> str:
    """``/pricing`` as it is, ``/invite/ann@…`` as ``/invite/…``."""
    try:
        path = urlsplit(name).path
    except ValueError:
        return _PAGE
    first, *rest = unquote(path).lstrip("/").split("/")
    if "@" in first or _TOKEN.search(first):
        return _PAGE
    return f"/{first[:_LIMIT]}" + ("/…" if any(rest) else "")
