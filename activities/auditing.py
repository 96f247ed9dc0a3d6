"""``audit``: every lead against every journey that runs, by the schedule."""

from dataclasses import dataclass

from temporalio import activity

from domain.auditing import Audits

AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Auditing:
    """The activity of the ``Audit`` workflow."""

    audits: Audits

    @activity.defn(name=AUDIT)
    async def audit(self) -> dict[str, int]:
        """Returns kind of finding → how many were left. Any failure is tried again from the beginning."""
        return dict(await self.audits.everybody_safely(activity.heartbeat))
