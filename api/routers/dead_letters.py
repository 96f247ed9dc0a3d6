"""Events that could not be understood: to look at. ``tendril events dead-letters`` takes them in or forgets them."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Reader
from api.context import Context
from api.routers.leads import Limit
from api.schemas.dead_letters import DeadLetterList, DeadLetterView
from storage import dead_letters

router = APIRouter(prefix="/v1/dead-letters", tags=["tracking"])
Cursor = Annotated[str | None, Query(pattern="^[0-9]{1,18}$", description="next_cursor of the page before.")]


@router.get("", summary="List events that could not be understood")
async def page(context: Context, _key: Reader, cursor: Cursor = None, limit: Limit = 50) -> DeadLetterList:
    """The newest first, each whole and with the reason. They hold what was sent: personal data too."""
    letters, total = await dead_letters.newest(context.database, limit + 1, int(cursor) if cursor else None)
    items = [DeadLetterView.model_validate(letter, from_attributes=True) for letter in letters[:limit]]
    return DeadLetterList(total=total, items=items, next_cursor=str(items[-1].id) if len(letters) > limit else None)
