"""Links in content must lead somewhere from a mail, and never where a stranger's form input says."""

import re
from collections.abc import Iterator, Mapping

from authoring.compile import Pieces, markdown
from authoring.templates import Fault

_LEADS_SOMEWHERE = re.compile(r"(?:https?://[^/\s]|mailto:|tel:)", re.IGNORECASE)
_PIECE_NAME = re.compile(r"^\{\{-?\s*([a-z_][a-z0-9_.]*)")


def link_faults(body: str, variables: Mapping[str, object]) -> Iterator[Fault]:
    """Links of a Markdown body that can't be used. ``variables`` are the playbook's, by name."""
    pieces = Pieces(body)
    lines = body.split("\n")
    for block in markdown().parse(pieces.take_out(body)):
        line = block.map[0] + 1 if block.map else 1
        for token in block.children or []:
            if token.type == "link_open":
                address = pieces.put_back(str(token.attrs["href"]))
                message = _wrong(address, variables)
                if message:
                    yield Fault(*_place(lines, line, address), message)


def _wrong(address: str, variables: Mapping[str, object]) -> str:
    begins = _PIECE_NAME.match(address)
    if begins is None:
        return "" if _LEADS_SOMEWHERE.match(address) else f"“{address}” leads nowhere from a mail: begin with https://"
    name = begins[1]
    if name.startswith("lead."):
        return f"a link can't begin with “{name}”: the lead's own data would choose where it leads"
    if name in variables and not _LEADS_SOMEWHERE.match(str(variables[name])):
        return f"the variable “{name}” does not begin with https://, so this link leads nowhere from a mail"
    return ""


def _place(lines: list[str], first: int, address: str) -> tuple[int, int]:
    """Markdown knows the line its block begins on; the link is on it or soon after."""
    for number in range(first, len(lines) + 1):
        column = lines[number - 1].find(address)
        if column >= 0:
            return number, column + 1
    return first, 1
