"""The last audit: is every lead ended, or has it a next wake."""

from datetime import UTC, datetime

from fastapi import APIRouter

from api.auth import Reader
from api.context import Context
from api.schemas.audit import AuditView
from storage import audit_results

router = APIRouter(prefix="/v1/audit", tags=["journeys"])
#: Most findings in an answer; the numbers are whole.
_MOST = 1000


@router.get("", summary="The last audit of every lead")
async def last(context: Context, _key: Reader) -> AuditView:
    """What it found, what was done about it, and what to do. `tendril audit` looks anew."""
    return AuditView.model_validate(await audit_results.last(context.database, _MOST, datetime.now(UTC)))
