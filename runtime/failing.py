"""Journeys whose workflow tasks fail again and again, as Temporal's own search attribute tells.

``TemporalReportedProblems`` is set by the server after some consecutive failures of a workflow task and unset by the
first that succeeds (docs.temporal.io/search-attribute, "TemporalReportedProblems"). A workflow that was terminated or
reset meanwhile keeps it for as long as it is kept (seen on server 1.32): only those that run are asked for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from domain.errors import Refused
from runtime.settings import Settings
from runtime.temporal import connect
from workflows.messages import JOURNEY, workflow_id

QUERY = f"WorkflowType = '{JOURNEY}' AND TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running'"
_PATIENCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Failing:
    """A journey whose tasks fail. ``since`` is when its present run began, on the wall clock: no later than the first
    failure.
    """

    lead: str
    since: datetime
    problem: str


async def tasks(settings: Settings, limit: int) -> list[Failing]:
    """At most ``limit`` of them. Raises ``Refused`` where Temporal can't be reached or can't tell."""
    try:
        return await of(await connect(settings), limit)
    except RuntimeError as error:
        raise Refused(f"Temporal at {settings.temporal_address} can't be reached.") from error


async def of(client: Client, limit: int) -> list[Failing]:
    """As ``tasks``, on a client that is connected."""
    try:
        listed = client.list_workflows(QUERY, limit=limit, rpc_timeout=_PATIENCE)
        return [
            Failing(
                one.id.removeprefix(workflow_id("")),
                one.start_time,
                _problem(one.search_attributes.get("TemporalReportedProblems")),
            )
            async for one in listed
        ]
    except RPCError as error:
        raise Refused(f"Temporal does not tell: {error.message}") from error


def _problem(told: object) -> str:
    return "; ".join(map(str, told)) if isinstance(told, list) else str(told or "")
