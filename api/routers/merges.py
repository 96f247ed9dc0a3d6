"""Two leads that are one person: merged, made two again, suggested."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Operator, Reader
from api.context import Context
from api.problems import Problem, unknown_lead
from api.schemas.text import Line, Name
from api.specification import problems
from domain.errors import NotFound
from domain.merging import Said
from storage import duplicates, merges, unmerges
from storage.duplicates import MergeRecord, Suggestion
from storage.merges import Merged
from storage.unmerges import Unmerged

router = APIRouter(prefix="/v1", tags=["leads"])


class MergeBody(BaseModel):
    """Which lead is the same person."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"other": "ld_abcdefghijkl", "why": "same", "preview": True}]}
    )

    other: Name = Field(description="Id of the other lead.")
    why: Line = Field("", description="Kept with the merge.")
    preview: bool = Field(False, description="Only say what would become of them.")


class DistinctBody(BaseModel):
    """Which lead is somebody else."""

    model_config = ConfigDict(extra="forbid")

    other: Name = Field(description="Id of the other lead.")


class Duplicates(BaseModel):
    """Suggestions that nobody has decided, newest first. ``total`` counts them all."""

    total: int
    items: list[Suggestion]


class Merges(BaseModel):
    """What was merged, newest first, undone or not."""

    items: list[MergeRecord]


@router.post("/leads/{lead_id}/merge", summary="Merge two leads that are one person", responses=problems(409))
async def merge(lead_id: str, body: MergeBody, context: Context, key: Operator) -> Merged:
    """One survives, by rule: whom sales has, else whose journey runs, else whose journey is further, else who came
    first. The other's journey ends as `merged`; what it did, its names and the stricter of both permissions are the
    survivor's, whom everything meant for the other reaches from now on.
    """
    why = body.why or Said.OPERATOR.value
    try:
        return await merges.merge(
            context.database, lead_id, body.other, key.name, why, context.now(), preview=body.preview
        )
    except NotFound as nobody:
        raise unknown_lead(body.other if body.other in str(nobody) else lead_id) from None


@router.post("/leads/{lead_id}/unmerge", summary="Undo a merge", responses=problems(409))
async def unmerge(lead_id: str, context: Context, key: Operator) -> Unmerged:
    """`lead_id` is the lead that was merged into another. It gets back its names, its word and what it did; `stays`
    says what cannot be undone.
    """
    try:
        return await unmerges.unmerge(context.database, lead_id, key.name, context.now())
    except NotFound:
        remedy = "GET /v1/leads/{id}/merges shows what was merged."
        raise Problem(404, "not-merged", f"{lead_id} is part of no other lead.", remedy) from None


@router.post(
    "/leads/{lead_id}/distinct",
    summary="Say that two leads are two people",
    status_code=204,
    responses=problems(409),
)
async def distinct(lead_id: str, body: DistinctBody, context: Context, key: Operator) -> None:
    """They are not suggested again, and nothing but a request to merge them makes them one."""
    try:
        await duplicates.deny(context.database, lead_id, body.other, key.name, context.now())
    except NotFound as nobody:
        raise unknown_lead(body.other if body.other in str(nobody) else lead_id) from None


@router.get("/leads/{lead_id}/merges", summary="What was merged with a lead")
async def merged(lead_id: str, context: Context, _key: Reader) -> Merges:
    """As survivor or as the other, newest first."""
    return Merges(items=await duplicates.records(context.database, lead_id))


@router.get("/duplicates", summary="Leads that may be one person")
async def suggested(
    context: Context, _key: Reader, limit: Annotated[int, Query(ge=1, le=200, description="Most items.")] = 50
) -> Duplicates:
    """`why`: `identified` (a profile named both), `alias`, `visitor` (seen on one computer), `mailbox` (their addresses
    reach one mailbox).
    """
    items, total = await duplicates.suggestions(context.database, limit)
    return Duplicates(total=total, items=items)
