"""What a person may ask of whoever keeps their data: all of it, or none of it any more."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic_core import to_json

from api.auth import Reader
from api.context import Context
from api.problems import unknown_lead
from domain.errors import NotFound
from storage import export

router = APIRouter(prefix="/v1/leads", tags=["leads"])
_JSON: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": {"type": "object"}}}}}


@router.get("/{lead_id}/export", summary="Everything held on a lead", response_class=Response, responses=_JSON)
async def export_(lead_id: str, context: Context, _key: Reader) -> Response:
    """One JSON object: `lead`, `account`, and lists: `identities`, `consent`, `answers`, `suppression`, `behaviour`,
    `journeys`, `decisions`, `touches`, `handoffs`, `audiences`, `crm`.
    """
    try:
        held = await export.held(context.database, lead_id, context.now())
    except NotFound:
        raise unknown_lead(lead_id) from None
    body = to_json(held, inf_nan_mode="null")
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
