"""Operations over many journeys, and the log of what operators did."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, text
from sqlalchemy import Identity as SequenceOf
from sqlmodel import Field, SQLModel

from storage.tables.columns import json_column, moment


class Operation(SQLModel, table=True):
    """One command to many journeys (``domain.operating``). ``request`` is ``OperationRequest``; ``selection`` the
    condition its leads were found by, "" where they were named. ``rate`` is in leads a real second, 0 for as fast as
    it goes: nobody is commanded before ``next_real_at``. ``undoes`` is the operation that this one takes back.
    """

    __table_args__ = (
        Index("operation_running", "id", postgresql_where=text("status = 'running'")),
        Index("operation_created", "created_at"),
    )
    id: str = Field(primary_key=True)
    kind: str
    request: dict[str, Any] = json_column()
    selection: str = ""
    rate: float = 0.0
    by: str
    reason: str = ""
    status: str = "running"
    total: int = 0
    undoes: str = ""
    next_real_at: datetime | None = moment(null=True)
    created_at: datetime = moment()
    finished_at: datetime | None = moment(null=True)


class OperationLead(SQLModel, table=True):
    """One lead of an operation, commanded in the order of ``place``. ``given`` is what of the command is its own.

    ``number_before`` and ``number_after`` are decisions of journey ``cycle``: what an undo goes back to. One that was
    ``attempts`` times taken waits until ``retry_real_at``.
    """

    __tablename__ = "operation_lead"
    __table_args__ = (
        Index("operation_lead_waiting", "operation_id", "place", postgresql_where=text("status = 'waiting'")),
        Index("operation_lead_lead", "lead_id"),
    )
    operation_id: str = Field(primary_key=True, foreign_key="operation.id")
    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    place: int
    status: str = "waiting"
    detail: str = ""
    given: dict[str, Any] = json_column()
    cycle: int | None = None
    number_before: int | None = None
    number_after: int | None = None
    attempts: int = 0
    retry_real_at: datetime | None = moment(null=True)
    done_at: datetime | None = moment(null=True)


class OperatorAction(SQLModel, table=True):
    """What an operator did, and who it was: a key's name, or a user's on the machine. Rows never change, but for the
    reason given, which goes when the person it is about is erased, and a command that was refused. ``subject`` is an
    opaque id.
    """

    __tablename__ = "operator_action"
    __table_args__ = (Index("operator_action_subject", "subject"), Index("operator_action_at", "at", "id"))
    id: int | None = Field(default=None, sa_column=Column(BigInteger, SequenceOf(always=True), primary_key=True))
    at: datetime = moment()
    by: str
    action: str
    subject: str = ""
    detail: dict[str, Any] = json_column()
    operation_id: str = ""
