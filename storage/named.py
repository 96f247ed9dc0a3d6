r"""Where a person stands by name in what is kept raw: dead letters, and vendors' requests as they came.

Names are looked for as text, in every spelling that JSON, JSON within a string of JSON, and a form have for them, and
with what must not stand beside them, or ``ann@`` would be found in ``joann@``. One search serves erasing and exporting.

- An address, wherever it stands.
- An id of eight characters and more, wherever it stands as a word of its own.
- A shorter id, which may stand anywhere by chance, where it is a whole text or a field of a form, and a number where
  it is what a key ending in ``id`` says.

Only PostgreSQL searches with these patterns. Names and texts are whatever strangers sent, and its search takes time in
proportion to both (0.02 s for a name of 250 backslashes in a megabyte of them), where Python's ``re``, which goes back
over what it tried, took 18 s for ten in as many, and lets nothing else of the process run meanwhile.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import idna

from storage.database import Connection

#: Dead letters and requests that name somebody; ``$1`` are their ``patterns``. ``encode`` never fails, whatever bytes
#: came: those of no ASCII are written ``\303\251``, which is one more spelling.
LETTERS = "from dead_letter d where d.body::text ~* any($1::text[]) or d.reason ~* any($1::text[])"
REQUESTS = "from webhook_request w where encode(w.body, 'escape') ~* any($1::text[])"

_NAMED = "select text ~* any($2::text[]) as named from unnest($1::text[]) with ordinality as t (text, nth) order by nth"

#: Lists within one another, and texts within these, that ``own`` looks into.
_DEEPEST = 100
_SHORT = 8
#: Names in one pattern: with some hundreds PostgreSQL takes minutes, and keeps 32 patterns ready.
_AT_ONCE = 40
#: Characters of them, unless one has more: what it takes to prepare a pattern grows with the square of its length.
_LONGEST = 20_000
#: What is never written otherwise, and how else JSON and forms write some of the rest.
_PLAIN = frozenset("-._~")
_OTHERWISE = {'"': r"\\*\"", "\\": r"\\+", "/": r"\\+/", " ": r"\+", "\n": r"\\+n", "\r": r"\\+r", "\t": r"\\+t"}
#: The end of a character written with an escape: what follows it begins a word.
_ESCAPE = r"\\[bfnrt]|\\u[0-9a-f]{4}|%[0-9a-f]{2}|\\[0-3][0-7]{2}"


def patterns(names: Iterable[str]) -> list[str]:
    """What finds any of the names, whatever their case; nothing finds nobody."""
    found = [_found(name) for name in sorted(set(names)) if name]
    together: list[list[str]] = []
    for one in found:
        if not together or len(together[-1]) == _AT_ONCE or sum(map(len, together[-1])) + len(one) > _LONGEST:
            together.append([])
        together[-1].append(one)
    return ["|".join(some) for some in together]


async def own(connection: Connection, raw: Any, patterns: Sequence[str]) -> Any:
    """What was kept raw (bytes, text or JSON's values), read, without what its lists say of others.

    A vendor tells of many people in one request. What is nested too deeply to be read is given as it came.
    """

    async def named(values: Sequence[Any]) -> list[bool]:
        # Escaped, as everything that is no ASCII is then: PostgreSQL takes no half of a surrogate, which JSON may have.
        rows = await connection.fetch(_NAMED, [json.dumps(value) for value in values], patterns)
        return [row["named"] for row in rows]

    try:
        return await _own(raw.decode(errors="replace") if isinstance(raw, bytes) else raw, named, 0)
    except RecursionError:
        return raw


async def _own(raw: Any, named: Callable[[Sequence[Any]], Awaitable[list[bool]]], depth: int) -> Any:
    if depth == _DEEPEST:
        return raw
    if isinstance(raw, dict):
        return {key: await _own(value, named, depth + 1) for key, value in raw.items()}
    if isinstance(raw, list):
        mine = [one for one, is_mine in zip(raw, await named(raw), strict=True) if is_mine]
        return [await _own(one, named, depth + 1) for one in mine or raw]
    read = _read(raw) if isinstance(raw, str) else None
    return raw if read is None or not all(await named([raw])) else await _own(read, named, depth + 1)


def _read(text: str) -> Any:
    """The object or list that a text is in JSON, with no half of a surrogate; None where it is none."""
    if text[:1] not in {"{", "["}:
        return None
    try:
        return json.loads(json.dumps(json.loads(text), ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return None


def _found(name: str) -> str:
    if "@" in name:
        return _address("|".join(map(_spelled, _readable(name))))
    spelled = _spelled(name)
    if len(name) >= _SHORT:
        return _word(spelled)
    return f"{_whole(spelled)}|{_number(spelled)}" if name.isdecimal() else _whole(spelled)


def _address(spelled: str) -> str:
    return rf"(?:^|[^a-z0-9._-]|{_ESCAPE})(?:{spelled})(?![a-z0-9_-]|\.[a-z0-9])"


def _word(spelled: str) -> str:
    return rf"(?:^|[^a-z0-9_.@-]|{_ESCAPE})(?:{spelled})(?![a-z0-9_@-]|%40|\.[a-z0-9])"


def _whole(spelled: str) -> str:
    return rf'"(?:{spelled})\\*"|=(?:{spelled})(?:[&"#\\]|$)'


def _number(spelled: str) -> str:
    return rf'id\\*"\s*:\s*(?:{spelled})(?![a-z0-9._-])'


def _readable(address: str) -> list[str]:
    """The address as it is stored, and with its domain as people write it."""
    local, _, domain = address.rpartition("@")
    try:
        return [address] if "xn--" not in domain else [address, f"{local}@{idna.decode(domain)}"]
    except idna.IDNAError:
        return [address]


def _spelled(name: str) -> str:
    return "".join(map(_ways, name))


def _ways(mark: str) -> str:
    if mark.isascii() and (mark.isalnum() or mark in _PLAIN):
        return re.escape(mark)
    ways = {_OTHERWISE.get(mark, re.escape(mark))}
    for way in {mark, mark.lower(), mark.upper()}:
        said = way.encode(errors="replace")
        units = way.encode("utf-16-be", errors="replace").hex()
        ways |= {re.escape(way), "".join(f"%{byte:02x}" for byte in said)}
        ways.add("".join(rf"\\+u{units[at : at + 4]}" for at in range(0, len(units), 4)))
        if not mark.isascii():
            ways.add("".join(rf"\\{byte:03o}" for byte in said))
    return f"(?:{'|'.join(sorted(ways))})"
