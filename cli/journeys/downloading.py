"""Carrying out ``tendril journeys download``."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client, WorkflowHistory
from typer import echo

from cli import temporal
from cli.importing.files import unreadable
from cli.importing.progress import progress
from cli.journeys.several import each, selected
from cli.output import print_json, say
from cli.session import session
from cli.settings import read_settings
from runtime import histories
from runtime.encryption import payload_keys
from workflows.messages import workflow_id


@dataclass
class _Kept:
    written: int = 0
    there: int = 0


async def download(
    names: Sequence[str], where: str, file: Path | None, out: Path, *, decode: bool, as_json: bool
) -> None:
    """Write each run of the journeys to a file of its own. A run that had closed when it was kept is not read again."""
    kept = _Kept()
    try:
        await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
        async with session() as here:
            leads = await selected(here, names, where, file)
            client = await temporal.client()

            async def one(lead: str) -> None:
                await _keep(client, lead, out, kept, decode=decode)

            with progress("Downloading", len(leads), unit="journeys") as show:
                async for done in each(leads, one):
                    show(done)
    except OSError as error:
        raise unreadable(out, error, "written to") from error
    if as_json:
        print_json({"journeys": len(leads), "written": kept.written, "unchanged": kept.there, "directory": str(out)})
        return
    echo(f"{kept.written:,} histories of {len(leads):,} journeys are in {out}; {kept.there:,} were there already.")
    say(_what_is_inside(decode=decode))


async def _keep(client: Client, lead: str, out: Path, kept: _Kept, *, decode: bool) -> None:
    async for run in histories.runs(client, lead):
        file = out / f"{workflow_id(lead)}.{run.id}.json"
        if run.closed and file.exists():
            kept.there += 1
            continue
        events = await histories.decoded(run, client.data_converter) if decode else run.events
        unfinished = file.with_suffix(".part")
        unfinished.write_text(WorkflowHistory(workflow_id(lead), events).to_json(), encoding="utf-8")
        unfinished.replace(file)
        kept.written += 1


def _what_is_inside(*, decode: bool) -> str:
    ids = "Histories hold opaque ids and what was decided, nothing personal."
    if not payload_keys(read_settings()):
        return ids
    if decode:
        return f"{ids} They were decrypted: keep them as you keep the keys."
    return f"{ids} They are encrypted as Temporal stores them: `tendril replay` needs the same TENDRIL_PAYLOAD_KEYS."
