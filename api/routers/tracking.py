"""Behaviour in the shape of Segment's HTTP tracking API. An answer of 200 means: committed.

The short forms of the browser's library (``/v1/t`` …) are ``api.segment``'s.
"""

from datetime import UTC, datetime

from fastapi import APIRouter

from api.auth import Tracker
from api.context import ApiContext, Context
from api.limits import BATCH_EVENTS
from api.problems import Problem
from api.schemas.tracking import (
    AliasEvent,
    AnyEvent,
    Batch,
    GroupEvent,
    IdentifyEvent,
    PageEvent,
    ScreenEvent,
    Taken,
    TrackEvent,
)
from api.services import tracking
from api.services.events import Arrival, objection, sort_events
from api.specification import problems
from storage.keys import KeyInfo

router = APIRouter(prefix="/v1", tags=["tracking"], responses=problems(429))


@router.post("/track", summary="Something a visitor or lead did")
async def track(event: TrackEvent, context: Context, key: Tracker) -> Taken:
    """At most 32 KB. Wakes the lead's journey at once; of an unknown visitor it is kept until they are known."""
    return await _one(context, key, event)


@router.post("/page", summary="A page that was looked at")
async def page(event: PageEvent, context: Context, key: Tracker) -> Taken:
    """At most 32 KB. Playbooks match it by path."""
    return await _one(context, key, event)


@router.post("/screen", summary="A screen of an app that was looked at")
async def screen(event: ScreenEvent, context: Context, key: Tracker) -> Taken:
    """At most 32 KB. Playbooks match it as the page `/screen/NAME`."""
    return await _one(context, key, event)


@router.post("/identify", summary="Who a visitor is")
async def identify(event: IdentifyEvent, context: Context, key: Tracker) -> Taken:
    """At most 32 KB. With `traits.email` the lead is created or updated; what the visitor did before is the lead's.

    Enrols only where `TENDRIL_ENROL_ON` says so; `POST /v1/leads` does by itself.
    """
    return await _one(context, key, event)


@router.post("/group", summary="The company somebody belongs to")
async def group(event: GroupEvent, context: Context, key: Tracker) -> Taken:
    """At most 32 KB. The lead's account is the company of that id, else of that domain; it is made if there is none."""
    return await _one(context, key, event)


@router.post("/alias", summary="Two ids of one person")
async def alias(event: AliasEvent, context: Context, key: Tracker) -> Taken:
    """At most 32 KB. If one is a lead's, both are, with all that was done under either; two leads stay two."""
    return await _one(context, key, event)


@router.post("/batch", summary="Many events at once")
async def batch(body: Batch, context: Context, key: Tracker) -> Taken:
    """At most 500 KB and 2,500 events, 32 KB each. Bad events are kept as dead letters; the rest are taken."""
    if len(body.batch) > BATCH_EVENTS:
        raise Problem(
            413, "batch-too-long", f"The batch has {len(body.batch)} events; the most is {BATCH_EVENTS}.", "Split it."
        )
    good, bad = sort_events(body.batch, body.sent_at, claims=key.claims)
    arrival = Arrival.at(context.clock, datetime.now(UTC), body.sent_at)
    return await tracking.receive(context, key, good, arrival, bad)


async def _one(context: ApiContext, key: KeyInfo, event: AnyEvent) -> Taken:
    if key.claims and (why := objection(event)):
        raise Problem(403, "scope-missing", f"{why}; the key {key.name!r} may track.", "Send your own id, or none.")
    return await tracking.receive(context, key, [event], Arrival.at(context.clock, datetime.now(UTC)))
