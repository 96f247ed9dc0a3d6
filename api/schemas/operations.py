"""Commands to many journeys, and what operators did."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas.text import Name, Paragraph
from domain.operating import OperationKind, OperationStatus, Outcome
from domain.words import BuyerStage, DisqualifyReason, ResumePolicy

_LeadId = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]


class OperationBody(BaseModel):
    """What is to be done to whom: either `leads` or `where`. The fields after `rate` go with one kind each."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"kind": "pause", "where": 'stage == "comparison"', "rate": 50, "reason": "New prices"}]
        },
    )

    kind: OperationKind
    leads: list[_LeadId] = Field(default_factory=list, max_length=10_000, description="Leads by their ids.")
    where: Paragraph = Field("", description="All whose journey this condition holds for: docs/operations.md.")
    rate: float = Field(0, ge=0, le=10_000, allow_inf_nan=False, description="Leads a second; 0 for any.")
    reason: Paragraph = Field("", description="Why, for the operators' log: words without names or addresses.")
    stage: BuyerStage | None = Field(None, description="For force_stage.")
    policy: ResumePolicy = Field(ResumePolicy.SHIFT, description="For resume: what becomes of what fell due.")
    hold: Name | None = Field(None, description="For resume of whom a hold stopped: its scope; it is lifted.")
    to: Name | None = Field(None, description="For rewind: a step, a stage, a time (`3d ago` too) or a number.")
    touch: Name | None = Field(None, description="For resend: a step that was sent, or a touch's key.")
    playbook: Name | None = Field(None, description="For migrate: a version's hash, or a playbook's name.")
    because: DisqualifyReason | None = Field(None, description="For disqualify.")
    anyway: bool = Field(False, description="For re_enrol: whatever the playbook's rule of re-entry says.")


class OperationItem(BaseModel):
    """An operation, and how far it is. Times are on the deployment's clock."""

    id: str
    kind: OperationKind
    status: OperationStatus
    where: str = Field(validation_alias="selection", description="Empty where the leads were named.")
    rate: float
    by: str = Field(description="The key, or the user on the machine.")
    reason: str
    total: int = Field(description="Leads it is about.")
    counts: dict[Outcome, int] = Field(description="Leads by what has become of them.")
    undoes: str = Field(description="The operation that this one takes back, if any.")
    undone_by: list[str]
    created_at: datetime
    finished_at: datetime | None


class OperationList(BaseModel):
    total: int
    items: list[OperationItem] = Field(description="The newest first.")


class OperationReason(BaseModel):
    """Why so many were refused or failed."""

    status: Outcome
    detail: str
    number: int


class OperationLeadView(BaseModel):
    """What became of one lead. The decisions are numbers of those of journey ``cycle``."""

    lead_id: str
    status: Outcome
    detail: str
    cycle: int | None
    number_before: int | None
    number_after: int | None
    done_at: datetime | None


class OperationShown(OperationItem):
    reasons: list[OperationReason]
    leads: list[OperationLeadView] = Field(description="In their order, as many as were asked for.")


class RefusalView(BaseModel):
    why: str
    number: int


class ForetoldView(BaseModel):
    """What the core decides for a sample in 14 days: counts of that sample, by when and channel."""

    sample: int
    touches: dict[str, dict[str, int]]
    assets: dict[str, int] = Field(description="What the command itself sends.")
    otherwise: dict[str, int] = Field(description="Touches without the operation, by channel.")
    endings: dict[str, int]
    handoffs: int
    declined: dict[str, int] = Field(description="Leads whom the command would do nothing for, by why.")


class OperationPreview(BaseModel):
    """What the operation would do now. Nothing was changed."""

    kind: OperationKind
    total: int
    able: int = Field(description="Leads that would be commanded.")
    refused: list[RefusalView]
    leads: list[dict[str, Any]] = Field(description="Ten of them.")
    rate: float
    seconds: float | None = Field(description="How long it takes at this rate; none without one.")
    foretold: ForetoldView | None


class OperationAsked(BaseModel):
    """Either what it would do, or the operation that was asked for."""

    preview: OperationPreview | None = None
    operation: OperationItem | None = None


class ActionView(BaseModel):
    """What an operator did. ``detail`` has ids and words of Tendril's, and under ``reason`` what the operator wrote."""

    id: int
    at: datetime
    by: str
    action: str
    subject: str = Field(description="The id of what it was done to.")
    detail: dict[str, Any]
    operation_id: str


class ActionList(BaseModel):
    items: list[ActionView] = Field(description="The newest first.")
    next_before: int | None = Field(description="The next page's `before`; none at the end.")
