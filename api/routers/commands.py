"""What an operator tells a journey."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Header

from api.auth import Operator
from api.context import Context
from api.problems import unknown_lead
from api.schemas.commands import CommandBody, Commanded
from api.services import commanding, commands
from api.specification import problems
from domain.errors import NotFound
from domain.words import CommandKind
from storage import leads

router = APIRouter(prefix="/v1/leads", tags=["commands"])
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key again gives the same answer, once.",
    ),
]


@router.post("/{lead_id}/commands/{command}", summary="Command a lead's journey", responses=problems(409))
async def send(
    lead_id: str,
    command: CommandKind,
    context: Context,
    key: Operator,
    body: CommandBody | None = None,
    idempotency_key: IdempotencyKey = None,
) -> Commanded:
    """Answers once the journey has considered the command: pause, resume (`policy`), skip_wait, force_stage (`stage`),
    hand_off, disqualify (`reason`), opt_out, end, sales_accept, sales_reject (`reason`), resend (`touch`), rewind (one
    of `to_decision`, `to_step`, `to_stage`, `to_time`), migrate (`playbook`). docs/commands.md says when to use which.

    409 when the journey refuses, with why. opt_out holds even when Temporal is down: nobody writes to the lead again.
    """
    given = body or CommandBody()
    commanding.check(command, given)
    try:
        await leads.get(context.database, lead_id)
    except NotFound:
        raise unknown_lead(lead_id) from None
    request = await commanding.request(context, lead_id, command, given, key.name)
    id_ = idempotency_key or uuid4().hex
    result = await commands.carry_out(context, lead_id, command, request, id_, given.reason)
    return Commanded(lead=lead_id, command=command, id=id_, result=result)
