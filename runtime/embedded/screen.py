"""The live view's picture of a snapshot: as much as fits the terminal, the most telling first."""

from collections.abc import Mapping
from datetime import timedelta

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.rule import Rule
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from domain.clock import pace
from domain.words import BuyerStage, Channel, LeadStatus, TouchStatus
from runtime.embedded.snapshot import Snapshot, Told

_COLOURS = {"healthy": "green", "starting": "yellow", "waiting": "dim", "stopped": "dim"}
_CAN_DO = "Ctrl-C stops everything; the data stay"
_ALL_ENDED = "Every journey has ended; tendril leads import brings more. "
_STORY_TOLD = "The sample's visitors have done all they will. "


class Screen:
    """A snapshot as Rich draws it. Lines are cut, never wrapped, and never more than the terminal is high."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or console.height
        upper: list[RenderableType] = [self._heading(), self._addresses(options.max_width), self._processes()]
        upper += [self._journeys(options.max_width), self._touches_and_handoffs(), self._endings()]
        lower = self._notes(2 if height < 30 else 4)  # noqa: PLR2004 - lines of a small terminal
        used = sum(len(console.render_lines(part, options.update(height=None))) for part in (*upper, *lower))
        whole = Group(*upper, *self._decisions(height - used - 1), *lower)
        for line in console.render_lines(whole, options.update(height=None))[:height]:
            yield from line
            yield Segment.line()

    def _heading(self) -> RenderableType:
        snapshot = self._snapshot
        left = Text.assemble(("Tendril ", "bold"), f"{snapshot.deployment_time:%a %d %b %Y %H:%M} UTC")
        left.append(f"  {pace(snapshot.scale)}", "dim")
        if not snapshot.answering:
            left.append("  database not answering", "bold red")
        return _two(left, Text(f"up {timedelta(seconds=int(snapshot.running_for))}", "dim"))

    def _addresses(self, width: int) -> RenderableType:
        found = self._snapshot.addresses
        shown = [("API", "api"), ("Temporal UI", "temporal_ui"), ("inbox", "inbox"), ("CRM", "vendors")]
        parts = [Text.assemble((f"{label} ", "dim"), (found[key], "cyan")) for label, key in shown if key in found]
        grid = Table.grid(padding=(0, 2))
        for _ in parts:
            grid.add_column(no_wrap=True)
        columns = len(parts) if sum(part.cell_len + 2 for part in parts) <= width else 2
        for start in range(0, len(parts), columns):
            grid.add_row(*parts[start : start + columns])
        return grid

    def _processes(self) -> RenderableType:
        line = Text(no_wrap=True, overflow="ellipsis")
        for process in self._snapshot.processes:
            colour = _COLOURS.get(process.condition, "bold red")
            line.append("● ", colour).append(process.name, "" if process.condition == "healthy" else colour)
            if process.condition != "healthy":
                line.append(f" {process.condition}", colour)
            if process.restarts:
                line.append(f" ↻{process.restarts}", "yellow")
            line.append("  ")
        return line

    def _journeys(self, width: int) -> RenderableType:
        figures = self._snapshot.figures
        half = max(20, width // 2 - 2)
        statuses = bars("Journeys by status", [one.value for one in LeadStatus], figures.statuses, half, "green")
        stages = bars("Live journeys by stage", [one.value for one in BuyerStage], figures.stages, half, "blue")
        return _two_halves(statuses, stages)

    def _touches_and_handoffs(self) -> RenderableType:
        figures = self._snapshot.figures
        shown = [one.value for one in TouchStatus if any(row.get(one.value) for row in figures.touches.values())]
        shown = shown or [TouchStatus.PLANNED.value, TouchStatus.SENT.value]
        touches = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", title_justify="left", pad_edge=False)
        touches.add_column(Text("Touches", "bold"))
        for status in shown:
            touches.add_column(status, justify="right")
        for channel in Channel:
            row = figures.touches.get(channel.value, {})
            touches.add_row(words(channel.value), *(str(row.get(status, 0) or "·") for status in shown))
        handoffs = bars("Handoffs", ["open", "accepted", "rejected", "expired"], figures.handoffs, 30, "magenta")
        return _two_halves(touches, handoffs)

    def _endings(self) -> RenderableType:
        endings = self._snapshot.figures.endings
        told = ", ".join(f"{words(name)} {count}" for name, count in endings.items() if count)
        return Text.assemble(("Ended ", "bold"), told or ("nobody yet", "dim"), no_wrap=True, overflow="ellipsis")

    def _decisions(self, room: int) -> list[RenderableType]:
        told = self._snapshot.figures.decisions[: max(0, room)]
        rows: list[RenderableType] = [decision_line(one) for one in told]
        if not rows:
            rows = [Text("None yet.", "dim")]
        return [_title("Last decisions"), *rows]

    def _notes(self, count: int) -> list[RenderableType]:
        notes = list(self._snapshot.notes)[-(count - 1) :]
        lines = [
            Text.assemble((f"{at.astimezone():%H:%M:%S} ", "dim"), text, no_wrap=True, overflow="ellipsis")
            for at, text in notes
        ]
        return [_title(self._what_now() + _CAN_DO), *lines]

    def _what_now(self) -> str:
        figures = self._snapshot.figures
        if figures.endings and not figures.stages:
            return _ALL_ENDED
        return _STORY_TOLD if self._snapshot.story_told else ""


def words(value: str) -> str:
    return value.replace("_", " ")


def bars(title: str, order: list[str], counts: Mapping[str, int], width: int, colour: str) -> RenderableType:
    """A bar for each value of ``order``, the longest ``width`` columns with its label and number."""
    label = max(len(words(value)) for value in order)
    room = max(4, width - label - 8)
    most = max([1, *counts.values()])
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, min_width=label)
    grid.add_column(justify="right", min_width=4)
    grid.add_column(no_wrap=True)
    for value in order:
        count = counts.get(value, 0)
        length = max(1, round(room * count / most)) if count else 0
        grid.add_row(
            Text(words(value), "" if count else "dim"), str(count) if count else "·", Text("━" * length, colour)
        )
    return Group(Text(title, "bold"), grid)


def decision_line(told: Told) -> Text:
    return Text.assemble(
        (f"{told.at:%d %b %H:%M} ", "dim"), (f"{told.lead} ", "cyan"), told.words, no_wrap=True, overflow="ellipsis"
    )


def _title(text: str) -> Rule:
    return Rule(Text(text, "bold"), align="left", style="dim", characters="─")


def _two(left: RenderableType, right: RenderableType) -> Table:
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(left, right)
    return grid


def _two_halves(left: RenderableType, right: RenderableType) -> Table:
    grid = Table.grid(expand=True, padding=(0, 2, 0, 0))
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(left, right)
    return grid
