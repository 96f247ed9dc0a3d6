"""``tendril playbook show``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from authoring.show import as_data, as_html, as_markdown, as_text
from cli.nearest import did_you_mean
from cli.playbook.directory import Directory
from cli.playbook.written import written
from domain.errors import Refused
from domain.playbook.models import Playbook
from runtime.playbooks import read_directory

Format = Literal["mermaid", "html", "text", "json"]

HELP = """Show what a playbook does: stages, tracks, triggers and ways out, with every touch and every rule in words.

`mermaid` is Markdown with diagrams, which a pull request draws; `html` is one page with a board for each segment, which
needs no network. `--out` chooses the form by the file's ending (.html, .md, .txt, .json).

Examples: `tendril playbook show playbooks/b2b-saas --out playbook.html`,
`tendril playbook show playbooks/b2b-saas --segment executive`
"""

_ENDINGS: dict[str, Format] = {".html": "html", ".htm": "html", ".md": "mermaid", ".mmd": "mermaid", ".json": "json"}


def show(
    directory: Directory,
    out: Annotated[Path | None, Option(help="Write to this file instead of to standard output.")] = None,
    segment: Annotated[str | None, Option(help="Only what this segment gets.")] = None,
    form: Annotated[
        Format | None, Option("--format", help="How to show it; Mermaid when nothing else is said.")
    ] = None,
) -> None:
    document = read_directory(directory)
    _known(document, segment)
    written(_FORMS[form or _form_of(out)](document, segment), out)


def _form_of(out: Path | None) -> Format:
    return "mermaid" if out is None else _ENDINGS.get(out.suffix.lower(), "text")


def _known(document: Playbook, segment: str | None) -> None:
    """Raises ``Refused`` for a segment that does not exist."""
    names = [one.id for one in document.segments]
    if segment is not None and segment not in names:
        remedy = did_you_mean(segment, names) or f"There are {', '.join(names)}."
        raise Refused(f"Playbook {document.name} has no segment “{segment}”.", remedy)


def _as_json(document: Playbook, segment: str | None) -> str:
    return json.dumps(as_data(document, segment), indent=2, ensure_ascii=False) + "\n"


_FORMS: dict[Format, Callable[[Playbook, str | None], str]] = {
    "mermaid": as_markdown,
    "html": as_html,
    "text": as_text,
    "json": _as_json,
}
