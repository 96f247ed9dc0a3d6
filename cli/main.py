"""The ``tendril`` command: one Typer app, a module for each group of commands.

To add a group, write ``cli/NAME.py`` with a Typer app called ``app`` and add it to ``_GROUPS``; to add a single
command, add its function to ``_COMMANDS``. A command ends with a clear message by raising ``domain.errors.Refused``
(message and remedy); nothing here prints a stack trace for a user's mistake.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer
from rich.console import Console

from cli import events, journeys, keys, leads, playbook, processes, touches, up
from domain.errors import Refused

_COMMANDS: list[Callable[..., Any]] = [up.up, processes.api, processes.worker, processes.migrate]
_GROUPS: dict[str, typer.Typer] = {
    "leads": leads.app,
    "journeys": journeys.app,
    "events": events.app,
    "playbook": playbook.app,
    "touches": touches.app,
    "keys": keys.app,
}

app = typer.Typer(
    name="tendril",
    help="Lead nurturing as durable, explainable software.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for _command in _COMMANDS:
    app.command()(_command)
for _name, _group in _GROUPS.items():
    app.add_typer(_group, name=_name)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line (the process's own by default). A refusal is one line on standard error and exit code 1."""
    try:
        app(arguments)
    except Refused as refusal:
        remedy = f" {refusal.remedy}" if refusal.remedy else ""
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"tendril: {refusal}{remedy}")
        sys.exit(1)
