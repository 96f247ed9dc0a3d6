"""A figure, how it is judged, and how figures are shown and kept."""

import json
import operator
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Progress = Callable[[str], None]
_COMPARE = {">=": operator.ge, "<=": operator.le, "==": operator.eq}


@dataclass(frozen=True)
class Figure:
    """One measured number. ``target`` reads ``>= 0.9``, ``<= 13`` or ``== 10``; empty when there is none."""

    name: str
    value: float
    unit: str
    target: str = ""

    @property
    def met(self) -> bool | None:
        if not self.target:
            return None
        sign, wanted = self.target.split()
        return bool(_COMPARE[sign](round(self.value, 3), float(wanted)))


def show(figures: Sequence[Figure], console: Console) -> None:
    table = Table("figure", "value", "target", "met", title="make bench")
    for figure in figures:
        met = {None: "", True: "yes", False: "[bold]no[/bold]"}[figure.met]
        table.add_row(figure.name, f"{figure.value:,.3g} {figure.unit}".strip(), figure.target, met)
    console.print(table)


def keep(figures: Sequence[Figure], path: Path, *, merge: bool = False) -> None:
    """Write the figures, with the kind of machine they were measured on.

    With ``merge`` figures of other names stay as they were, where the file was written by the same kind of machine.
    """
    machine = {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()}
    new = {figure.name: {**asdict(figure), "met": figure.met} for figure in figures}
    kept = {figure["name"]: figure for figure in _kept(path, machine)} if merge else {}
    document = {"machine": machine, "figures": list((kept | new).values())}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _kept(path: Path, machine: dict[str, str]) -> list[dict[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    figures: list[dict[str, Any]] = document.get("figures", []) if document.get("machine") == machine else []
    return figures
