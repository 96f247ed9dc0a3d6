"""Where a page or a text goes: to standard output, or to a file."""

import sys
from pathlib import Path

from cli.output import say
from domain.errors import Refused


def written(text: str, out: Path | None) -> None:
    """Write it. Raises ``Refused`` when the file can't be written."""
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{out} can't be written: {error.strerror or error}.", "Choose another file.") from error
    say(f"{out}: {'open it in a browser' if out.suffix.lower() in {'.html', '.htm'} else 'written'}.")
