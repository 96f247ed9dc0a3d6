"""``tendril replay``: whether this build can go on with every journey, before it is deployed."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from typer import Exit, Option, echo

from cli.importing.progress import progress
from cli.journeys.recovering import Listed, Where
from cli.output import Json, print_json, say
from cli.session import Session, run, session
from cli.settings import read_settings
from domain.errors import Refused
from runtime import histories, replaying
from runtime.replaying import Broken, Recorded
from runtime.settings import Settings

_SAMPLE = 200


@dataclass
class _Outcome:
    histories: int = 0
    events: int = 0
    broken: list[Broken] = field(default_factory=list)


def replay(
    histories_in: Annotated[
        Path | None, Option("--histories", metavar="DIR", help="Histories that `tendril journeys download` kept.")
    ] = None,
    where: Where = "",
    file: Listed = None,
    sample: Annotated[int, Option(min=1, help="How many journeys in flight, where none is named.")] = _SAMPLE,
    jobs: Annotated[int, Option(min=0, help="Processes side by side; 0 for one a core.")] = 0,
    as_json: Json = False,
) -> None:
    """Replay histories with this build, to see before a deploy that every journey would go on.

    Those of a directory, those of journeys that are named or meet a condition, or a sample of those in flight. Nothing
    is changed anywhere. Each that breaks is one line (workflow, event, error), and the exit code is then 1.

    Examples: `tendril replay`, `tendril replay --histories kept/`, `tendril replay --where 'stage == "comparison"'`
    """
    settings, began = read_settings(), time.perf_counter()
    if histories_in is not None and (where or file):
        raise Refused("Which histories are meant is not clear.", "Give --histories, --where or --file: one of them.")
    if histories_in is not None:
        found = _found(histories_in)
        outcome = run(_kept(found, settings, min(jobs or replaying.cores(), len(found))))
    else:
        outcome = run(_live(settings, where, file, sample, jobs or replaying.cores()))
    _tell(outcome, time.perf_counter() - began, as_json=as_json)
    if outcome.broken:
        raise Exit(1)


def _found(directory: Path) -> list[Recorded]:
    found = replaying.in_directory(directory) if directory.is_dir() else []
    if not found:
        raise Refused(f"There are no histories in {directory}.", "`tendril journeys download --out DIR` keeps some.")
    return found


async def _kept(found: Sequence[Recorded], settings: Settings, jobs: int) -> _Outcome:
    async def chunks() -> AsyncIterator[Sequence[Recorded]]:
        for chunk in replaying.chunks(found):
            yield chunk

    return await _replayed(chunks(), settings, jobs, len(found))


async def _live(settings: Settings, where: str, file: Path | None, sample: int, jobs: int) -> _Outcome:
    from cli import temporal  # noqa: PLC0415 - not needed for a directory
    from cli.journeys.several import selected  # noqa: PLC0415 - as above

    async with session() as here:
        leads = await selected(here, [], where, file) if where or file else await _in_flight(here, sample)
        client = await temporal.client()

        async def fetched() -> AsyncIterator[Sequence[Recorded]]:
            for chunk in replaying.chunks(leads):
                found = [one for lead in chunk async for one in _recorded(histories.runs(client, lead), lead)]
                yield found

        return await _replayed(fetched(), settings, jobs, len(leads))


async def _in_flight(here: Session, most: int) -> list[str]:
    query = "select lead_id from journey where ended_at is null order by random() limit $1"
    leads = [row["lead_id"] for row in await here.database.pool.fetch(query, most)]
    if not leads:
        raise Refused("No journey is in flight.", "`--histories DIR` replays those that were kept.")
    return leads


async def _recorded(runs: AsyncIterator[histories.Run], lead: str) -> AsyncIterator[Recorded]:
    """The latest run only: the others have closed, and go on with nothing."""
    async for run_ in runs:
        yield Recorded(f"lead-{lead}", data=run_.serialized())
        return


async def _replayed(chunks: AsyncIterator[Sequence[Recorded]], settings: Settings, jobs: int, total: int) -> _Outcome:
    outcome = _Outcome()
    with progress("Replaying", total, unit="histories") as show:
        async for done in replaying.replay(chunks, settings, jobs):
            outcome.histories += done.histories
            outcome.events += done.events
            outcome.broken += done.broken
            show(outcome.histories)
    return outcome


def _tell(outcome: _Outcome, seconds: float, *, as_json: bool) -> None:
    broken = [{"workflow": one.workflow, "event": one.event, "error": one.error} for one in outcome.broken]
    if as_json:
        print_json({"histories": outcome.histories, "events": outcome.events, "broken": broken})
        return
    for one in outcome.broken:
        place = f" event {one.event}:" if one.event else ""
        echo(f"{one.workflow}:{place} {one.error}")
    say(
        f"{outcome.histories:,} histories of {outcome.events:,} events replayed in {seconds:,.1f} s:"
        f" {len(outcome.broken):,} would break."
    )
