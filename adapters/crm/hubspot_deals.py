"""Opportunities as HubSpot deals: made with a handoff where the playbook asks for one, and how they stand.

The touch key is a property of the deal with unique values, as of the task: HubSpot itself refuses a second one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.crm.hubspot_associations import DEAL_TO_COMPANY, DEAL_TO_CONTACT, Associations
from adapters.crm.hubspot_properties import FIRST_STAGE, TOUCH_KEY, Properties, ours
from adapters.crm.sellers import Sellers
from adapters.http import VendorClient
from domain.crm_ports import CrmOpportunity, OpportunityWanted
from domain.errors import OurFault
from domain.ports import OutboundTouch

DEALS = "/crm/v3/objects/deals"
_PIPELINES = "/crm/v3/pipelines/deals"
#: What is read of a deal. HubSpot computes the two of closing from the stage's probability.
PROPERTIES = frozenset({"dealstage", "hs_is_closed", "hs_is_closed_won", TOUCH_KEY, FIRST_STAGE})
_MAYBE_THERE = frozenset({400, 409})


class Deals:
    """Making deals."""

    def __init__(self, client: VendorClient, known: Properties, associations: Associations, sellers: Sellers) -> None:
        self._client = client
        self._properties = known
        self._associations = associations
        self._sellers = sellers
        self._first_stages: dict[str, tuple[str, str]] = {}

    async def open(self, touch: OutboundTouch, wanted: OpportunityWanted) -> str:
        """The deal of this handoff: the one that is there, else a new one. Raises a ``VendorFault``."""
        await self._properties.ensure("deals", ours(TOUCH_KEY, FIRST_STAGE))
        pipeline, stage = await self._stage(wanted)
        owner = await self._sellers.id_of(touch.owner)
        values = {
            "dealname": wanted.title,
            "pipeline": pipeline,
            "dealstage": stage,
            TOUCH_KEY: touch.key,
            FIRST_STAGE: stage,
        } | ({"hubspot_owner_id": owner} if owner else {})
        associations = await self._associations.of(touch, DEAL_TO_CONTACT, DEAL_TO_COMPANY)
        body = {"properties": values, "associations": associations}
        try:
            answer = await self._client.request("POST", DEALS, json=body, harmless_to_repeat=True)
        except OurFault as error:
            if error.status in _MAYBE_THERE and (there := await self._there(touch.key)):
                return there
            raise
        return str(answer.json()["id"])

    async def _there(self, key: str) -> str:
        body = {"idProperty": TOUCH_KEY, "inputs": [{"id": key}], "properties": [], "propertiesWithHistory": []}
        answer = await self._client.request("POST", f"{DEALS}/batch/read", json=body, harmless_to_repeat=True)
        found = answer.json()["results"]
        return str(found[0]["id"]) if found else ""

    async def _stage(self, wanted: OpportunityWanted) -> tuple[str, str]:
        """Pipeline and stage: as asked for, else the first of each."""
        if wanted.pipeline and wanted.stage:
            return wanted.pipeline, wanted.stage
        if wanted.pipeline not in self._first_stages:
            answer = await self._client.request("GET", _PIPELINES, harmless_to_repeat=True)
            self._first_stages[wanted.pipeline] = _first(answer.json()["results"], wanted.pipeline)
        pipeline, stage = self._first_stages[wanted.pipeline]
        return pipeline, wanted.stage or stage


def opportunity(deal: dict[str, Any], contacts: Sequence[str]) -> CrmOpportunity:
    """A deal as HubSpot gives it."""
    values = deal["properties"]
    at = datetime.fromisoformat(deal["updatedAt"])
    return CrmOpportunity(id=str(deal["id"]), contacts=tuple(contacts), outcome=_outcome(values), changed_at=at)


def _outcome(values: dict[str, Any]) -> str:
    if values.get("hs_is_closed_won") == "true":
        return "won"
    if values.get("hs_is_closed") == "true":
        return "lost"
    untouched = values.get(TOUCH_KEY) and values.get("dealstage") == values.get(FIRST_STAGE)
    return "" if untouched else "opportunity_opened"


def _first(pipelines: list[dict[str, Any]], wanted: str) -> tuple[str, str]:
    ordered = sorted(pipelines, key=lambda one: one["displayOrder"])
    chosen = next((one for one in ordered if not wanted or wanted in (one["id"], one["label"])), None)
    if chosen is None:
        known = ", ".join(one["id"] for one in ordered)
        raise OurFault(f"hubspot has no pipeline {wanted}; there is {known}", vendor="hubspot", code="pipeline")
    return str(chosen["id"]), str(min(chosen["stages"], key=lambda one: one["displayOrder"])["id"])
