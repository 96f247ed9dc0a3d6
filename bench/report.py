"""A figure, how it is judged, and how figures are shown and kept."""

import json
import operator
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
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


def keep(measured: Mapping[str, Sequence[Figure]], path: Path) -> None:
    """Write each measure's figures, with the day and the kind of machine they were measured on.

    Other measures stay as they were, where the file was written by the same kind of machine.
    """
    machine = {"python": platform.python_version(), "system": platform.system(), "processor": platform.machine()}
    measures = _kept(path, machine)
    for name, figures in measured.items():
        written = [{**asdict(figure), "met": figure.met} for figure in figures]
        measures[name] = {"day": date.today().isoformat(), "figures": written}  # noqa: DTZ011 the day here
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "measures": measures}, indent=2) + "\n", encoding="utf-8")


def _kept(path: Path, machine: dict[str, str]) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    measures: dict[str, Any] = document.get("measures", {}) if document.get("machine") == machine else {}
    return measures
