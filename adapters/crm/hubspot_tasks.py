"""SDR tasks in HubSpot: the seller's to-do with the handoff brief, on the lead's contact and company, once.

The touch key is a property of the task with unique values, so HubSpot itself refuses a second task under the same key,
and a task can be read by its key at once. (HubSpot's search would do too, but shows new records only after a while.)
"""

from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from adapters.crm.hubspot_associations import TASK_TO_COMPANY, TASK_TO_CONTACT, Associations
from adapters.crm.hubspot_properties import OUTCOME, REJECT_REASON, TOUCH_KEY, Properties, ours
from adapters.crm.hubspot_sellers import Sellers
from adapters.http import VendorClient
from domain.errors import OurFault
from domain.ports import OutboundTouch, Receipt

TASKS = "/crm/v3/objects/tasks"
_MAYBE_THERE = frozenset({400, 409})
#: Part of the brief that is the task's due date.
_DUE = "sla_at"
_WITHOUT_DEADLINE = timedelta(days=1)


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
        "hs_timestamp": _due(touch, now),
        "hs_task_subject": _subject(touch),
        "hs_task_body": _body(touch, assigned=bool(owner)),
        "hs_task_status": "NOT_STARTED",
        "hs_task_priority": "HIGH" if touch.brief else "MEDIUM",
        "hs_task_type": "TODO",
        TOUCH_KEY: touch.key,
    }
    # An owner whom HubSpot does not know stands in the body.
    return values | ({"hubspot_owner_id": owner} if owner else {})


def _due(touch: OutboundTouch, now: datetime) -> str:
    """The end of the handoff's SLA where the brief holds it (ISO 8601), else a day from now."""
    given = touch.brief.get(_DUE)
    return str(given) if given else (now + _WITHOUT_DEADLINE).isoformat()


def _subject(touch: OutboundTouch) -> str:
    return str(touch.brief.get("why_now") or touch.note or _label(touch.step))


def _body(touch: OutboundTouch, *, assigned: bool) -> str:
    """The note and the brief as the little HTML that HubSpot's tasks show."""
    parts = [f"<p>{escape(touch.note)}</p>"] if touch.note and touch.note != touch.brief.get("why_now") else []
    told = {name: value for name, value in touch.brief.items() if value and name != _DUE}
    parts += [f"<p><b>{escape(_label(name))}</b><br>{_shown(value)}</p>" for name, value in told.items()]
    if touch.owner and not assigned:
        parts.append(f"<p><b>Owner</b><br>{escape(touch.owner)}</p>")
    return "".join(parts)


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "<ul>" + "".join(f"<li>{_shown(item)}</li>" for item in value) + "</ul>"
    if isinstance(value, dict):
        return " · ".join(_shown(item) for item in value.values())
    return escape(str(value))
