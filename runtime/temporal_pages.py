"""Pages of the Temporal UI: a journey's, and those of its runs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from temporalio.client import Client
from temporalio.service import RPCError

from domain.errors import Refused
from runtime.settings import Settings
from workflows.messages import workflow_id

_PATIENCE = timedelta(seconds=5)
_MOST = 50


@dataclass(frozen=True, slots=True)
class Page:
    """One run's page. A reset ends the run before it and begins one; so does a new cycle, and continuing as new."""

    url: str
    run: str
    status: str
    started: datetime


def journey_page(settings: Settings, lead: str) -> str:
    """The page of the lead's journey, its latest run. Raises ``Refused`` where no UI is named."""
    if not settings.temporal_ui_url:
        raise Refused("No Temporal UI is named.", "Set TENDRIL_TEMPORAL_UI_URL to its address.")
    base = settings.temporal_ui_url.rstrip("/")
    return f"{base}/namespaces/{quote(settings.temporal_namespace)}/workflows/{quote(workflow_id(lead))}"


async def runs(client: Client, settings: Settings, lead: str) -> list[Page]:
    """Every run that Temporal still keeps, the newest first. Raises ``Refused`` where it does not tell."""
    page = journey_page(settings, lead)
    try:
        listed = client.list_workflows(f"WorkflowId = '{workflow_id(lead)}'", limit=_MOST, rpc_timeout=_PATIENCE)
        found = [
            Page(
                f"{page}/{one.run_id}/history",
                one.run_id,
                one.status.name.lower() if one.status else "",
                one.start_time,
            )
            async for one in listed
        ]
    except RPCError as error:
        raise Refused(f"Temporal does not tell of the journey's runs: {error.message}") from error
    return sorted(found, key=lambda one: one.started, reverse=True)
