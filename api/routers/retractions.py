"""Behaviour that should never have counted is taken back, and what should have is given back."""

from typing import Any

from fastapi import APIRouter

from api.auth import Operator
from api.context import Context
from api.problems import Problem
from api.schemas.retractions import RestoreBody, Restored, RetractBody, Retracted
from storage.retractions import Outcome, restore, retract

router = APIRouter(prefix="/v1/events", tags=["tracking"])


# Message ids are the senders': they may have slashes in them, and ours have.
@router.post("/{message_id:path}/retract", summary="Take an event back")
async def take_back(message_id: str, body: RetractBody, context: Context, key: Operator) -> Retracted:
    """It is kept and shown, and counts no more: the journey wakes and decides without it. Twice is once."""
    outcomes = await retract(context.database, [message_id], key.name, body.reason, context.now(), body.sender)
    return Retracted(message_id=message_id, outcome=_known(outcomes[message_id]))


@router.post("/{message_id:path}/restore", summary="Let an event count after all")
async def give_back(message_id: str, body: RestoreBody, context: Context, key: Operator) -> Restored:
    """One that was taken back, or was taken for a machine's: the journey wakes and scores with it. Twice is once."""
    outcomes = await restore(context.database, [message_id], key.name, body.reason, context.now(), body.sender)
    return Restored(message_id=message_id, outcome=_known(outcomes[message_id]))


def _known(outcome: Outcome) -> Any:
    """The outcome, where there is an event to speak of. Raises a 404 or 410 ``Problem``."""
    if outcome is Outcome.UNKNOWN:
        raise Problem(
            404,
            "unknown-event",
            "There is no event with that message id.",
            "GET /v1/leads/{id}/journey shows the message ids of what a lead did.",
        )
    if outcome is Outcome.PURGED:
        raise Problem(410, "event-purged", "That event is kept no longer.", "`tendril retention show` says how long.")
    return outcome
