"""What the audit found. Ids only."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index
from sqlalchemy import Identity as SequenceOf
from sqlmodel import Field, SQLModel

from storage.tables.columns import moment


class AuditRun(SQLModel, table=True):
    """One audit, finished: how many journeys the database had (``leads``) and Temporal ran (``running``), how many were
    looked at twice, and who asked (``schedule``, or an operator by name).
    """

    __tablename__ = "audit_run"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, SequenceOf(always=True), primary_key=True))
    by: str
    began_real_at: datetime = moment()
    ended_real_at: datetime = moment()
    leads: int = 0
    running: int = 0
    suspects: int = 0
    repaired: int = 0
    left: int = 0


class AuditFinding(SQLModel, table=True):
    """One thing that is, or was, not as it must be (``domain.auditing``): from when it was first seen until it is gone.

    ``outcome`` says what was done about it. What a restored database lost (``restored``, ``behaviour_lost``) is written
    when it is noticed, and is gone at once: nothing of it is left to be done.
    """

    __tablename__ = "audit_finding"
    __table_args__ = (Index("audit_finding_lead", "lead_id"), Index("audit_finding_gone", "gone_real_at"))
    kind: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    lead_id: str = ""
    detail: str = ""
    outcome: str = ""
    since_real_at: datetime | None = moment(null=True)
    first_real_at: datetime = moment()
    last_real_at: datetime = moment()
    gone_real_at: datetime | None = moment(null=True)
