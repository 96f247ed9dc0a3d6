"""What each ads network holds of each audience."""

from fastapi import APIRouter

from api.auth import Reader
from api.context import Context
from api.schemas.audiences import AudienceList
from storage import audience_views

router = APIRouter(prefix="/v1/audiences", tags=["journeys"])


@router.get("", summary="What ads networks hold")
async def at_networks(context: Context, _key: Reader) -> AudienceList:
    """Every audience at every network: who should be there, who is, and what the network says of it."""
    items = await audience_views.at_networks(context.database)
    return AudienceList(total=len(items), items=items)
