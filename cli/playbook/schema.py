"""``tendril playbook schema``."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Option, echo

from authoring.jsonschema import SCHEMAS
from domain.errors import Refused

HELP = """The JSON Schema of what is written in a playbook, for editors: they complete keys and check values.

Needs no database. A first line `# yaml-language-server: $schema=…` in a YAML file tells the editor where it is.

Example: `tendril playbook schema --out .tendril/playbook.schema.json`
"""


class Of(StrEnum):
    """What a schema is of."""

    playbook = "playbook"
    content = "content"
    scenario = "scenario"


_NAMES = {Of.playbook: "playbook", Of.content: "content file's front matter", Of.scenario: "scenario"}


def schema(
    of: Annotated[
        Of, Option(help="`playbook.yaml`, the front matter of `content/*.md`, or a scenario in `tests/*.yaml`.")
    ] = Of.playbook,
    out: Annotated[Path | None, Option(help="Write it here instead of to standard output.")] = None,
) -> None:
    text = json.dumps(SCHEMAS[of](), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{out} can't be written: {error.strerror or error}.", "Choose another file.") from error
    hint = "" if of is Of.content else f" First line of a file, for editors: # yaml-language-server: $schema={out}"
    echo(f"{out} holds the schema of a {_NAMES[of]}.{hint}")
