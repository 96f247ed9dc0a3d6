"""The argument that most of these commands take."""

from pathlib import Path
from typing import Annotated

from typer import Argument

Directory = Annotated[Path, Argument(metavar="DIR", help="The playbook's directory, which holds playbook.yaml.")]
