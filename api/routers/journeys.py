"""Where everyone is, and one lead's story."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Reader
from api.context import ApiContext, Context
from api.problems import Problem, invalid, unknown_lead
from api.schemas.journeys import ClockView, JourneyList, JourneyListed, JourneyQuery, JourneyStory
from domain.errors import NotFound, Refused
from storage import leads, views
from storage.views import JourneyFilters

router = APIRouter(prefix="/v1", tags=["journeys"])


@router.get("/journeys", summary="List journeys")
async def page(asked: Annotated[JourneyQuery, Query()], context: Context, _key: Reader) -> JourneyList:
    """The newest first; every filter narrows."""
    filters = JourneyFilters(**asked.model_dump(exclude={"cursor", "limit"}, exclude_none=True))
    try:
        items, following, total = await views.list_journeys(context.database, filters, asked.cursor, asked.limit)
    except Refused as fault:
        raise invalid([{"loc": ("query", "cursor"), "msg": str(fault)}]) from fault
    listed = [JourneyListed.model_validate(item) for item in items]
    return JourneyList(total=total, items=listed, next_cursor=following, clock=clock_view(context))


@router.get("/leads/{lead_id}/journey", summary="Show a lead's journey, with reasons")
async def show(lead_id: str, context: Context, _key: Reader) -> JourneyStory:
    """Status, path, stage, fit and intent; why; what comes next and when; what would move it; all that led here."""
    try:
        view = await views.journey_view(context.database, lead_id)
    except NotFound:
        raise await _nothing(context, lead_id) from None
    return JourneyStory.model_validate(view | {"clock": clock_view(context)})


def clock_view(context: ApiContext) -> ClockView:
    return ClockView(now=context.now(), scale=context.clock.scale)


async def _nothing(context: ApiContext, lead_id: str) -> Problem:
    try:
        await leads.get(context.database, lead_id)
    except NotFound:
        return unknown_lead(lead_id)
    return Problem(404, "not-enrolled", f"{lead_id} has no journey.", "Enrol the lead with POST /v1/leads.")
