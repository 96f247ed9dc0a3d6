"""Operations on the screen: what one would do, and what one has done."""

import sys
from datetime import timedelta

from rich.table import Table
from rich.text import Text
from typer import echo

from cli.output import cell, console
from domain.durations import format_duration
from domain.operating import Outcome
from runtime.foretelling import Foretold
from runtime.previewing import Preview
from storage import operations
from storage.database import Database
from storage.operations import OperationView
from storage.undoing import why_not

_SHOWN = {
    "lead": "Lead",
    "status": "Status",
    "stage": "Stage",
    "segment": "Segment",
    "intent": "Intent",
    "title": "Last decision",
}


def previewed(foreseen: Preview, note: str = "") -> None:
    """Whom it is about, who would refuse, and what would be sent when."""
    out = console(sys.stdout)
    able, total = foreseen.able, foreseen.total
    out.print(Text(f"{foreseen.kind.words.capitalize()}: {able:,} of {total:,} leads", style="bold"))
    for refusal in foreseen.refused:
        out.print(f"  {refusal.number:>8,}  would refuse: {refusal.why}")
    if note:
        out.print(f"  {note}")
    if foreseen.leads:
        out.print()
        out.print(_sample(foreseen))
        if able > len(foreseen.leads):
            out.print(f"… and {able - len(foreseen.leads):,} more.")
    if foreseen.foretold is not None:
        _foretold(foreseen.foretold, able)
    if able and foreseen.seconds is not None:
        out.print(f"\nAt {rate_words(foreseen.rate)} it takes {lasting(foreseen.seconds)}.")
    elif able > 1:
        out.print("\nAs fast as workers go: --rate 50/s spares them, and spreads what follows.")


def _sample(foreseen: Preview) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for key, heading in _SHOWN.items():
        table.add_column(heading, no_wrap=key == "lead", justify="right" if key == "intent" else "left")
    for item in foreseen.leads:
        table.add_row(*(Text(cell(item[key])) for key in _SHOWN))
    return table


def _foretold(foretold: Foretold, able: int) -> None:
    """What the core decides, counted; of more leads than it was asked about, in about how many that makes in all."""
    out, scale = console(sys.stdout), able / foretold.sample if foretold.sample else 0.0
    whole = foretold.sample >= able
    of = "decided for each of them" if whole else f"decided for a sample of {foretold.sample:,}, and told for {able:,}"
    channels = sorted({channel for counted in foretold.touches.values() for channel in counted} | {*foretold.otherwise})
    out.print(Text(f"\nWhat would be sent in 14 days ({of})", style="bold"))
    if not channels:
        out.print("  nothing, with it or without it")
    else:
        out.print(_touches(foretold, channels, scale, about="" if whole else "≈ "))
    if foretold.assets:
        out.print("  with the command itself: " + ", ".join(f"{name} ({n})" for name, n in foretold.assets.items()))
    for what, number in _beside(foretold):
        out.print(f"  {'' if whole else '≈ '}{round(number * scale):,} {what}")


def _touches(foretold: Foretold, channels: list[str], scale: float, about: str) -> Table:
    def number(value: int) -> str:
        return f"{about}{round(value * scale):,}" if value else "–"

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("  ")
    for channel in channels:
        table.add_column(channel.replace("_", " "), justify="right")
    for when, counted in foretold.touches.items():
        if counted:
            table.add_row(f"  {when}", *(number(counted.get(channel, 0)) for channel in channels))
    sums = [sum(counted.get(channel, 0) for counted in foretold.touches.values()) for channel in channels]
    table.add_row(Text("  in all", style="bold"), *map(number, sums))
    table.add_row(Text("  without it", style="dim"), *(number(foretold.otherwise.get(one, 0)) for one in channels))
    return table


def _beside(foretold: Foretold) -> list[tuple[str, int]]:
    told = [(f"journeys end: {ending.replace('_', ' ')}", number) for ending, number in foretold.endings.items()]
    told += [("are handed to sales", foretold.handoffs)] if foretold.handoffs else []
    return told + [(f"would not follow: {why}", number) for why, number in foretold.declined.items()]


async def view_in_words(db: Database, view: OperationView, leads: int = 0) -> None:
    """How far it is, what was refused and why, and what can be done about it."""
    out = console(sys.stdout)
    style = {"done": "green", "running": "cyan", "paused": "yellow", "cancelled": "yellow"}[view.status]
    out.print(Text.assemble((view.id, "bold"), f"  {view.kind.words}  ", (view.status.value, style)))
    counts = ", ".join(f"{number:,} {_OUTCOMES[outcome]}" for outcome, number in sorted(view.counts.items()))
    out.print(f"  {counts} of {view.total:,}; asked for by {view.by} at {cell(view.created_at)}")
    for label, text in (("where", view.selection), ("reason", view.reason), ("undoes", view.undoes)):
        if text:
            out.print(f"  {label}: {text}")
    for row in await operations.reasons(db, view.id):
        out.print(f"  {row['number']:>8,}  {row['status']}: {row['detail']}")
    for hint in await _hints(db, view):
        out.print(Text(f"  {hint}", style="dim"))
    if leads:
        out.print(_members(await operations.members(db, view.id, None, leads)))


_OUTCOMES = {
    Outcome.WAITING: "waiting",
    Outcome.DONE: "done",
    Outcome.REFUSED: "refused",
    Outcome.FAILED: "failed",
}


async def _hints(db: Database, view: OperationView) -> list[str]:
    hints = [f"undone by {other}" for other in view.undone_by]
    if view.counts.get(Outcome.FAILED) and view.status == "done":
        hints.append(f"tendril operations retry {view.id}")
    if view.status == "paused":
        hints.append(f"tendril operations resume {view.id}")
    if view.status == "running":
        hints.append(f"tendril operations show {view.id} --watch")
    elif view.counts.get(Outcome.DONE) and not view.undone_by:
        hints.append(await why_not(db, view) or f"tendril operations undo {view.id}")
    return hints


def _members(rows: list[dict[str, object]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Lead", "Became", "Decision", "Why"):
        table.add_column(heading)
    for row in rows:
        number = row["number_after"]
        table.add_row(*(Text(cell(value)) for value in (row["lead_id"], row["status"], number, row["detail"])))
    return table


def rate_words(rate: float) -> str:
    """Leads a second as people say it: ``20/s``, ``90/h``."""
    for unit, seconds in (("s", 1), ("m", 60), ("h", 3600)):
        if rate * seconds >= 1:
            return f"{rate * seconds:,.3g}/{unit}"
    return f"{rate * 86400:,.3g} a day"


def lasting(seconds: float) -> str:
    """How long, to the unit that matters: ``3m20s``, ``6h``; never "0d"."""
    whole = timedelta(seconds=max(1, round(seconds)))
    if whole > timedelta(hours=1):
        whole = timedelta(minutes=round(whole.total_seconds() / 60))
    return format_duration(whole)


def listed(views: list[OperationView]) -> None:
    """A line each, the newest first."""
    if not views:
        echo("There are no operations yet. `tendril journeys pause --where …` makes one.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, right in (
        ("Id", 0),
        ("At", 0),
        ("By", 0),
        ("What", 0),
        ("Is", 0),
        ("Done", 1),
        ("Of", 1),
        ("Whom", 0),
    ):
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading in {"Id", "At"})
    for view in views:
        whom = view.selection or (f"undoes {view.undoes}" if view.undoes else "named")
        done = f"{view.counts.get(Outcome.DONE, 0):,}"
        cells = (view.id, cell(view.created_at), view.by, view.kind.words, view.status, done, f"{view.total:,}", whom)
        table.add_row(*map(Text, cells))
    console(sys.stdout).print(table)
