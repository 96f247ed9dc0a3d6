"""SDR tasks in HubSpot: the seller's to-do with the handoff brief, on the lead's contact and company, once.

The touch key is a property of the task with unique values, so HubSpot itself refuses a second task under the same key,
and a task can be read by its key at once. (HubSpot's search would do too, but shows new records only after a while.)
"""

from datetime import UTC, datetime

from adapters.crm import briefs
from adapters.crm.hubspot_associations import TASK_TO_COMPANY, TASK_TO_CONTACT, Associations
from adapters.crm.hubspot_properties import OUTCOME, REJECT_REASON, TOUCH_KEY, Properties, ours
from adapters.crm.sellers import Sellers
from adapters.http import VendorClient
from domain.errors import OurFault
from domain.ports import OutboundTouch, Receipt

TASKS = "/crm/v3/objects/tasks"
_MAYBE_THERE = frozenset({400, 409})


class HubSpotTasks:
    """``domain.ports.TouchChannel`` for SDR tasks."""

    def __init__(self, client: VendorClient, known: Properties, associations: Associations, sellers: Sellers) -> None:
        self._client = client
        self._properties = known
        self._associations = associations
        self._sellers = sellers

    async def send(self, touch: OutboundTouch) -> Receipt:
        """Create the task, for the lead's owner. Raises a ``VendorFault``. A key that HubSpot has counts as sent."""
        await self._properties.ensure("tasks", ours(TOUCH_KEY, OUTCOME, REJECT_REASON))
        values = _properties(touch, datetime.now(UTC), await self._sellers.id_of(touch.owner))
        associations = await self._associations.of(touch, TASK_TO_CONTACT, TASK_TO_COMPANY)
        body = {"properties": values, "associations": associations}
        try:
            answer = await self._client.request("POST", TASKS, json=body, harmless_to_repeat=False)
        except OurFault as error:
            if error.status in _MAYBE_THERE and (there := await self.lookup(touch)):
                return there
            raise
        return Receipt(vendor=self._client.vendor, vendor_id=str(answer.json()["id"]))

    async def lookup(self, touch: OutboundTouch) -> Receipt | None:
        """The task with this key; None when HubSpot has none. Raises a ``VendorFault``."""
        await self._properties.ensure("tasks", ours(TOUCH_KEY))
        body = {
            "idProperty": TOUCH_KEY,
            "inputs": [{"id": touch.key}],
            "properties": [TOUCH_KEY],
            "propertiesWithHistory": [],
        }
        answer = await self._client.request("POST", f"{TASKS}/batch/read", json=body, harmless_to_repeat=True)
        found = answer.json()["results"]
        return Receipt(vendor=self._client.vendor, vendor_id=str(found[0]["id"])) if found else None


def _properties(touch: OutboundTouch, now: datetime, owner: str) -> dict[str, str]:
    values = {
        "hs_timestamp": briefs.due(touch, now),
        "hs_task_subject": briefs.subject(touch),
        "hs_task_body": briefs.html(touch, assigned=bool(owner)),
        "hs_task_status": "NOT_STARTED",
        "hs_task_priority": "HIGH" if touch.brief else "MEDIUM",
        "hs_task_type": "TODO",
        TOUCH_KEY: touch.key,
    }
    # An owner whom HubSpot does not know stands in the body.
    return values | ({"hubspot_owner_id": owner} if owner else {})
