"""Commands to a journey, and answers on handoffs."""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.schemas.text import Line, Paragraph
from domain.words import BuyerStage, LeadStatus, Phase, RejectReason, ResumePolicy


class CommandBody(BaseModel):
    """What goes with a command: ``force_stage`` needs ``stage``, ``disqualify`` and ``sales_reject`` ``reason``,
    ``resend`` ``touch``, ``migrate`` ``playbook``, and ``rewind`` exactly one of the four ``to_…``.
    """

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "Asked us to wait until spring"}]}
    )

    reason: Paragraph = Field(
        "",
        description="Why: for disqualify and sales_reject one of the reasons, else words without names or addresses; "
        "of a hand_off the seller reads them.",
    )
    stage: BuyerStage | None = Field(None, description="For force_stage: where to move the lead.")
    policy: ResumePolicy = Field(
        ResumePolicy.SHIFT,
        description="For resume, of what fell due meanwhile. shift: every gap is longer by the pause; skip: it is "
        "passed over; catch_up: it leaves now, as cadence and caps allow.",
    )
    hold: Line = Field(
        "", description="For resume, of a journey that a hold stopped and no command: the hold's scope; it is lifted."
    )
    to_decision: int | None = Field(
        None, ge=0, le=2**31 - 1, description="For rewind: the decision to go on from; 0 is the beginning."
    )
    to_step: Line | None = Field(None, description="For rewind: to before this step was last planned.")
    to_stage: BuyerStage | None = Field(None, description="For rewind: to when the lead last came to this stage.")
    to_time: AwareDatetime | None = Field(
        None, description="For rewind: as things stood then, on the deployment's clock."
    )
    touch: Line = Field("", description="For resend: the key of the touch, as the journey lists it.")
    playbook: Line = Field(
        "", description="For migrate: a version's hash, or a playbook's name for the version in force."
    )


class CommandResult(BaseModel):
    """Where the journey is after the command; only ``title`` when no journey was there to consider it."""

    title: str
    status: LeadStatus | None
    phase: Phase | None
    stage: BuyerStage | None
    decision: int | None = Field(description="Number of the decision that considered the command.")


class Commanded(BaseModel):
    """The journey after the command: it has decided, and this is recorded."""

    lead: str
    command: str
    id: str = Field(description="The command's id: the Idempotency-Key, or one made here.")
    result: CommandResult


class RejectBody(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "timing"}]})

    reason: RejectReason = Field(description="Why the lead is given back.")


class HandoffView(BaseModel):
    """A lead given to sales, with the brief the seller got. Times are on the deployment's clock."""

    id: str
    lead_id: str
    cycle: int
    status: str = Field(description="open, accepted, rejected, expired or withdrawn.")
    reason: str
    brief: dict[str, Any]
    opened_at: datetime
    sla_at: datetime
    resolved_at: datetime | None
    outcome_reason: str


class HandoffList(BaseModel):
    total: int
    items: list[HandoffView] = Field(description="The newest first.")
