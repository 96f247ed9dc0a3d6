"""What the last audit found."""

from datetime import datetime

from pydantic import BaseModel, Field


class AuditRunView(BaseModel):
    """The last audit of every lead, in numbers. Times are real."""

    by: str = Field(description="`schedule`, or an operator by name.")
    began_real_at: datetime
    ended_real_at: datetime
    leads: int = Field(description="Leads with a journey in the database.")
    running: int = Field(description="Journeys that Temporal runs.")
    suspects: int = Field(description="Leads that were looked at twice.")
    repaired: int
    left: int = Field(description="Drift that nothing was done about.")


class FindingView(BaseModel):
    """One thing that is not as it must be, or that a person should know."""

    kind: str
    subject: str = Field(description="A lead's id, or what else it is about: a touch's key, a schedule, a list.")
    lead_id: str
    detail: str
    means: str
    remedy: str
    notice: bool = Field(description="No drift: it is told, and the audit can do nothing about it.")
    outcome: str = Field(description="What the audit did; empty for nothing.")
    since_real_at: datetime | None
    first_real_at: datetime = Field(description="When an audit first saw it.")


class AuditView(BaseModel):
    """``audit`` is null before the first. ``told``: what restored databases had forgotten, of the last 90 days."""

    audit: AuditRunView | None
    findings: list[FindingView]
    told: list[FindingView]
