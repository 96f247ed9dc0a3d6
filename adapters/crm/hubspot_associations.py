"""What a task or a deal hangs on: the lead's contact, and the company that HubSpot has for that contact.

HubSpot makes companies from addresses itself (its setting "create and associate companies with contacts"); we make
none. The numbers of association types are those of HubSpot's own client (``hubspot.crm.association_type``).
"""

from collections.abc import Awaitable, Callable
from typing import Any

from adapters.crm.hubspot_contacts import CONTACTS
from adapters.http import VendorClient
from domain.errors import OurFault
from domain.ports import OutboundTouch

TASK_TO_CONTACT, TASK_TO_COMPANY = 204, 192
DEAL_TO_CONTACT, DEAL_TO_COMPANY = 3, 5
_UNKNOWN = frozenset({403, 404})


class Associations:
    """``contact`` gives the id of a touch's contact, made where HubSpot has none yet: a handoff can come first."""

    def __init__(self, client: VendorClient, contact: Callable[[OutboundTouch], Awaitable[str]]) -> None:
        self._client = client
        self._contact = contact

    async def of(self, touch: OutboundTouch, to_contact: int, to_company: int) -> list[dict[str, Any]]:
        """As a new record takes them. Raises a ``VendorFault``."""
        contact = touch.crm_id or await self._contact(touch)
        companies = await self._companies(contact) if contact else None
        if companies is None and touch.crm_id:  # deleted there: found again, or made
            contact = await self._contact(touch)
            companies = await self._companies(contact) if contact else None
        wanted = [(contact, to_contact)] if contact else []
        wanted += [(company, to_company) for company in companies or []]
        return [{"to": {"id": record}, "types": [_type(number)]} for record, number in wanted]

    async def _companies(self, contact: str) -> list[str] | None:
        """The contact's company, the first where it has several; None when there is no such contact."""
        path, params = f"{CONTACTS}/{contact}", {"associations": "companies", "properties": "email"}
        try:
            answer = await self._client.request("GET", path, params=params, harmless_to_repeat=True)
        except OurFault as error:
            if error.status not in _UNKNOWN:
                raise
            return None if error.status == 404 else []  # noqa: PLR2004 - HTTP's number
        found = answer.json().get("associations", {}).get("companies", {}).get("results", [])
        return [str(one["id"]) for one in found[:1]]


def _type(number: int) -> dict[str, Any]:
    return {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}
