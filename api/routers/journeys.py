"""Where everyone is, and one lead's story."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Reader
from api.context import ApiContext, Context
from api.problems import Problem, invalid, unknown_lead
from api.schemas.journeys import ClockView, JourneyList, JourneyListed, JourneyQuery, JourneyStory
from api.schemas.seeing import (
    FunnelQuery,
    MomentQuery,
    StuckList,
    StuckQuery,
    Timeline,
    TimelineQuery,
    WhyNot,
    WhyNotQuery,
)
from domain.errors import NotFound, Refused
from domain.moments import parse_moment
from runtime import failing
from storage import funnel, leads, past, stuck, timeline, views, why_not
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


@router.get("/journeys/funnel", summary="How many leads are where")
async def count(asked: Annotated[FunnelQuery, Query()], context: Context, _key: Reader) -> funnel.Funnel:
    """By buyer stage and status, by path and by ending, with how many began (or ended) in each of the last weeks."""
    return await funnel.funnel(context.database, context.now(), playbook=asked.playbook, segment=asked.segment)


@router.get("/journeys/stuck", summary="What does not go on by itself")
async def waits(asked: Annotated[StuckQuery, Query()], context: Context, _key: Reader) -> StuckList:
    """Since when, why, and what to do. A quick look: that nobody is left behind the audit proves."""
    found = await stuck.stuck(context.database, context.now(), asked.limit)
    tasks, told = await _failing(context, asked.limit)
    return StuckList(items=[*found, *tasks], temporal=told)


@router.get("/leads/{lead_id}/journey", summary="Show a lead's journey, with reasons, now or as of any moment")
async def show(lead_id: str, asked: Annotated[MomentQuery, Query()], context: Context, _key: Reader) -> JourneyStory:
    """Status, path, stage, fit and intent; why; what comes next and when; what would move it; all that led here.

    With `at` or `decision` as it was then: what was known and decided, and nothing that came later.
    """
    try:
        moment = await _moment(context, lead_id, asked)
        if moment is None:
            view = await views.journey_view(context.database, lead_id)
        else:
            view = await past.journey_view(context.database, lead_id, moment)
    except NotFound as missing:
        raise await _nothing(context, lead_id, missing) from None
    return JourneyStory.model_validate(view | {"clock": clock_view(context)})


@router.get("/leads/{lead_id}/why-not", summary="Why a touch was not sent")
async def refuse(lead_id: str, asked: Annotated[WhyNotQuery, Query()], context: Context, _key: Reader) -> WhyNot:
    """What stands in the way of a step, asset, trigger or channel, or when it will be sent; now or as of any moment."""
    playbooks, db = context.playbooks, context.database
    try:
        moment = await _moment(context, lead_id, asked)
        answer = await why_not.why_not(db, playbooks, lead_id, asked.touch, context.now(), moment)
    except why_not.Unnamed as unknown:
        raise invalid([{"loc": ("query", "touch"), "msg": f"{unknown} {unknown.remedy}"}]) from unknown
    except NotFound as missing:
        raise await _nothing(context, lead_id, missing) from None
    return WhyNot.model_validate(answer.document())


@router.get("/leads/{lead_id}/timeline", summary="Everything that happened with a lead")
async def happened(lead_id: str, asked: Annotated[TimelineQuery, Query()], context: Context, _key: Reader) -> Timeline:
    """One line a thing, the newest first, across journeys: behaviour, decisions, touches, sales, operators, consent."""
    since = _read(asked.since, "since", context) if asked.since else None
    try:
        items, following = await timeline.timeline(
            context.database, lead_id, since=since, cursor=asked.cursor, limit=asked.limit
        )
    except NotFound:
        raise unknown_lead(lead_id) from None
    except Refused as fault:
        raise invalid([{"loc": ("query", "cursor"), "msg": str(fault)}]) from fault
    return Timeline(items=items, next_cursor=following, unsure=list(timeline.UNSURE))


async def _failing(context: ApiContext, limit: int) -> tuple[list[stuck.Stuck], str]:
    if context.temporal is None:
        return [], "this process is not connected to Temporal"
    try:
        tasks = await failing.of(context.temporal, limit)
    except Refused as refused:
        return [], str(refused)
    since = context.clock.from_real
    return [stuck.of("task_failing", one.lead, since(one.since), one.problem) for one in tasks], "asked"


async def _moment(context: ApiContext, lead_id: str, asked: MomentQuery) -> past.Moment | None:
    """Raises a 422 ``Problem`` for what is no moment, and ``NotFound``."""
    if asked.decision is not None:
        if asked.at:
            raise invalid([{"loc": ("query", "decision"), "msg": "at says another moment: give one of them"}])
        return await past.of_decision(context.database, lead_id, asked.decision)
    return past.Moment(_read(asked.at, "at", context)) if asked.at else None


def _read(text: str, parameter: str, context: ApiContext) -> datetime:
    try:
        return parse_moment(text, context.now())
    except ValueError as wrong:
        raise invalid([{"loc": ("query", parameter), "msg": str(wrong)}]) from wrong


def clock_view(context: ApiContext) -> ClockView:
    return ClockView(now=context.now(), scale=context.clock.scale)


async def _nothing(context: ApiContext, lead_id: str, missing: NotFound) -> Problem:
    """No such lead, no journey yet, or none at that moment."""
    try:
        await leads.get(context.database, lead_id)
    except NotFound:
        return unknown_lead(lead_id)
    if "has no journey." in str(missing):
        return Problem(404, "not-enrolled", f"{lead_id} has no journey.", "Enrol the lead with POST /v1/leads.")
    return Problem(404, "not-then", str(missing), missing.remedy)
