"""Reference pages that are written from the code: ``make docs``. A test fails while they differ from it."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from adapters.vendor import AnyVendor
from adapters.vendors import ALL
from cli.main import app
from runtime.settings import Settings

DOCS = Path(__file__).parents[1] / "docs"
_SETTINGS = """# Settings

Every setting is an environment variable, read once when a process starts; an empty one counts as not set. `tendril up`
takes some of them as options too (`tendril up --help`), passes what you set to the processes it starts, and points the
rest at its embedded parts: with `TENDRIL_DATABASE_URL` set it starts no PostgreSQL, with `TENDRIL_TEMPORAL_ADDRESS` set
no Temporal. Where a data directory is in use, `tendril up` signs with a secret of its own that it makes there.

Settings of single vendors come last. `tendril connect VENDOR` checks them with the vendor.

This page is written from `runtime/settings.py` and the vendors' modules by `make docs`.
"""
_CLI = """# The command line

`tendril COMMAND --help` says the same. A command that can't do what it was asked prints one line that says why and what
to do, and exits with code 1 (2 when the command line itself is wrong). Commands that talk to a database take it from
`TENDRIL_DATABASE_URL`, or else from the `tendril up` that runs on the data directory (`TENDRIL_DATA_DIR`).

This page is written from the commands themselves by `make docs`.
"""


def settings_page() -> str:
    """``docs/settings.md``: a table for each group of ``Settings``."""
    parts = [_SETTINGS]
    for group, names in _groups().items():
        rows = [_setting(name, Settings.model_fields[name]) for name in names]
        parts.append("\n".join([f"## {group}\n", "| variable | default | meaning |", "|---|---|---|", *rows]) + "\n")
    parts += [_vendor(vendor) for vendor in ALL.values()]
    return "\n".join(parts)


def _vendor(vendor: AnyVendor) -> str:
    prefix, fields = vendor.settings.model_config.get("env_prefix", ""), vendor.settings.model_fields
    rows = [_setting(name, field, prefix) for name, field in fields.items()]
    return "\n".join([f"## {vendor.title}\n", "| variable | default | meaning |", "|---|---|---|", *rows]) + "\n"


def cli_page() -> str:
    """``docs/cli.md``: every command with its arguments and options."""
    return "\n".join([_CLI, *(_command(path, command) for path, command in commands())])


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something: the words that call it, and Typer's own object for it."""
    return _below(typer.main.get_command(app()), "tendril")


def _below(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, below in command.commands.items():
        yield from _below(below, f"{path} {name}")


def _groups() -> dict[str, list[str]]:
    """Names of the settings below the comments that head their groups in the source."""
    groups: dict[str, list[str]] = {}
    for line in inspect.getsource(Settings).splitlines():
        if heading := re.fullmatch(r"    # (.+)", line):
            groups[heading[1].split(":")[0]] = []
        elif (name := re.match(r"    (\w+): ", line)) and name[1] in Settings.model_fields:
            groups[list(groups)[-1]].append(name[1])
    return groups


def _setting(name: str, field: FieldInfo, prefix: str = "TENDRIL_") -> str:
    default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    shown = "must be set" if field.is_required() else "" if default in {None, ""} else f"`{default}`"
    return f"| `{prefix}{name.upper()}` | {shown} | {field.description} |"


def _command(path: str, command: Any) -> str:
    lines = [f"## {path}\n", (command.help or "").strip(), ""]
    parameters = [one for one in command.params if one.name != "help"]
    if parameters:
        lines += ["| option | meaning |", "|---|---|"]
        lines += [f"| {_spelling(one)} | {getattr(one, 'help', '') or ''} |" for one in parameters]
        lines.append("")
    return "\n".join(lines)


def _spelling(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or (parameter.name or '').upper()}`"
    return ", ".join(f"`{one}`" for one in [*parameter.opts, *parameter.secondary_opts])


def write() -> None:
    (DOCS / "settings.md").write_text(settings_page(), encoding="utf-8")
    (DOCS / "cli.md").write_text(cli_page(), encoding="utf-8")


if __name__ == "__main__":
    write()
