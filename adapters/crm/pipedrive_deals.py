"""Opportunities as Pipedrive deals: made with a handoff where the playbook asks for one, and how they stand.

The touch key is a custom field of the deal, by which a person's deals are looked through before one is made. Pipedrive
itself would take a second one: the ledger sees to it that one attempt at a handoff is under way at a time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.crm.pipedrive_client import NAME, PipedriveClient
from adapters.crm.pipedrive_fields import FIRST_STAGE, TOUCH_KEY, Fields
from adapters.crm.pipedrive_persons import Persons
from adapters.crm.sellers import Sellers
from domain.crm_ports import CrmOpportunity, OpportunityWanted
from domain.errors import OurFault
from domain.ports import OutboundTouch

DEALS = "/api/v2/deals"


class Deals:
    """Making deals."""

    def __init__(self, client: PipedriveClient, fields: Fields, persons: Persons, sellers: Sellers) -> None:
        self._client = client
        self._fields = fields
        self._persons = persons
        self._sellers = sellers
        self._opened: dict[str, str] = {}

    async def open(self, touch: OutboundTouch, wanted: OpportunityWanted) -> str:
        """The deal of this handoff: the one that is there, else a new one. Raises a ``VendorFault``."""
        keys = await self._fields.keys("deal", [TOUCH_KEY, FIRST_STAGE])
        who = await self._persons.who(touch)
        deal = await self._there(who.id, keys[TOUCH_KEY], touch.key)
        if not deal:
            pipeline, stage = await self._stage(wanted)
            owner = await self._sellers.id_of(touch.owner)
            body: dict[str, Any] = {
                "title": wanted.title,
                "person_id": int(who.id),
                "pipeline_id": pipeline,
                "stage_id": stage,
                "custom_fields": {keys[TOUCH_KEY]: touch.key, keys[FIRST_STAGE]: str(stage)},
            }
            body |= {"org_id": who.organization} if who.organization else {}
            body |= {"owner_id": int(owner)} if owner else {}
            # After a lost answer it is found again.
            deal = str((await self._client.data("POST", DEALS, json=body))["id"])
        self._opened[touch.key] = deal
        return deal

    def opened_for(self, key: str) -> str:
        """The deal that was opened for a handoff just now, for its task; "" when there is none."""
        return self._opened.pop(key, "")

    async def _there(self, person: str, field: str, key: str) -> str:
        params = {"person_id": person, "custom_fields": field}
        deals = [deal async for deal in self._client.pages(DEALS, params)]
        return next((str(deal["id"]) for deal in deals if deal["custom_fields"].get(field) == key), "")

    async def _stage(self, wanted: OpportunityWanted) -> tuple[int, int]:
        """Pipeline and stage: as asked for by id or name, else the first of each."""
        pipelines = [one async for one in self._client.pages("/api/v2/pipelines", {})]
        pipeline = _chosen(pipelines, wanted.pipeline, "pipeline")
        stages = [one async for one in self._client.pages("/api/v2/stages", {"pipeline_id": pipeline})]
        return pipeline, _chosen(stages, wanted.stage, "stage")


def opportunity(deal: Mapping[str, Any], keys: Mapping[str, str]) -> CrmOpportunity:
    """A deal as Pipedrive gives it."""
    person = deal.get("person_id")
    return CrmOpportunity(
        id=str(deal["id"]),
        contacts=(str(person),) if person else (),
        outcome=_outcome(deal, keys),
        changed_at=datetime.fromisoformat(deal["update_time"]),
    )


def _outcome(deal: Mapping[str, Any], keys: Mapping[str, str]) -> str:
    if deal["status"] in ("won", "lost"):
        return str(deal["status"])
    values = deal.get("custom_fields") or {}
    untouched = values.get(keys[TOUCH_KEY]) and values.get(keys[FIRST_STAGE]) == str(deal["stage_id"])
    return "" if untouched else "opportunity_opened"


def _chosen(there: Sequence[Mapping[str, Any]], wanted: str, what: str) -> int:
    ordered = sorted(there, key=lambda one: one["order_nr"])
    found = next((one for one in ordered if not wanted or wanted in (str(one["id"]), one["name"])), None)
    if found is None:
        known = ", ".join(str(one["id"]) for one in ordered)
        raise OurFault(f"{NAME} has no {what} {wanted}; there is {known or 'none'}", vendor=NAME, code=what)
    return int(found["id"])
