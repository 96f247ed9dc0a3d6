"""The ``tendril`` command: one Typer app, a module for each group of commands.

To add a group, write ``cli/NAME.py`` with a Typer app called ``app`` and add it to ``_GROUPS``; to add a single
command, add its function to ``_COMMANDS``. A command ends with a clear message by raising ``domain.errors.Refused``
(message and remedy); nothing here prints a stack trace for a user's mistake.

Only the module of the command that is asked for is loaded: a playbook's check need not wait for the database's driver.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

import typer
from rich.console import Console

from domain.errors import Refused

#: Command → module and function; group → module. In the order in which help lists them.
_COMMANDS = {
    "up": ("cli.up", "up"),
    "api": ("cli.processes", "api"),
    "worker": ("cli.processes", "worker"),
    "migrate": ("cli.processes", "migrate"),
    "connect": ("cli.connect", "connect"),
    "audit": ("cli.audit", "audit"),
    "replay": ("cli.replay", "replay"),
    "ui": ("cli.ui", "ui"),
}
_GROUPS = {
    "leads": "cli.leads",
    "journeys": "cli.journeys",
    "operations": "cli.operations",
    "hold": "cli.hold",
    "events": "cli.events",
    "playbook": "cli.playbook",
    "touches": "cli.touches",
    "crm": "cli.crm",
    "mail": "cli.mail",
    "audiences": "cli.audiences",
    "suppressions": "cli.suppressions",
    "retention": "cli.retention",
    "keys": "cli.keys",
}


def app(only: str | None = None) -> typer.Typer:
    """The whole app, or as much of it as the command or group ``only`` needs."""
    built = typer.Typer(
        name="tendril",
        help="Lead nurturing as durable, explainable software.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    built.callback()(_nothing)
    for name, (module, function) in _COMMANDS.items():
        if only in {None, name}:
            built.command(name)(getattr(import_module(module), function))
    for name, module in _GROUPS.items():
        if only in {None, name}:
            built.add_typer(import_module(module).app, name=name)
    return built


def _nothing() -> None:  # keeps an app of one command a group: its name stays a word of the command line
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line (the process's own by default). A refusal is one line on standard error and exit code 1."""
    words = sys.argv[1:] if arguments is None else arguments
    asked = words[0] if words and words[0] in {*_COMMANDS, *_GROUPS} else None
    try:
        app(asked)(arguments)
    except Refused as refusal:
        remedy = f" {refusal.remedy}" if refusal.remedy else ""
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"tendril: {refusal}{remedy}")
        sys.exit(1)
