"""``tendril playbook preview``."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Option, echo

from authoring.preview import preview_page
from cli.playbook.directory import Directory
from domain.errors import Refused
from runtime.playbooks import read_directory

HELP = "One HTML page with every mail of the playbook as an invented lead would get it."


def preview(
    directory: Directory,
    out: Annotated[Path | None, Option(help="Write the page here instead of to standard output.")] = None,
) -> None:
    page = preview_page(read_directory(directory))
    if out is None:
        sys.stdout.write(page)
        return
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{out} can't be written: {error.strerror or error}.", "Choose another file.") from error
    echo(f"{out}: open it in a browser.")
