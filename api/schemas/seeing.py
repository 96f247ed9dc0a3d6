"""A moment to look back to, why a touch was not sent, a timeline, and what is stuck."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.text import Line, Name
from domain.core.verdicts import Verdict
from domain.words import Channel, TouchStatus
from storage.stuck import Stuck
from storage.timeline import Item


class MomentQuery(BaseModel):
    """As of when: a time or a decision; neither is now."""

    model_config = ConfigDict(extra="forbid")

    at: Line = Field("", description="A date (its end), a time (ISO 8601, UTC where no zone is given) or `3d ago`.")
    decision: int | None = Field(None, ge=1, le=2_000_000_000, description="Right after the decision of this number.")


class WhyNotQuery(MomentQuery):
    touch: Name = Field(description="A step, asset, trigger or channel of the journey's playbook.")


class WhyNotAnswer(BaseModel):
    """One thing that the name stands for."""

    step: str = Field(description="Its name in the ledger.")
    channel: Channel
    asset: str
    where: str = Field(description="Where the playbook has it.")
    verdict: Verdict = Field(description="What stands in its way, or what became of it.")
    why: str
    until: datetime | None = Field(description="When it may leave at the earliest, where that is known.")
    key: str = Field(description="The ledger's, for what was sent.")
    at: datetime | None = Field(description="When it was sent.")
    values: dict[str, Any] = Field(description="What a condition that does not hold asked about.")


class Said(BaseModel):
    """What a decision said when it did not send it."""

    number: int
    revision: int
    at: datetime
    superseded: bool
    what: str
    why: str
    rule: str
    until: datetime | None


class InLedger(BaseModel):
    """One attempt at a touch, and what became of it."""

    key: str
    step: str
    status: TouchStatus
    reason: str
    at: datetime = Field(description="When it was sent, else claimed, else planned.")


class WhyNot(BaseModel):
    """Why a touch was not sent, by all that a name stands for, in the playbook's order."""

    at: datetime = Field(description="As of when.")
    lead_id: str
    cycle: int
    decision: int = Field(description="Number of the decision in force.")
    touch: str
    answers: list[WhyNotAnswer]
    ledger: list[InLedger] = Field(description="Every attempt at it in this journey, the newest first.")
    said: list[Said] = Field(description="What decisions said of it, the newest first.")
    unsure: list[str] = Field(description="What was asked about as it is now: how it was then is not kept.")


class TimelineQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    since: Line = Field("", description="Only what came after; as `at` elsewhere.")
    cursor: str | None = Field(None, max_length=500, description="next_cursor of the page before.")
    limit: int = Field(100, ge=1, le=1000, description="Most items of this page.")


class Timeline(BaseModel):
    """One page of all that happened with a lead, the newest first."""

    items: list[Item]
    next_cursor: str | None = Field(description="Give it as cursor for the next page; null on the last.")
    unsure: list[str] = Field(description="What is told as it is now, in sentences.")


class FunnelQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    playbook: Line = Field("", description="Of this playbook alone, by name.")
    segment: Line = Field("", description="Of this segment alone.")


class StuckQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=1000, description="Most of each kind.")


class StuckList(BaseModel):
    """What does not go on by itself, those that wait longest first within each kind."""

    items: list[Stuck]
    temporal: str = Field(description="`asked`, or why failing workflow tasks can't be told.")
