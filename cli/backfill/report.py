"""What an import of behaviour or its dry run comes to, in words and as one JSON object."""

from typing import Any

from cli.backfill.engine import Forecast, Outcome
from cli.backfill.job import Job
from cli.importing.rejects import Rejects

_SHOWN = 20


def imported(job: Job, outcome: Outcome, rejects: Rejects) -> dict[str, Any]:
    """The outcome as JSON."""
    return {
        "file": str(job.options.path),
        "lines": job.survey.rows,
        "stored": outcome.stored,
        "duplicates": outcome.duplicates,
        "waiting": None if job.options.wake else outcome.waiting,
        "erased": outcome.erased,
        "rejected": outcome.rejected,
        "rejects_file": str(rejects.path) if rejects.count else None,
        "continued_after_line": outcome.before or None,
        "wake": job.options.wake,
        "seconds": round(outcome.seconds, 3),
        "lines_per_second": round(outcome.per_second, 1),
    }


def imported_in_words(job: Job, outcome: Outcome, rejects: Rejects) -> str:
    how = "and journeys were woken" if job.options.wake else "as history; no journey was woken"
    lines = [f"{job.options.path}: {outcome.stored:,} events stored {how} ({outcome.per_second:,.0f} lines/s)."]
    if outcome.before:
        lines.append(f"Continued after line {outcome.before:,}, where an earlier run had stopped.")
    if outcome.duplicates:
        lines.append(f"{outcome.duplicates:,} were known already.")
    if outcome.waiting:
        lines.append(f"{outcome.waiting:,} belong to nobody known yet: they wait until somebody is.")
    if outcome.erased:
        lines.append(f"{outcome.erased:,} are of people who were erased: left out.")
    return "\n".join([*lines, *_rejected(rejects)])


def foretold(job: Job, forecast: Forecast, rejects: Rejects) -> dict[str, Any]:
    """The forecast as JSON."""
    return imported(job, forecast, rejects) | {
        "dry_run": True,
        "waiting": forecast.waiting,
        "kinds": dict(forecast.kinds.most_common()),
        "first": forecast.first,
        "last": forecast.last,
        "recent": forecast.recent,
    }


def foretold_in_words(job: Job, forecast: Forecast, rejects: Rejects) -> str:
    lines = [
        f"{job.options.path}: {job.survey.rows:,} lines read. Nothing was written.",
        f"  {forecast.stored:>10,}  events would be stored",
    ]
    lines += [f"  {number:>12,}  {kind}" for kind, number in forecast.kinds.most_common(_SHOWN)]
    if len(forecast.kinds) > _SHOWN:
        lines.append(f"  {'…':>12}  and {len(forecast.kinds) - _SHOWN:,} kinds more")
    lines += _if_any(forecast.waiting, "of them belong to nobody known yet")
    lines += _if_any(forecast.recent, "of them happened in the last 7 days: with --wake they may fire triggers")
    lines += _if_any(forecast.duplicates, "are known already or repeat a line")
    lines += _if_any(forecast.erased, "are of people who were erased: left out")
    if forecast.first and forecast.last:
        lines.append(f"They happened from {forecast.first:%Y-%m-%d %H:%M} to {forecast.last:%Y-%m-%d %H:%M} UTC.")
    return "\n".join([*lines, *_rejected(rejects)])


def _if_any(number: int, words: str) -> list[str]:
    return [f"  {number:>10,}  {words}"] if number else []


def _rejected(rejects: Rejects) -> list[str]:
    if not rejects.count:
        return []
    return [f"{rejects.count:,} lines can't be taken: {rejects.path} has them with the reasons."]
