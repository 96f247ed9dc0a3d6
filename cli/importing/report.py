"""What an import or a dry run comes to, in words and as one JSON object."""

from collections import Counter
from pathlib import Path
from typing import Any

from cli.importing.engine import Outcome
from cli.importing.forecast import Forecast
from cli.importing.job import Job
from cli.importing.rejects import Rejects

_SHOWN = 5


def imported(job: Job, outcome: Outcome, rejects: Rejects) -> dict[str, Any]:
    """The outcome as JSON."""
    return {
        "file": str(job.options.path),
        "playbook": job.playbook.document.name,
        "rows": job.survey.rows,
        "created": outcome.created,
        "updated": outcome.updated,
        "enrolled": outcome.enrolled,
        "rejected": outcome.rejected,
        "rejects_file": str(rejects.path) if rejects.count else None,
        "continued_after_row": outcome.before or None,
        "notes": dict(outcome.notes),
        "unknown_countries": dict(job.reader.unknown_countries),
        "seconds": round(outcome.seconds, 3),
        "rows_per_second": round(outcome.rows_per_second, 1),
    }


def imported_in_words(job: Job, outcome: Outcome, rejects: Rejects) -> str:
    speed = f"{outcome.seconds:,.1f} s ({outcome.rows_per_second:,.0f} rows/s)"
    lines = [
        f"{job.options.path}: {outcome.taken:,} leads taken in {speed}.",
        f"{outcome.created:,} are new, {outcome.updated:,} were known.",
    ]
    if outcome.before:
        lines.append(f"Continued after row {outcome.before:,}, where an earlier run had stopped.")
    lines.append(f"{outcome.enrolled:,} enrolled in {job.playbook.document.name}.")
    left = outcome.taken - outcome.enrolled
    if left:
        lines.append(f"{left:,} were not: a journey is in flight, or the playbook's re-entry does not allow one yet.")
    lines += [f"{number:,} times: {note}." for note, number in outcome.notes.items()]
    return "\n".join([*lines, *_remarks(job, rejects)])


def foretold(job: Job, forecast: Forecast, rejects: Rejects) -> dict[str, Any]:
    """The forecast as JSON."""
    counts = {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(forecast).items()}
    return {
        "file": str(job.options.path),
        "playbook": job.playbook.document.name,
        "dry_run": True,
        **counts,
        "seconds": round(forecast.seconds, 3),
        "rows_per_second": round(forecast.rows_per_second, 1),
        "enrolling": forecast.enrolling,
        "rejects_file": str(rejects.path) if rejects.count else None,
        "unknown_countries": dict(job.reader.unknown_countries),
    }


def foretold_in_words(job: Job, forecast: Forecast, rejects: Rejects) -> str:
    labels = {segment.id: segment.label for segment in job.playbook.document.segments}
    speed = f"{forecast.seconds:,.1f} s ({forecast.rows_per_second:,.0f} rows/s)"
    lines = [
        f"{job.options.path}: {forecast.rows:,} rows, read and simulated in {speed}. Nothing was written.",
        f"  {forecast.enrolling:>8,}  would enrol in {job.playbook.document.name}",
    ]
    for path in ("nurture", "sales", "sales review"):
        if forecast.paths[path]:
            lines.append(f"  {forecast.paths[path]:>10,}  {path}")
        if path == "nurture":
            lines += [f"  {n:>12,}  {labels.get(segment, segment)}" for segment, n in forecast.segments.most_common()]
    lines += _if_any(forecast.declined, "of them declined e-mail and will never be written to")
    lines += _if_any(forecast.unreachable, "of them have no address")
    lines += _by_reason(forecast.disqualified, "would be disqualified")
    lines += _by_reason(forecast.suppressed, "are suppressed and end at once")
    lines += _if_any(forecast.known, f"are known already ({forecast.in_flight:,} with a journey in flight)")
    lines += _if_any(forecast.erased, "were erased before and would not be taken in")
    lines += _if_any(forecast.rejected, "would be rejected")
    lines.append(f"Touches in the first 30 days, if nobody did anything: {forecast.touches.total():,}")
    lines += [f"  {number:>8,}  {channel.replace('_', ' ')}" for channel, number in forecast.touches.most_common()]
    return "\n".join([*lines, *_remarks(job, rejects)])


def _if_any(number: int, words: str) -> list[str]:
    return [f"  {number:>8,}  {words}"] if number else []


def _by_reason(reasons: Counter[str], words: str) -> list[str]:
    if not reasons:
        return []
    listed = [f"  {number:>10,}  {reason.replace('_', ' ')}" for reason, number in reasons.most_common()]
    return [f"  {reasons.total():>8,}  {words}", *listed]


def _remarks(job: Job, rejects: Rejects) -> list[str]:
    remarks = []
    if rejects.count:
        remarks.append(f"{rejects.count:,} rows were rejected: {rejects.path} has them with the reasons.")
    unknown = job.reader.unknown_countries
    if unknown:
        named = ", ".join(repr(name) for name, _ in unknown.most_common(_SHOWN))
        more = " …" if len(unknown) > _SHOWN else ""
        remarks.append(f"{unknown.total():,} rows name no country that is known ({named}{more}): it was left out.")
    return remarks


def default_rejects(path: Path) -> Path:
    """``leads.csv`` → ``leads.rejected.csv`` in the current directory: the file's own may be read-only."""
    return Path(f"{path.stem}.rejected.csv")
