"""Leads given to sales, and the sellers' answers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.about import note_lead
from api.auth import Operator, Reader
from api.context import Context
from api.problems import Problem
from api.routers.leads import Limit
from api.schemas.commands import HandoffList, HandoffView, RejectBody
from api.services import commands
from api.specification import problems
from domain.errors import NotFound
from domain.words import CommandKind
from storage import handoffs
from storage.tables import Handoff
from workflows.messages import CommandRequest

router = APIRouter(prefix="/v1/handoffs", tags=["handoffs"])
Status = Literal["open", "accepted", "rejected", "expired", "withdrawn"]


@router.get("", summary="List handoffs")
async def page(
    context: Context,
    _key: Reader,
    status: Annotated[Status | None, Query(description="Only those of this status.")] = None,
    limit: Limit = 50,
) -> HandoffList:
    """The newest first."""
    items, total = await handoffs.list_handoffs(context.database, status=status, limit=limit)
    return HandoffList(total=total, items=[_view(item) for item in items])


@router.post("/{handoff_id}/accept", summary="Sales takes the lead", responses=problems(409))
async def accept(handoff_id: str, context: Context, key: Operator) -> HandoffView:
    """Ends the journey as sales accepted. Accepting again changes nothing."""
    handoff = await _answerable(context, handoff_id, "accepted")
    request = CommandRequest(by=key.name)
    return await _answer(context, handoff, CommandKind.SALES_ACCEPT, request, "accepted")


@router.post("/{handoff_id}/reject", summary="Sales gives the lead back", responses=problems(409))
async def reject(handoff_id: str, body: RejectBody, context: Context, key: Operator) -> HandoffView:
    """The playbook says what follows: a rest and more nurture past what was seen, or the end."""
    handoff = await _answerable(context, handoff_id, "rejected")
    request = CommandRequest(by=key.name, reason=body.reason)
    return await _answer(context, handoff, CommandKind.SALES_REJECT, request, "rejected")


async def _answerable(context: Context, handoff_id: str, wanted: Status) -> Handoff:
    """The handoff, when it is open or has this answer already. Raises a 404 or 409 ``Problem``."""
    try:
        handoff = await handoffs.get(context.database, handoff_id)
    except NotFound as fault:
        raise Problem(404, "unknown-handoff", str(fault), "GET /v1/handoffs?status=open lists the open ones.") from None
    note_lead(handoff.lead_id)
    if handoff.status not in {"open", wanted}:
        raise Problem(
            409,
            "handoff-closed",
            f"The handoff {handoff_id} is {handoff.status} already.",
            "Nothing is left to answer; GET /v1/leads/{id}/journey shows what followed.",
        )
    return handoff


async def _answer(
    context: Context, handoff: Handoff, kind: CommandKind, request: CommandRequest, wanted: Status
) -> HandoffView:
    """Tell the journey unless it knows. The id makes two clicks at once one answer."""
    if handoff.status != wanted:
        await commands.carry_out(context, handoff.lead_id, kind, request, f"{handoff.id}-{wanted}")
    return _view(await handoffs.get(context.database, handoff.id))


def _view(handoff: Handoff) -> HandoffView:
    return HandoffView.model_validate(handoff, from_attributes=True)
