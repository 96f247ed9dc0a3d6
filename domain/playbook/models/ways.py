"""The ways a journey goes: stages, handoff and what sales answers, re-engagement, beginning again."""

from typing import Literal

from pydantic import Field

from domain.durations import Duration
from domain.playbook.models.basics import Condition, Part, Slug
from domain.playbook.models.touches import Touch
from domain.words import BuyerStage, DisqualifyReason, RejectReason


class Transition(Part):
    to: BuyerStage = Field(description="The stage to move to.")
    when: Condition = Field(description="CEL; the first transition that holds is taken.")


class Stage(Part):
    id: BuyerStage = Field(description="One of the five buyer stages.")
    question: str = Field(min_length=1, description="The question the buyer asks at this stage.")
    transitions: tuple[Transition, ...] = Field((), description="Ways out, in order.")


class HandoffRule(Part):
    id: Slug = Field(description="Name in reasons.")
    when: Condition = Field(description="CEL; the first rule that holds hands the lead over.")
    label: str = Field(min_length=1, description="Why now, for the seller.")


class RecycleRule(Part):
    """What one reason for a rejection leads to."""

    disqualify: DisqualifyReason | None = Field(None, description="Ends the journey, with this reason recorded.")
    cool_down: Duration | None = Field(None, description="Another quiet time than the usual one.")
    stage: BuyerStage | None = Field(None, description="The stage to go on from; the present one when absent.")


class Recycle(Part):
    cool_down: Duration = Field(description="Quiet time after a rejection before nurture goes on.")
    reasons: dict[RejectReason, RecycleRule] = Field(
        {}, description="What is different for a reason; all others cool down and go on where they were."
    )
    most: int = Field(
        3, ge=0, le=20, description="Most times a lead is recycled; after that a rejection ends the journey."
    )


class Handoff(Part):
    rules: tuple[HandoffRule, ...] = Field(
        min_length=1, description="When a lead goes to sales: by score or behaviour."
    )
    sla: Duration = Field(description="Time in which sales must answer.")
    remind: Duration = Field(description="Reminder to the seller this long after the handoff.")
    expires: Duration = Field(description="Without an answer by then the handoff expires and nurture goes on.")
    recycle: Recycle = Field(description="What a rejection leads to.")


class ReEngagement(Part):
    after: Duration = Field(description="Quiet time (no meaningful behaviour) after which it begins: 90d.")
    touches: tuple[Touch, ...] = Field(
        min_length=1, description="Touches in order: fresh content, then one direct question."
    )
    sunset: Duration = Field(description="Quiet time after its last touch at which the journey ends.")


class ReEntry(Part):
    policy: Literal["once", "always", "after"] = Field(
        "after", description="Whether an ended lead may begin again: never again, always, or after a while."
    )
    after: Duration | None = Field(None, description="With `after`: least time since the last journey ended.")
