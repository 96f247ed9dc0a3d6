"""SDR tasks as Pipedrive activities: the seller's to-do with the brief, on person, organization and deal.

Activities have no custom fields, so the touch key stands at the end of the note, where a person's activities are looked
through for it. (``/activities?person_id=`` is the list itself and no search: what was written is in it.)

A seller answers on the person, where two fields are made for it (outcome, reject reason), and marks the activity as
done. They are emptied before a handoff, so that an answer is always to the last one.
"""

import re
from datetime import UTC, datetime
from html import escape, unescape
from typing import Any

from adapters.crm import briefs
from adapters.crm.pipedrive_client import NAME, PipedriveClient
from adapters.crm.pipedrive_deals import Deals
from adapters.crm.pipedrive_fields import OUTCOME, REJECT_REASON, Fields, option, placed
from adapters.crm.pipedrive_persons import PERSONS, Persons, Who
from adapters.crm.sellers import Sellers
from domain.ports import OutboundTouch, Receipt, SalesFeedback

ACTIVITIES = "/api/v2/activities"
_HANDOFF = "handoff"
_SUBJECT = 255
_KEY = re.compile(r"Tendril: ([^<>\s]+)\s*(?:</p>)?\s*$")


class PipedriveTasks:
    """``domain.ports.TouchChannel``."""

    def __init__(
        self, client: PipedriveClient, fields: Fields, persons: Persons, deals: Deals, sellers: Sellers
    ) -> None:
        self._client = client
        self._fields = fields
        self._persons = persons
        self._deals = deals
        self._sellers = sellers

    async def send(self, touch: OutboundTouch) -> Receipt:
        """Create the activity, for the lead's owner. Raises a ``VendorFault``."""
        who = await self._persons.who(touch)
        if touch.step == _HANDOFF:
            keys = await self._fields.keys("person", [OUTCOME, REJECT_REASON])
            await self._client.data("PATCH", f"{PERSONS}/{who.id}", json=placed(dict.fromkeys(keys.values())))
        owner = await self._sellers.id_of(touch.owner)
        body = _activity(touch, who, owner, self._deals.opened_for(touch.key))
        data = await self._client.data("POST", ACTIVITIES, json=body, harmless_to_repeat=False)
        return Receipt(vendor=NAME, vendor_id=str(data["id"]))

    async def lookup(self, touch: OutboundTouch) -> Receipt | None:
        """The activity with this key; None when the person has none. Raises a ``VendorFault``."""
        who = await self._persons.find(touch)
        if who is None:
            return None
        async for activity in self._client.pages(ACTIVITIES, {"person_id": who.id}):
            found = _KEY.search(activity.get("note") or "")
            if found and unescape(found[1]) == touch.key:
                return Receipt(vendor=NAME, vendor_id=str(activity["id"]))
        return None

    async def feedback(self, handoffs: dict[str, str]) -> list[SalesFeedback]:
        """Answers of sellers: an activity that is done, of a person with an outcome. ``handoffs``: to activities."""
        if not handoffs:
            return []
        keys = await self._fields.keys("person", [OUTCOME, REJECT_REASON])
        activities = await self._client.by_ids(ACTIVITIES, list(handoffs.values()), {"done": "true"})
        whose = {str(one["id"]): str(one.get("person_id") or "") for one in activities if one["done"]}
        params = {"custom_fields": ",".join(keys.values()), "include_option_labels": "true"}
        persons = await self._client.by_ids(PERSONS, list(dict.fromkeys(whose.values())), params)
        said = {str(one["id"]): one.get("custom_fields") or {} for one in persons}
        answers = [(handoff, said.get(whose.get(task, ""), {})) for handoff, task in handoffs.items()]
        return [
            SalesFeedback(handoff=handoff, outcome=outcome, reason=_chosen(values.get(keys[REJECT_REASON])))
            for handoff, values in answers
            if (outcome := _chosen(values.get(keys[OUTCOME])))
        ]


def _activity(touch: OutboundTouch, who: Who, owner: str, deal: str) -> dict[str, Any]:
    note = briefs.html(touch, assigned=bool(owner)) + f"<p>Tendril: {escape(touch.key)}</p>"
    body: dict[str, Any] = {
        "subject": briefs.subject(touch)[:_SUBJECT],
        "type": "task",
        "due_date": briefs.due(touch, datetime.now(UTC))[:10],
        "note": note,
        "participants": [{"person_id": int(who.id), "primary": True}],
    }
    # An owner whom Pipedrive does not know stands in the note.
    body |= {"owner_id": int(owner)} if owner else {}
    body |= {"org_id": who.organization} if who.organization else {}
    return body | ({"deal_id": int(deal)} if deal else {})


def _chosen(value: Any) -> str:
    """Of a field with options: the label of the one that was chosen."""
    text = value.get("label") if isinstance(value, dict) else value
    return option(text) if isinstance(text, str) else ""
