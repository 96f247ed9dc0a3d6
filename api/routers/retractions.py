"""Behaviour that should never have counted is taken back."""

from fastapi import APIRouter

from api.auth import Operator
from api.context import Context
from api.problems import Problem
from api.schemas.retractions import RetractBody, Retracted
from storage.retractions import Outcome, retract

router = APIRouter(prefix="/v1/events", tags=["tracking"])


# Message ids are the senders': they may have slashes in them, and ours have.
@router.post("/{message_id:path}/retract", summary="Take an event back")
async def take_back(message_id: str, body: RetractBody, context: Context, _key: Operator) -> Retracted:
    """It is kept and shown, and counts no more: the journey wakes and decides without it. Twice is once."""
    outcomes = await retract(context.database, [message_id], body.reason, context.now())
    outcome = outcomes[message_id]
    if outcome is Outcome.UNKNOWN:
        raise Problem(
            404,
            "unknown-event",
            "There is no event with that message id.",
            "GET /v1/leads/{id}/journey shows the message ids of what a lead did.",
        )
    return Retracted(message_id=message_id, outcome=outcome)
