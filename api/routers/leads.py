"""Leads: in, and out again."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.auth import Reader, Writer
from api.context import Context
from api.problems import unknown_lead
from api.schemas.leads import LeadBody, LeadList, LeadTaken, LeadView
from api.services import enrolment
from api.specification import problems
from domain.errors import NotFound
from storage import leads
from storage.tables import Lead

router = APIRouter(prefix="/v1/leads", tags=["leads"])
Limit = Annotated[int, Query(ge=1, le=200, description="Most items of this page.")]
Cursor = Annotated[str | None, Query(max_length=500, description="next_cursor of the page before.")]
_CREATED: dict[int | str, dict[str, Any]] = {201: {"model": LeadTaken}}


@router.post("", summary="Create or update a lead, and enrol it", responses=_CREATED | problems(404, 410))
async def take(body: LeadBody, context: Context, response: Response, _key: Writer) -> LeadTaken:
    """Finds the lead by external id, else by address; creates it (201) or updates it (200).

    Begins a journey of the named playbook, or of the default one, unless one is open, the last one ended too recently
    for the playbook's re-entry rule, or `enrol` is false. Sending the same again changes nothing.
    """
    taken = await enrolment.take(context.database, body, context.now())
    response.status_code = 201 if taken.created else 200
    response.headers["Location"] = f"/v1/leads/{taken.id}"
    return taken


@router.get("", summary="List leads")
async def page(
    context: Context,
    _key: Reader,
    external_id: Annotated[str | None, Query(max_length=200, description="Exactly this external id.")] = None,
    email: Annotated[str | None, Query(max_length=320, description="Exactly this address.")] = None,
    search: Annotated[str, Query(max_length=200, description="Part of an id, external id or address.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> LeadList:
    """By id. With `external_id` or `email`, the one lead it names."""
    if external_id or email:
        found = await leads.find(context.database, external_id=external_id, email=email)
        return LeadList(total=int(found is not None), items=[_view(found)] if found else [], next_cursor=None)
    items, following, total = await leads.list_leads(context.database, search=search, cursor=cursor, limit=limit)
    return LeadList(total=total, items=[_view(lead) for lead in items], next_cursor=following)


@router.get("/{lead_id}", summary="Show a lead's profile")
async def show(lead_id: str, context: Context, _key: Reader) -> LeadView:
    """The profile; where the lead is and why is at `/v1/leads/{lead_id}/journey`."""
    try:
        return _view(await leads.get(context.database, lead_id))
    except NotFound:
        raise unknown_lead(lead_id) from None


def _view(lead: Lead) -> LeadView:
    return LeadView.model_validate(lead, from_attributes=True)
