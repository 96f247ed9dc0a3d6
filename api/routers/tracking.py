"""Behaviour in the shape of Segment's HTTP tracking API. An answer of 200 means: committed."""

from datetime import UTC, datetime

from fastapi import APIRouter

from api.auth import Tracker
from api.context import ApiContext, Context
from api.limits import BATCH_EVENTS
from api.problems import Problem
from api.schemas.tracking import AnyEvent, Batch, IdentifyEvent, PageEvent, Taken, TrackEvent
from api.services import tracking
from api.services.events import Arrival, sort_events

router = APIRouter(prefix="/v1", tags=["tracking"])


@router.post("/track", summary="Something a visitor or lead did")
async def track(event: TrackEvent, context: Context, _key: Tracker) -> Taken:
    """At most 32 KB. Wakes the lead's journey at once; of an unknown visitor it is kept until they are known."""
    return await _one(context, event)


@router.post("/page", summary="A page that was looked at")
async def page(event: PageEvent, context: Context, _key: Tracker) -> Taken:
    """At most 32 KB. Playbooks match it by path."""
    return await _one(context, event)


@router.post("/identify", summary="Who a visitor is")
async def identify(event: IdentifyEvent, context: Context, _key: Tracker) -> Taken:
    """At most 32 KB. With `traits.email` the lead is created or updated; what the visitor did before is the lead's.

    Does not enrol: `POST /v1/leads` does.
    """
    return await _one(context, event)


@router.post("/batch", summary="Many events at once")
async def batch(body: Batch, context: Context, _key: Tracker) -> Taken:
    """At most 500 KB and 2,500 events, 32 KB each. Bad events are kept as dead letters; the rest are taken."""
    if len(body.batch) > BATCH_EVENTS:
        raise Problem(
            413, "batch-too-long", f"The batch has {len(body.batch)} events; the most is {BATCH_EVENTS}.", "Split it."
        )
    good, bad = sort_events(body.batch)
    arrival = Arrival.at(context.clock, datetime.now(UTC), body.sent_at)
    taken = await tracking.take(context, good, arrival)
    await tracking.keep(context, bad, arrival.now)
    return taken.model_copy(update={"rejected": len(bad)})


async def _one(context: ApiContext, event: AnyEvent) -> Taken:
    return await tracking.take(context, [event], Arrival.at(context.clock, datetime.now(UTC)))
