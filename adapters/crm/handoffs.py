"""SDR tasks of any CRM, with the opportunity that the playbook asks for on a handoff.

The opportunity comes first: it is made once under the touch's key, so that a task that fails after it may be tried
again.
"""

from domain.crm_ports import CrmConnection, OpportunityWanted
from domain.playbook.models import Opportunity
from domain.ports import OutboundTouch, Playbooks, Receipt, TouchChannel

#: The step under which the core hands a lead over (``domain.core.handoff``).
_HANDOFF = "handoff"


class HandoffTasks:
    """``domain.ports.TouchChannel``."""

    def __init__(self, crm: CrmConnection, playbooks: Playbooks, tasks: TouchChannel | None = None) -> None:
        """``tasks`` in the place of the CRM's own: a chat."""
        self._crm = crm
        self._tasks = tasks or crm.tasks
        self._playbooks = playbooks

    async def send(self, touch: OutboundTouch) -> Receipt:
        """Opportunity, where one is wanted, and task. Raises a ``VendorFault``."""
        if touch.step == _HANDOFF:
            playbook = await self._playbooks.compiled(touch.playbook)
            if (wish := playbook.document.crm.opportunity) is not None:
                await self._crm.crm.open_opportunity(touch, _wanted(wish, self._crm.name))
        return await self._tasks.send(touch)

    async def lookup(self, touch: OutboundTouch) -> Receipt | None:
        return await self._tasks.lookup(touch)


def _wanted(wish: Opportunity, vendor: str) -> OpportunityWanted:
    return OpportunityWanted(title=wish.title, pipeline=wish.pipeline.get(vendor, ""), stage=wish.stage.get(vendor, ""))
