"""What a person may ask of whoever keeps their data: all of it, or none of it any more."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic_core import to_json

from api.auth import Operator, Reader
from api.context import Context
from api.problems import unknown_lead
from domain.errors import NotFound
from storage import erasure, export
from storage.erasure import Erased

router = APIRouter(prefix="/v1/leads", tags=["leads"])
_JSON: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": {"type": "object"}}}}}


@router.get("/{lead_id}/export", summary="Everything held on a lead", response_class=Response, responses=_JSON)
async def export_(lead_id: str, context: Context, _key: Reader) -> Response:
    """One JSON object: `lead`, `account`, and lists: `identities`, `companies`, `consent`, `preferences`, `answers`,
    `suppression`, `behaviour`, `journeys`, `decisions`, `touches`, `handoffs`, `audiences`, `crm`.
    """
    try:
        held = await export.held(context.database, lead_id, context.now())
    except NotFound:
        raise unknown_lead(lead_id) from None
    body = to_json(held, inf_nan_mode="null")
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.delete("/{lead_id}", summary="Erase a person")
async def erase(lead_id: str, context: Context, key: Operator) -> Erased:
    """Removes what is personal at once, and keeps the person from coming back. The journey ends by itself, audiences
    and the CRM's contact are emptied with the next reconciliation, and Temporal's history goes last: then `finished_at`
    is set. Sent again it changes nothing and says how far it has come.
    """
    try:
        return await erasure.erase(context.database, lead_id, key.name, context.now())
    except NotFound:
        raise unknown_lead(lead_id) from None
