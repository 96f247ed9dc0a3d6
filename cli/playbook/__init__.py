"""``tendril playbook``: a module for each command, named after it."""

from collections.abc import Callable
from typing import Any

from typer import Typer

from cli.playbook import apply, check, diff, plan, preview, rollback, schema, show, versions
from cli.playbook import list as list_
from cli.playbook import test as test_
from cli.playbook import trace as trace_

#: Commands in the order in which a playbook's author meets them. Each module has its help in ``HELP``.
_COMMANDS: dict[str, tuple[Callable[..., Any], str]] = {
    "check": (check.check, check.HELP),
    "trace": (trace_.trace, trace_.HELP),
    "test": (test_.run_tests, test_.HELP),
    "show": (show.show, show.HELP),
    "preview": (preview.preview, preview.HELP),
    "schema": (schema.schema, schema.HELP),
    "diff": (diff.diff, diff.HELP),
    "plan": (plan.plan, plan.HELP),
    "apply": (apply.apply, apply.HELP),
    "rollback": (rollback.rollback, rollback.HELP),
    "versions": (versions.versions, versions.HELP),
    "list": (list_.in_force, list_.HELP),
}

app = Typer(no_args_is_help=True, help="Playbooks: directories of YAML and Markdown, checked and put in force.")
for _name, (_command, _help) in _COMMANDS.items():
    app.command(_name, help=_help)(_command)
