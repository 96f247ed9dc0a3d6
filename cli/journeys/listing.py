"""``tendril journeys list``: where everybody is."""

from typing import Annotated, Any

from typer import Option

from cli.output import All, Json, Limit, listing
from cli.pages import collect
from cli.session import run, session
from domain.words import BuyerStage, Ending, LeadStatus, Phase
from storage import views

HELP = """Journeys, newest first. Filters combine.

Examples: `tendril journeys list --status nurture --stage comparison`, `tendril journeys list --ended --ending sunset`
"""
_COLUMNS = {
    "lead_id": "Lead",
    "cycle": "Journey",
    "playbook_name": "Playbook",
    "status": "Status",
    "phase": "Phase",
    "stage": "Stage",
    "segment": "Segment",
    "fit": "Fit",
    "intent": "Intent",
    "next_wake_at": "Next wake",
    "title": "Last decision",
}


def list_journeys(  # noqa: PLR0917 - every option of the command, each given by name
    status: Annotated[LeadStatus | None, Option(help="The CRM's status.")] = None,
    phase: Annotated[Phase | None, Option(help="What the journey is doing.")] = None,
    stage: Annotated[BuyerStage | None, Option(help="Buyer stage.")] = None,
    segment: Annotated[str | None, Option(help="Segment of the playbook.")] = None,
    playbook: Annotated[str | None, Option(help="Name of the playbook.")] = None,
    ending: Annotated[Ending | None, Option(help="Why it ended.")] = None,
    ended: Annotated[
        bool | None, Option("--ended/--in-flight", help="Only ended ones, or only those in flight.")
    ] = None,
    limit: Limit = 100,
    everything: All = False,
    as_json: Json = False,
) -> None:
    filters = views.JourneyFilters(
        status=status or "",
        phase=phase or "",
        stage=stage or "",
        segment=segment or "",
        playbook=playbook or "",
        ending=ending or "",
        ended=ended,
    )

    async def read() -> tuple[list[dict[str, Any]], int, str]:
        async with session() as here:

            async def page(cursor: str | None, size: int) -> tuple[list[dict[str, Any]], str | None, int]:
                return await views.list_journeys(here.database, filters, cursor, size)

            return *await collect(page, None if everything else limit), here.time_note

    items, total, note = run(read())
    listing(items, total, _COLUMNS, as_json=as_json, empty="There are no such journeys.", note=note)
