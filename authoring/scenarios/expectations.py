"""What a scenario may expect. Each expectation is one key with its details."""

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from authoring.scenarios.moments import Moment, Span
from domain.playbook.models.basics import Identifier, Part, Slug
from domain.words import BuyerStage, Channel, Ending, LeadStatus, Phase

_MOMENT = (
    "a time after the start (`3d`), the number of an event (from 1), or a name: of an event, a behaviour or pattern, "
    "something sent, or `handoff`"
)


class _Keyed(Part):
    """`from`, `as` and `is` are words of Python: their fields have a _ behind."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)


class Timed(_Keyed):
    """Something that happens, by some time."""

    after: Moment | None = Field(None, description=f"Not before this: {_MOMENT}. The start when absent.")
    within: Span | None = Field(None, description="At most so long after `after`; until the end when absent.")


class Between(_Keyed):
    """A stretch of time."""

    from_: Moment | None = Field(None, alias="from", description=f"From here: {_MOMENT}. The start when absent.")
    to: Moment | None = Field(None, description="To here; the end when absent.")


class Standing(Timed):
    """How things are at a moment, or how they come to be by some time."""

    at: Moment | None = Field(
        None, description=f"How it is then: {_MOMENT}. Without `at`, `within` and `after`: at the end."
    )

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if self.at is not None and (self.within is not None or self.after is not None):
            raise ValueError("`at` says how it is at one moment, `within` and `after` how it comes to be: keep one")
        return self


class Count(Part):
    least: int = Field(1, ge=0, description="At least so often.")
    most: int | None = Field(None, ge=0, description="At most so often.")


class HandsOff(Timed):
    """The lead is given to sales."""

    rule: Slug | None = Field(None, description="The rule of `handoff` or `triage` that gives it.")
    to: Literal["sales", "sales_review"] | None = Field(None, description="Ready for sales, or to be looked at first.")


class NoHandoff(Between):
    """The lead is not given to sales."""

    rule: Slug | None = Field(None, description="Only by this rule.")


class Sends(Timed):
    """Something is sent: what is named here must all be so."""

    asset: Slug | None = Field(None, description="The content.")
    step: Slug | None = Field(None, description="The step of a track; a trigger's is `trigger-NAME`.")
    channel: Channel | None = Field(None, description="The channel.")
    variant: str | None = Field(None, description="`experiment:variant`.")
    count: Count = Field(Count(least=1, most=None), description="How often; at least once when absent.")


class NeverSends(Between):
    """Nothing like this is sent: what is named here must all be so. Without names: nothing at all, on any channel."""

    asset: Slug | None = Field(None, description="The content.")
    step: Slug | None = Field(None, description="The step of a track; a trigger's is `trigger-NAME`.")
    channel: Channel | None = Field(None, description="The channel.")
    variant: str | None = Field(None, description="`experiment:variant`.")


class NoTouch(Between):
    """Nothing reaches the lead: no e-mail, no direct mail."""


class AtMost(Part):
    """Never more than this, wherever the window is laid."""

    touches: int = Field(ge=1, description="Most touches …")
    within: Span = Field(description="… within any stretch of this length.")
    channel: Channel | None = Field(None, description="On this channel; all that reach the lead when absent.")


class InOrder(Part):
    """These are sent in this order; others may come between."""

    assets: tuple[Slug, ...] = Field(min_length=2, description="Assets, first to last.")


class Ends(Timed):
    """The journey ends."""

    as_: Ending = Field(alias="as", description="How: sunset, disqualified, sales_accepted, opted_out, …")
    reason: str | None = Field(None, description="The recorded reason, such as `vendor`.")


class Because(Timed):
    """A rule decides: a triage rule, a trigger, a rule that disqualifies, a step; or one of the core's own."""

    rule: str = Field(min_length=1, description="Its name, as `tendril playbook trace` shows it in brackets.")


class AlertSent(Timed):
    """Sales is told at once."""

    trigger: Slug | None = Field(None, description="By this trigger.")


class StageIs(Standing):
    is_: BuyerStage = Field(alias="is", description="The buyer stage.")


class SegmentIs(Standing):
    is_: Identifier = Field(alias="is", description="The segment.")


class LengthIs(Standing):
    is_: Identifier = Field(alias="is", description="The length.")


class SituationIs(Standing):
    is_: Identifier = Field(alias="is", description="The situation.")
    holds: bool = Field(True, description="`false`: the lead is not in it.")


class StatusIs(Standing):
    is_: LeadStatus = Field(alias="is", description="The CRM's lead status.")


class PhaseIs(Standing):
    is_: Phase = Field(alias="is", description="What the journey is doing.")


class ScoreIs(Standing):
    of: Literal["fit", "intent"] = Field(description="Which score.")
    least: int = Field(0, ge=0, le=100, description="At least this.")
    most: int = Field(100, ge=0, le=100, description="At most this.")


class AudienceIs(Standing):
    id: Identifier = Field(description="The ads audience.")
    member: bool = Field(True, description="Whether the lead should be in it.")


class Expectation(_Keyed):
    """One thing that must be true. Exactly one key."""

    handoff: HandsOff | None = Field(None, description="The lead is given to sales.")
    no_handoff: NoHandoff | None = Field(None, description="The lead is not given to sales; `{}` for never.")
    sends: Sends | None = Field(None, description="Something is sent.")
    never_sends: NeverSends | None = Field(None, description="Nothing like this is sent.")
    in_order: InOrder | None = Field(None, description="Assets are sent in this order.")
    no_touch: NoTouch | None = Field(None, description="Nothing reaches the lead; `{}` for never.")
    at_most: AtMost | None = Field(None, description="Never more touches than this in a window.")
    alert: AlertSent | None = Field(None, description="Sales is told at once.")
    because: Because | None = Field(None, description="A rule decides.")
    ends: Ends | None = Field(None, description="The journey ends.")
    does_not_end: Literal[True] | None = Field(None, description="The journey is still going on at the end.")
    lives_until: Span | None = Field(None, description="The journey is still going on then.")
    stage: StageIs | None = Field(None, description="The buyer stage.")
    segment: SegmentIs | None = Field(None, description="The segment.")
    length: LengthIs | None = Field(None, description="The length.")
    situation: SituationIs | None = Field(None, description="A situation of the buyer.")
    status: StatusIs | None = Field(None, description="The CRM's lead status.")
    phase: PhaseIs | None = Field(None, description="What the journey is doing.")
    score: ScoreIs | None = Field(None, description="A score.")
    audience: AudienceIs | None = Field(None, description="Whether the lead should be in an ads audience.")

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        keys = sorted(self.model_fields_set)
        if len(keys) != 1 or getattr(self, keys[0]) is None:
            said = f"not {' and '.join(keys)}" if len(keys) > 1 else "this has none"
            raise ValueError(f"an expectation has exactly one key, such as `sends` or `handoff`; {said}")
        return self

    @property
    def key(self) -> str:
        """Which one it is."""
        return next(iter(self.model_fields_set))
