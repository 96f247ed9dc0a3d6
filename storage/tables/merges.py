"""Leads that turned out to be one person, and those that may be."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Column, Index, text
from sqlalchemy import Identity as SequenceOf
from sqlmodel import Field, SQLModel

from storage.tables.columns import json_column, moment


class LeadMerge(SQLModel, table=True):
    """One lead that became part of another, by whom (opaque), why, and by which rule the other one survived.

    Enough to undo it: which behaviour came from where (``behaviour_ids`` and their old ``positions``), and in ``kept``
    what else changed: ``moved`` and ``filled`` parts of the profile, ``identities``, and the survivor's ``consent`` and
    ``preference`` as they were. It is in force until ``undone_at``.
    """

    __tablename__ = "lead_merge"
    __table_args__ = (Index("lead_merge_in_force", "merged", unique=True, postgresql_where=text("undone_at is null")),)
    id: int | None = Field(default=None, sa_column=Column(BigInteger, SequenceOf(always=True), primary_key=True))
    survivor: str = Field(foreign_key="lead.id", index=True)
    merged: str = Field(foreign_key="lead.id")
    by: str
    why: str
    rule: str
    at: datetime = moment()
    behaviour_ids: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False, server_default="{}"))
    positions: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False, server_default="{}"))
    kept: dict[str, Any] = json_column()
    undone_at: datetime | None = moment(null=True)
    undone_by: str = ""


class SamePerson(SQLModel, table=True):
    """Two leads (``one`` < ``other``) that may be one person, and what says so. With ``denied_at``: they are not."""

    __tablename__ = "same_person"
    one: str = Field(primary_key=True, foreign_key="lead.id")
    other: str = Field(primary_key=True, foreign_key="lead.id", index=True)
    why: str
    at: datetime = moment()
    denied_at: datetime | None = moment(null=True)
    denied_by: str = ""
