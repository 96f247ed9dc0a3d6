"""Commands to many journeys, and what operators did."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.auth import Operator, Reader
from api.context import ApiContext, Context
from api.problems import invalid
from api.schemas.operations import (
    ActionList,
    ActionView,
    OperationAsked,
    OperationBody,
    OperationItem,
    OperationList,
    OperationPreview,
    OperationShown,
)
from api.services.commanding import since
from api.specification import problems
from domain.errors import NotFound, Refused
from domain.operating import OperationKind, OperationRequest, lacking
from runtime.previewing import preview
from storage import operations, operators_log
from storage.operation_targets import version_named
from storage.undoing import undo_of
from storage.where import parse

router = APIRouter(prefix="/v1", tags=["operations"])
_PREVIEW = Query(description="Only say what it would do.")


class Act(StrEnum):
    """What can be done to an operation as a whole."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"


_ACTS: dict[Act, Any] = {
    Act.PAUSE: operations.pause,
    Act.RESUME: operations.resume,
    Act.CANCEL: operations.cancel,
    Act.RETRY: operations.retry,
}


@router.get("/operations", summary="List operations")
async def page(context: Context, _key: Reader, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> OperationList:
    """The newest first, each with how far it is."""
    views, total = await operations.newest(context.database, limit)
    return OperationList(total=total, items=[_item(view) for view in views])


@router.post("/operations", summary="Command many journeys", status_code=202, responses=problems(409))
async def begin(
    body: OperationBody, context: Context, key: Operator, preview: Annotated[bool, _PREVIEW] = False
) -> OperationAsked:
    """Answers at once: workers carry it out, at its rate, each journey once. With `preview=true` nothing is changed,
    and the answer says how many are meant, who would refuse, and what would be sent when.
    """
    request = await _request(context, body)
    if preview:
        return OperationAsked(preview=await _foreseen(context, body, request))
    if missing := lacking(body.kind, request, body.reason):
        raise invalid([{"loc": ("body",), "msg": missing}])
    async with context.database.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        id_ = await operations.create(
            connection,
            kind=body.kind,
            by=key.name,
            now=context.now(),
            request=request,
            leads=body.leads,
            where=body.where,
            rate=body.rate,
            reason=body.reason,
        )
    return OperationAsked(operation=_item(await operations.get(context.database, id_)))


@router.get("/operations/{operation_id}", summary="Show an operation")
async def show(
    operation_id: str, context: Context, _key: Reader, leads: Annotated[int, Query(ge=0, le=1000)] = 0
) -> OperationShown:
    """How far it is, why leads were refused, and what became of the first so many."""
    view = await operations.get(context.database, operation_id)
    members = await operations.members(context.database, operation_id, None, leads) if leads else []
    reasons = await operations.reasons(context.database, operation_id)
    return OperationShown.model_validate(_fields(view) | {"reasons": reasons, "leads": members})


@router.post("/operations/{operation_id}/undo", summary="Undo an operation", status_code=202, responses=problems(409))
async def undo(operation_id: str, context: Context, key: Operator) -> OperationAsked:
    """Another operation takes it back, at the same rate. 409 where that can't be, with what can be done instead."""
    done = await operations.get(context.database, operation_id)
    back = await undo_of(context.database, done)
    async with context.database.pool.acquire() as connection, connection.transaction():
        id_ = await operations.create(
            connection,
            kind=back.kind,
            by=key.name,
            now=context.now(),
            request=back.request,
            leads=back.leads,
            given=back.given,
            rate=done.rate,
            reason=f"undoes {operation_id}",
            undoes=operation_id,
        )
    return OperationAsked(operation=_item(await operations.get(context.database, id_)))


@router.post("/operations/{operation_id}/{act}", summary="Stop an operation, or go on with it", responses=problems(409))
async def turn(operation_id: str, act: Act, context: Context, key: Operator) -> OperationItem:
    """Pause and resume; cancel spares those who wait; retry asks those again who did not answer."""
    await _ACTS[act](context.database, operation_id, key.name, context.now())
    return _item(await operations.get(context.database, operation_id))


@router.get("/operator-actions", summary="What operators did")
async def actions(
    context: Context,
    _key: Operator,
    lead: Annotated[str, Query(max_length=100, description="To this lead, operations included.")] = "",
    by: Annotated[str, Query(max_length=200, description="By this key or user.")] = "",
    since: Annotated[datetime | None, Query(description="From then on.")] = None,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="next_before of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ActionList:
    """Commands, holds, keys, merges, answers for sales and whatever else, the newest first."""
    rows = await operators_log.actions(context.database, lead=lead, by=by, since=since, before=before, limit=limit + 1)
    items = [ActionView.model_validate(row) for row in rows[:limit]]
    return ActionList(items=items, next_before=items[-1].id if len(rows) > limit else None)


async def _request(context: ApiContext, body: OperationBody) -> OperationRequest:
    """What goes with the kind. Raises a 422 ``Problem`` for whom it is about, and for a playbook nobody knows."""
    if bool(body.leads) == bool(body.where):
        raise invalid([{"loc": ("body", "where"), "msg": "give leads, or where: one of them"}])
    try:
        if body.where:
            parse(body.where)
    except Refused as fault:
        raise invalid([{"loc": ("body", "where"), "msg": str(fault)}]) from fault
    given = body.model_dump(include=set(OperationRequest.model_fields), exclude_none=True)
    if body.kind is OperationKind.MIGRATE and body.playbook:
        try:
            given["playbook"] = await version_named(context.database.pool, body.playbook)
        except NotFound as fault:
            raise invalid([{"loc": ("body", "playbook"), "msg": str(fault)}]) from fault
    if body.kind is OperationKind.RESUME and body.hold:
        given["since"] = await since(context.database.pool, body.hold)
    return OperationRequest(**given)


async def _foreseen(context: ApiContext, body: OperationBody, request: OperationRequest) -> OperationPreview:
    foreseen = await preview(
        context.database,
        kind=body.kind,
        now=context.now(),
        clock=context.clock,
        request=request,
        leads=body.leads,
        where_=body.where,
        rate=body.rate,
    )
    return OperationPreview.model_validate(foreseen.model_dump(exclude={"request", "where"}))


def _fields(view: operations.OperationView) -> dict[str, Any]:
    return view.model_dump(exclude={"request"})


def _item(view: operations.OperationView) -> OperationItem:
    return OperationItem.model_validate(_fields(view))
