"""Two pages for people: what is going on, and one lead's story in words."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from api.auth import Basic, Bearer, allowed, from_this_machine, unauthorised
from api.context import ApiContext, Context
from api.pages import page
from api.specification import pages
from domain.errors import NotFound
from domain.words import Channel, TouchStatus
from storage import funnel, leads, timeline, views

_NEWEST = 20
_LINES = 100
_WEEK = timedelta(days=7)
_HANDOFFS = ("open", "accepted", "rejected", "expired", "withdrawn")


async def _visitor(request: Request, context: Context, bearer: Bearer, basic: Basic) -> None:
    """A read key (as user name or password), or this machine itself in a demo. Raises a 401 or 403 ``Problem``."""
    if context.settings.demo and from_this_machine(request):
        return
    key = bearer.credentials if bearer else (basic.username or basic.password) if basic else ""
    if not key:
        raise unauthorised("This page needs a key: give it as user name.", "read", challenge="Basic")
    await allowed(context, key, "read")


router = APIRouter(tags=["console"], dependencies=[Depends(_visitor)])


@router.get("/", response_class=HTMLResponse, summary="Start page")
async def start(context: Context) -> HTMLResponse:
    """The funnel, what was sent this week, handoffs, and the newest decisions."""
    shown = await funnel.funnel(context.database, context.now())
    activity = await views.activity(context.database, context.now() - _WEEK)
    touches = activity["touches"]
    return page(
        "start.html",
        funnel=shown,
        handoffs=_in_order(activity["handoffs"], _HANDOFFS),
        touches={one: _in_order(touches[one], TouchStatus) for one in Channel if one in touches},
        decisions=await views.last_decisions(context.database, _NEWEST),
        **_frame(context),
    )


@router.get("/leads/{lead_id}", response_class=HTMLResponse, summary="One lead's story", responses=pages(404))
async def story(lead_id: str, context: Context) -> HTMLResponse:
    """Where the lead is, why, what next, and every decision in words."""
    try:
        lead = await leads.get(context.database, lead_id)
    except NotFound:
        return page("nobody.html", 404, lead_id=lead_id, **_frame(context))
    try:
        journey = await views.journey_view(context.database, lead_id)
    except NotFound:
        journey = None
    happened, _ = await timeline.timeline(context.database, lead_id, limit=_LINES)
    return page("lead.html", lead=lead, journey=journey, happened=happened, **_frame(context))


def _in_order(numbers: Mapping[str, int], words: Iterable[str]) -> dict[str, int]:
    """Numbers in the order in which a lead meets the words; without those that count nobody."""
    return {word: numbers[word] for word in words if numbers.get(word)}


def _frame(context: ApiContext) -> dict[str, Any]:
    settings = context.settings
    return {
        "now": context.now(),
        "scale": context.clock.scale,
        "temporal_ui": settings.temporal_ui_url.rstrip("/"),
        "namespace": settings.temporal_namespace,
        "inbox": settings.smtp_lookup_url,
    }
