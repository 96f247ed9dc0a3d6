"""A journey in a list, and one journey with its story."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from domain.words import BuyerStage, Ending, LeadStatus, Phase


class ClockView(BaseModel):
    """The deployment's clock: every time in the same answer is on it."""

    now: datetime
    scale: float = Field(description="Deployment seconds per real second; 1 but in a demo.")


class NextWake(BaseModel):
    at: datetime
    cause: str


class JourneyQuery(BaseModel):
    """Which journeys to list."""

    model_config = ConfigDict(extra="forbid")

    status: LeadStatus | None = Field(None, description="What the CRM shows.")
    phase: Phase | None = Field(None, description="The path they are on.")
    stage: BuyerStage | None = None
    segment: str | None = Field(None, max_length=100)
    playbook: str | None = Field(None, max_length=100, description="The playbook's name.")
    ending: Ending | None = None
    ended: bool | None = Field(None, description="Only those that have ended, or only those in flight.")
    cursor: str | None = Field(None, max_length=500, description="next_cursor of the page before.")
    limit: int = Field(50, ge=1, le=200, description="Most items of this page.")


class JourneyItem(BaseModel):
    """Where a lead is. ``path`` is the journey's phase, such as nurture or handoff."""

    lead_id: str
    cycle: int
    playbook: str = Field(validation_alias="playbook_name")
    playbook_hash: str
    status: str = Field(description="What the CRM shows.")
    path: str = Field(validation_alias="phase")
    stage: str = Field(description="Buyer stage, as inferred.")
    segment: str
    fit: int = Field(description="0–100, from who they are.")
    grade: str
    intent: int = Field(description="0–100, from what they do.")
    title: str = Field(description="The last decision, in a line.")
    decision_number: int
    paused_since: datetime | None
    next_touch_at: datetime | None
    started_at: datetime
    decided_at: datetime | None
    ended_at: datetime | None
    ending: str
    ending_reason: str


class JourneyListed(JourneyItem):
    next_wake_at: datetime | None
    next_wake_cause: str


class JourneyList(BaseModel):
    """One page of journeys, the newest first. ``total`` counts all that match."""

    total: int
    items: list[JourneyListed]
    next_cursor: str | None = Field(description="Give it as cursor for the next page; null on the last.")
    clock: ClockView


class Superseding(BaseModel):
    """The decision that took another one back: a reset made it anew, or a rewind went back behind it."""

    number: int | None
    revision: int | None
    at: datetime | None
    cause: str


class DecisionInForce(BaseModel):
    number: int
    revision: int


class AsOf(BaseModel):
    """At what moment an answer was true, and what of it can't be told."""

    at: datetime
    decision: DecisionInForce | None = Field(description="The one in force then; null before the first.")
    superseded: Superseding | None = Field(description="What took that decision back since; null when nothing did.")
    known_to: int = Field(description="Position of the newest behaviour that the journey had read.")
    unsure: list[str] = Field(description="What is kept only as it is now, in sentences.")


class JourneyStory(JourneyItem):
    """One lead's latest journey: where, why, what next, what would move it, and all that led here, newest first."""

    clock: ClockView
    as_of: AsOf | None = Field(None, description="Set where a moment of the past was asked for.")
    reasons: list[dict[str, Any]] = Field(description="Why the last decision was made, with its evidence.")
    rejected: list[dict[str, Any]] = Field(description="What it considered and did not do, and why.")
    forward: list[str] = Field(description="What would move the lead forward.")
    next_wake: NextWake | None = Field(description="When the journey decides next by itself, and why then.")
    scores: dict[str, Any] = Field(description="Fit and intent with each rule's contribution.")
    suppressed: str = Field(description="Why nobody may write to the lead; empty when one may.")
    touches: list[dict[str, Any]]
    handoffs: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    behaviours: list[dict[str, Any]]
    audiences: list[dict[str, Any]]
    consent: list[dict[str, Any]] = Field(description="Every word on a channel, with basis, source and wording.")
    operators: list[dict[str, Any]] = Field(description="What operators did to the lead: who, when, what and why.")
    cycles: list[dict[str, Any]]
