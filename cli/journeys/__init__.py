"""``tendril journeys``: where every lead is and why, what operators change, and how a bug's traces are mended."""

from collections.abc import Callable
from typing import Any

from typer import Typer

from cli.journeys import commanding, explaining, listing, recovering, refusing, stuck, timeline, tree

#: Commands in the order in which help lists them: to see, to change, to recover. Each has its help beside it.
_SEE: dict[str, tuple[Callable[..., Any], str]] = {
    "list": (listing.list_journeys, listing.HELP),
    "explain": (explaining.explain, explaining.HELP),
    "why-not": (refusing.refuse, refusing.HELP),
    "timeline": (timeline.timeline, timeline.HELP),
    "tree": (tree.tree, tree.HELP),
    "stuck": (stuck.stuck, stuck.HELP),
}
_CHANGE: dict[str, tuple[Callable[..., Any], str]] = {**commanding.COMMANDS}
_RECOVER: dict[str, tuple[Callable[..., Any], str]] = {
    "reset": (recovering.reset, recovering.RESET),
    "download": (recovering.download, recovering.DOWNLOAD),
}

app = Typer(no_args_is_help=True, help="Journeys: where every lead is, why, and what comes next.")
for _name, (_command, _help) in {**_SEE, **_CHANGE, **_RECOVER}.items():
    app.command(_name, help=_help)(_command)
