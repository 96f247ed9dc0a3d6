"""What this build runs, and how its workers call themselves to Temporal.

Without a deployment's name workers share the task queue whatever their build: any of them takes any task, and a journey
that one has begun goes on in another. That is always possible, because every build replays every history
(tests/workflows/histories).

With one they are versioned (Temporal's Worker Versioning, from server 1.29.1 on; docs.temporal.io,
production-deployment/worker-deployments): the server gives tasks to the version that is current, and to another by the
percentage it is being ramped up. Journeys are AUTO_UPGRADE: they sleep for months, and move to the current version at
their next task. PINNED would keep a version's workers running for as long as its last journey sleeps. The behaviour is
the worker's default; set on the workflow it would hang every worker that is not versioned.
"""

from dataclasses import dataclass
from typing import TypedDict

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

from runtime.settings import Settings
from workflows.audit import Audit
from workflows.lead_journey import LeadJourney
from workflows.operate import Operate
from workflows.reconcile import Reconcile

#: Every workflow there is.
WORKFLOWS: tuple[type, ...] = (LeadJourney, Operate, Reconcile, Audit)
#: The deployment's name where only the build has one: it is shown, and nothing goes by it.
_UNVERSIONED = "tendril"


class _Deployed(TypedDict, total=False):
    deployment_config: WorkerDeploymentConfig


@dataclass(frozen=True, slots=True)
class Build:
    """``name`` is the build's id, "" for one that nobody named; ``deployment`` is "" where workers are unversioned."""

    name: str
    deployment: str

    def __str__(self) -> str:
        if self.deployment:
            return f"{self.name} of {self.deployment}"
        return self.name or "unnamed"

    def options(self) -> _Deployed:
        """Arguments of ``temporalio.worker.Worker``."""
        if not self.name:
            return {}
        config = WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(self.deployment or _UNVERSIONED, self.name),
            use_worker_versioning=bool(self.deployment),
            default_versioning_behavior=(
                VersioningBehavior.AUTO_UPGRADE if self.deployment else VersioningBehavior.UNSPECIFIED
            ),
        )
        return {"deployment_config": config}


def build(settings: Settings) -> Build:
    """The build that the settings name."""
    return Build(settings.build_id, settings.deployment_name)
