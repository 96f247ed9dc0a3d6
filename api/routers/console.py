"""Two pages for people: what is going on, and one lead's story in words."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from api.auth import Basic, Bearer, allowed, from_this_machine, unauthorised
from api.context import ApiContext, Context
from api.pages import page
from api.specification import pages
from domain.errors import NotFound
from domain.words import BuyerStage, Channel, LeadStatus, TouchStatus
from storage import leads, views

_NEWEST = 20
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
    """Counts, the newest journeys and decisions, and links to Temporal's UI and the inbox."""
    counts = await views.counts(context.database)
    journeys = counts["journeys"]
    counts["journeys"] = journeys | {
        "status": _in_order(journeys["status"], LeadStatus),
        "stage": _in_order(journeys["stage"], BuyerStage),
    }
    counts["handoffs"] = _in_order(counts["handoffs"], _HANDOFFS)
    touches = counts["touches"]
    counts["touches"] = {one: _in_order(touches[one], TouchStatus) for one in Channel if one in touches}
    in_flight = sum(journeys["stage"].values())
    decisions = await views.last_decisions(context.database, _NEWEST)
    return page("start.html", counts=counts, in_flight=in_flight, decisions=decisions, **_frame(context))


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
    return page("lead.html", lead=lead, journey=journey, **_frame(context))


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
