"""What is sent: steps of tracks, triggers, experiments on them, audiences, and questions that fill the profile."""

from typing import Literal, Self

from pydantic import Field, model_validator

from domain.durations import Duration, parse_duration
from domain.playbook.models.basics import Condition, Identifier, Part, Slug
from domain.words import AdsNetwork, BuyerStage, Channel

Window = Literal["cadence", "any"]


class Wait(Part):
    """What may happen while a step waits for its gap. `lookback` makes explicit what most systems hide: whether it
    counts when it happened before the wait began.
    """

    behaviours: tuple[Identifier, ...] = Field(
        min_length=1, description="Behaviours (or patterns) that are waited for: any of them."
    )
    lookback: Duration = Field(parse_duration("0d"), description="Also counts when it happened so long before.")
    then: Literal["send", "skip"] = Field("send", description="When it happens: send at once, or pass the step over.")
    otherwise: Literal["send", "skip"] = Field("send", description="When the gap ends without it.")

    @model_validator(mode="after")
    def _decides_something(self) -> Self:
        if self.then == self.otherwise == "skip":
            raise ValueError("a wait that skips either way never sends: remove the step, or change then or otherwise")
        return self


class Touch(Part):
    """One step of a track, of profiling or of re-engagement."""

    id: Slug = Field(description="Name of the step: part of the touch's key, so never rename it for people in flight.")
    channel: Channel = Field(Channel.EMAIL, description="How it reaches someone.")
    asset: Slug | None = Field(
        None, description="Content file name without `.md`; required for e-mail and direct mail."
    )
    ask: Identifier | None = Field(
        None,
        description="The lead field to ask for: the step is passed over once it is known, and `{{ question.url }}` "
        "leads to the form. `next` asks the first of `profile.questions` that is not known.",
    )
    gap: Duration = Field(description="Time since the touch before (for the first: since the track began).")
    when: Condition | None = Field(None, description="CEL; the step is passed over while it does not hold.")
    wait: Wait | None = Field(None, description="What may happen while the gap passes.")
    priority: int = Field(0, ge=0, le=100, description="In a track with `order: priority`: the highest goes first.")
    window: Window = Field(
        "cadence", description="`any` also leaves outside the send window; gaps and caps still hold."
    )
    note: str = Field("", description="For SDR tasks and alerts: what to do, in a sentence.")


class Track(Part):
    segment: Identifier | Literal["*"] = Field("*", description="Segment it is for; `*` for any without its own track.")
    stage: BuyerStage = Field(description="Stage it is for.")
    order: Literal["sequence", "priority"] = Field(
        "sequence", description="`sequence`: as written. `priority`: a pool, the best step that is possible goes next."
    )
    touches: tuple[Touch, ...] = Field(min_length=1, description="The steps; what was already seen is passed over.")
    exhausted: Literal["wait", "advance", "re_engage", "end"] = Field(
        "wait",
        description="When no step is left: `wait` for behaviour, `advance` to the next stage, `re_engage` at once, or "
        "`end` the journey (sunset).",
    )


class TriggerTouch(Part):
    channel: Channel = Field(Channel.EMAIL, description="How it reaches someone.")
    asset: Slug | None = Field(None, description="Content file name without `.md`.")
    delay: Duration = Field(description="Time from the behaviour to the touch; the send window is respected as well.")
    expires: Duration = Field(
        parse_duration("7d"), description="Not sent any more so long after it was due: it would answer nothing."
    )
    window: Window = Field(
        "cadence", description="`any` also leaves outside the send window; gaps and caps still hold."
    )
    note: str = Field("", description="For SDR tasks: what to do.")


class AudienceChange(Part):
    add: tuple[Identifier, ...] = Field((), description="Audiences the lead joins while the journey lasts.")
    remove: tuple[Identifier, ...] = Field((), description="Audiences the lead leaves.")


class Trigger(Part):
    """A behaviour, or a pattern of several, that interrupts any wait."""

    id: Slug = Field(description="Name in reasons and in the touch's key.")
    behaviour: Identifier = Field(description="The behaviour or pattern that fires it.")
    when: Condition | None = Field(None, description="CEL that must hold as well.")
    first_only: bool = Field(False, description="Fires only the first time the lead does it (as far as remembered).")
    cool_down: Duration = Field(description="Least time before the same trigger fires again for this lead.")
    priority: int = Field(50, ge=0, le=100, description="Where touches of triggers compete, the highest goes first.")
    touch: TriggerTouch | None = Field(None, description="Touch that takes the place of the next generic one.")
    alert: str = Field("", description="Tell sales at once, in these words.")
    stage: BuyerStage | None = Field(None, description="Stage to move to, if it is later than the present one.")
    audiences: AudienceChange = Field(AudienceChange(add=(), remove=()), description="Audience changes.")


class Audience(Part):
    id: Identifier = Field(description="Name in triggers.")
    label: str = Field(min_length=1, description="Name at the vendor.")
    when: Condition | None = Field(None, description="CEL: members while it holds. Without it only triggers add.")
    networks: tuple[AdsNetwork, ...] = Field(
        (), description="Ads networks it is for; without any, all that the deployment names."
    )


class Variant(Part):
    """One arm of an experiment: what it changes of the steps. The control changes nothing."""

    id: Slug = Field(description="Name in the ledger, with the experiment's.")
    weight: int = Field(1, ge=0, le=1000, description="Share of the people, relative to the other variants.")
    subject: str = Field("", description="Another subject line.")
    asset: Slug | None = Field(None, description="Another asset.")
    gap: Duration | None = Field(None, description="Another gap (of a trigger's touch: another delay).")
    channel: Channel | None = Field(None, description="Another channel.")

    @property
    def control(self) -> bool:
        return not (self.subject or self.asset or self.channel) and self.gap is None


class Experiment(Part):
    """Variants of some steps. Who gets which follows from the lead and the experiment's name alone, and never changes
    for a lead that has once been assigned.
    """

    id: Slug = Field(description="Name; another name draws the lots anew.")
    label: str = Field("", description="What is being asked.")
    steps: tuple[Slug, ...] = Field(
        min_length=1, description="Names of the steps it is about; a trigger's is `trigger-NAME`."
    )
    when: Condition | None = Field(None, description="CEL: who takes part; asked once, when the step is first due.")
    holdout: int = Field(0, ge=0, le=50, description="Percent of the people who get none of these steps.")
    variants: tuple[Variant, ...] = Field(min_length=2, description="The control and what it is compared with.")


class Option(Part):
    label: str = Field(min_length=1, description="What the lead reads.")
    value: str | int | float | bool = Field(description="What is stored.")


class Question(Part):
    """One missing fact, asked on a page of its own."""

    field: Identifier = Field(description="The lead field the answer goes into.")
    ask: str = Field(min_length=5, description="The question, as the lead reads it.")
    help: str = Field("", description="A line below it.")
    options: tuple[Option, ...] = Field((), description="Answers to choose from; without any, the lead types one.")


class Profile(Part):
    """Progressive profiling: one missing fact at a time (C8)."""

    questions: tuple[Question, ...] = Field(min_length=1, description="What may be asked, the most useful first.")
    consent: str = Field(min_length=20, description="What the answer is used for; shown, and kept with the answer.")
    thanks: str = Field("Thank you. That helps us to send what is useful to you.", description="Shown afterwards.")
    touches: tuple[Touch, ...] = Field(
        (), description="Steps for those whom triage sends to `profile`, before any track."
    )
    patience: Duration = Field(
        parse_duration("7d"),
        description="Time after the last of them for the answers to come; triage looks again then.",
    )
    otherwise: Literal["sales_review", "nurture"] = Field(
        "nurture", description="Where a lead goes whose profile stays incomplete."
    )
