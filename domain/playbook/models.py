"""The playbook document: what a marketer writes in ``playbook.yaml`` and ``content/*.md``, as models.

These models are the reference for the language: ``docs/playbook-reference.md`` and its test are made from the
descriptions here. Models check shape; what needs the whole document (references, conditions) is checked in
``domain.playbook.check``. The document is kept whole and is named by its hash (DESIGN decision 8).
"""

import hashlib
import json
from datetime import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from domain.durations import Duration
from domain.words import BuyerStage, Channel, DisqualifyReason, RejectReason

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
#: Names of steps and assets appear in touch keys and file names.
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
#: A CEL expression giving a bool.
Condition = Annotated[str, Field(min_length=1, max_length=2000)]
Points = Annotated[int, Field(ge=-100, le=100)]
ClockTime = Annotated[time, PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sender(Part):
    name: str = Field(min_length=1, description="The name mail comes from.")
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", description="The address mail comes from.")
    reply_to: str = Field("", description="Where replies go, when not to `email`.")
    postal_address: str = Field(
        min_length=10, description="The sender's postal address: the law wants it in every mail."
    )


class LeadField(Part):
    type: Literal["string", "int", "float", "bool", "list"] = Field(description="The type conditions see.")
    label: str = Field("", description="What people read; the name when empty.")


class BehaviourMatch(Part):
    """How raw events become a named behaviour. The first behaviour in the playbook's order that matches wins."""

    on: Literal["page", "track", "delivery", "crm"] = Field(description="The kind of event.")
    path: str = Field("", description="For `page`: a path, with `*` for any run of characters.")
    event: str = Field("", description="For the others: the event's name, with `*` for any run of characters.")
    where: dict[str, str | int | float | bool] = Field(
        {}, description="Properties that must have exactly these values."
    )
    label: str = Field(min_length=1, description="What the lead did, in words that follow a name: “looked at pricing”.")
    points: Points = Field(0, description="Intent points for each time.")
    half_life: Duration | None = Field(
        None, description="Half-life of the points; `scoring.intent.half_life` when absent."
    )
    group: Identifier | None = Field(None, description="Group whose cap limits the sum of its behaviours' points.")
    meaningful: bool = Field(True, description="Whether it counts as activity (opens and deliveries do not).")


class FitRule(Part):
    id: Slug = Field(description="Name in reasons.")
    when: Condition = Field(description="CEL over lead and account fields.")
    points: Points = Field(description="Points when it holds.")


class Fit(Part):
    base: int = Field(0, ge=0, le=100, description="Points everyone starts with.")
    rules: tuple[FitRule, ...] = Field((), description="Rules whose points are added; the sum is kept within 0–100.")
    grades: dict[str, int] = Field({}, description="Letter → least fit score, such as `{A: 75, B: 50}`.")


class IntentBaseline(Part):
    id: Slug = Field(description="Name in reasons.")
    when: Condition = Field(description="CEL over lead and account fields.")
    points: Points = Field(
        description="Points at entry, decaying from the start of the journey with the default half-life."
    )


class Intent(Part):
    half_life: Duration = Field(description="Default half-life of intent points.")
    caps: dict[Identifier, Annotated[int, Field(ge=1, le=100)]] = Field(
        {}, description="Group → most points it may give."
    )
    entry: tuple[IntentBaseline, ...] = Field(
        (), description="Intent known at entry from fields (visits before, source)."
    )


class Scoring(Part):
    fit: Fit = Field(description="Who they are.")
    intent: Intent = Field(description="What they do.")
    mql: int = Field(ge=0, le=100, description="Intent from which a lead counts as marketing-qualified.")
    sales_ready: int = Field(ge=0, le=100, description="Intent from which a lead counts as ready for sales.")


class Segment(Part):
    id: Identifier = Field(description="Name in tracks and conditions.")
    label: str = Field(min_length=1, description="What people read.")
    when: Condition | None = Field(
        None, description="CEL; the first segment that holds wins. Only the last may have none."
    )


class TriageRule(Part):
    id: Slug = Field(description="Name in reasons.")
    when: Condition = Field(description="CEL; the first rule that holds decides.")
    then: Literal["sales", "sales_review", "nurture", "disqualify"] = Field(description="Where the lead goes at entry.")
    reason: DisqualifyReason | None = Field(None, description="Recorded reason; required with `disqualify`.")


class DisqualifyRule(Part):
    id: Slug = Field(description="Name in reasons.")
    when: Condition = Field(description="CEL, asked at every decision.")
    reason: DisqualifyReason = Field(description="Recorded reason.")


class Transition(Part):
    to: BuyerStage = Field(description="The stage to move to.")
    when: Condition = Field(description="CEL; the first transition that holds is taken.")


class Stage(Part):
    id: BuyerStage = Field(description="One of the five buyer stages.")
    question: str = Field(min_length=1, description="The question the buyer asks at this stage.")
    transitions: tuple[Transition, ...] = Field((), description="Ways out, in order.")


class Touch(Part):
    """One step of a track or of re-engagement."""

    id: Slug = Field(description="Name of the step: part of the touch's key, so never rename it for people in flight.")
    channel: Channel = Field(Channel.EMAIL, description="How it reaches someone.")
    asset: Slug | None = Field(
        None, description="Content file name without `.md`; required for e-mail and direct mail."
    )
    gap: Duration = Field(description="Time since the touch before (for the first: since the track began).")
    when: Condition | None = Field(None, description="CEL; the step is passed over while it does not hold.")
    note: str = Field("", description="For SDR tasks and alerts: what to do, in a sentence.")


class Track(Part):
    segment: Identifier | Literal["*"] = Field("*", description="Segment it is for; `*` for any without its own track.")
    stage: BuyerStage = Field(description="Stage it is for.")
    touches: tuple[Touch, ...] = Field(
        min_length=1, description="Touches in order; what was already seen is passed over."
    )


class TriggerTouch(Part):
    channel: Channel = Field(Channel.EMAIL, description="How it reaches someone.")
    asset: Slug | None = Field(None, description="Content file name without `.md`.")
    delay: Duration = Field(description="Time from the behaviour to the touch; the send window is respected as well.")
    note: str = Field("", description="For SDR tasks: what to do.")


class AudienceChange(Part):
    add: tuple[Identifier, ...] = Field((), description="Audiences the lead joins while the journey lasts.")
    remove: tuple[Identifier, ...] = Field((), description="Audiences the lead leaves.")


class Trigger(Part):
    """A behaviour that interrupts any wait."""

    id: Slug = Field(description="Name in reasons and in the touch's key.")
    behaviour: Identifier = Field(description="The behaviour that fires it.")
    when: Condition | None = Field(None, description="CEL that must hold as well.")
    cool_down: Duration = Field(description="Least time before the same trigger fires again for this lead.")
    touch: TriggerTouch | None = Field(None, description="Touch that takes the place of the next generic one.")
    alert: str = Field("", description="Tell sales at once, in these words.")
    stage: BuyerStage | None = Field(None, description="Stage to move to, if it is later than the present one.")
    audiences: AudienceChange = Field(AudienceChange(add=(), remove=()), description="Audience changes.")


class Cap(Part):
    per: Literal["lead", "account"] = Field("lead", description="Whose touches are counted.")
    channel: Channel | Literal["any"] = Field(
        "any", description="Which channel; `any` is e-mail and direct mail together."
    )
    most: int = Field(ge=1, le=1000, description="Most touches …")
    within: Duration = Field(description="… within this time; with `per: account` at most 60d.")


class Cadence(Part):
    days: tuple[Weekday, ...] = Field(
        ("mon", "tue", "wed", "thu", "fri"), min_length=1, description="Days on which to send."
    )
    opens: ClockTime = Field(time(9), description="Start of the send window, in the lead's time zone.")
    closes: ClockTime = Field(time(17), description="End of the send window.")
    timezone: str = Field("UTC", description="Zone for leads whose own is unknown.")
    least_gap: Duration = Field(description="Least time between two touches that reach the lead, triggers included.")
    caps: tuple[Cap, ...] = Field((), description="Frequency caps.")


class Audience(Part):
    id: Identifier = Field(description="Name in triggers.")
    label: str = Field(min_length=1, description="Name at the vendor.")
    when: Condition | None = Field(None, description="CEL: members while it holds. Without it only triggers add.")


class HandoffRule(Part):
    id: Slug = Field(description="Name in reasons.")
    when: Condition = Field(description="CEL; the first rule that holds hands the lead over.")
    label: str = Field(min_length=1, description="Why now, for the seller.")


class Recycle(Part):
    cool_down: Duration = Field(description="Quiet time after a rejection before nurture goes on.")
    disqualify: dict[RejectReason, DisqualifyReason] = Field(
        {}, description="Rejections that end the journey, with the reason recorded; all others recycle."
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
    policy: Literal["never", "always", "after"] = Field("after", description="Whether an ended lead may begin again.")
    after: Duration | None = Field(None, description="With `after`: least time since the last journey ended.")


class Asset(Part):
    """One content file: front matter and a Markdown body."""

    id: Slug
    subject: str = Field("", description="Subject line.")
    preheader: str = Field("", description="The line mail programs show after the subject.")
    question: str = Field("", description="The buyer question it answers.")
    stage: BuyerStage | None = Field(None, description="The stage it belongs to.")
    format: str = Field("", description="Explainer, checklist, comparison, … (C6).")
    cta_label: str = Field("", description="Text of the call to action.")
    cta_url: str = Field("", description="Where the call to action leads.")
    body: str = Field(min_length=1, description="Markdown with Jinja variables.")


class Playbook(Part):
    """A whole playbook, as checked and stored."""

    name: Slug = Field(description="Name of the playbook; versions of it share the name.")
    title: str = Field("", description="What people read.")
    follow: bool = Field(
        True, description="Whether leads in flight follow a new version (true) or stay pinned (false)."
    )
    sender: Sender = Field(description="Who mail comes from.")
    variables: dict[Identifier, str] = Field({}, description="Values that content may use as `{{ name }}`.")
    lead_fields: dict[Identifier, LeadField] = Field(
        description="Fields of a lead that conditions and content may use."
    )
    behaviours: dict[Identifier, BehaviourMatch] = Field(description="Named behaviours, in order of precedence.")
    scoring: Scoring = Field(description="Fit, intent and thresholds.")
    segments: tuple[Segment, ...] = Field(min_length=1, description="Segments in order of precedence.")
    triage: tuple[TriageRule, ...] = Field((), description="Entry triage in order; nurture when nothing holds.")
    disqualify: tuple[DisqualifyRule, ...] = Field((), description="Rules that end a journey at any time.")
    stages: tuple[Stage, ...] = Field(min_length=1, description="Buyer stages in order.")
    tracks: tuple[Track, ...] = Field(min_length=1, description="Content by segment and stage.")
    triggers: tuple[Trigger, ...] = Field((), description="Behaviours that interrupt, in order of precedence.")
    cadence: Cadence = Field(description="When and how often.")
    audiences: tuple[Audience, ...] = Field((), description="Ads audiences.")
    handoff: Handoff = Field(description="Giving a lead to sales.")
    re_engagement: ReEngagement = Field(description="After a long silence.")
    length_limit: Duration = Field(description="Longest a journey may last.")
    re_entry: ReEntry = Field(ReEntry(policy="never", after=None), description="Beginning again after an end.")
    assets: dict[Slug, Asset] = Field({}, description="Filled from `content/*.md`; not written in the YAML.")

    def canonical(self) -> str:
        """The one text form: JSON with sorted keys and every default written out."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def content_hash(self) -> str:
        """Name of this version: the first 16 hex digits of SHA-256 over ``canonical()``.

        Behaviours have an order that sorting loses, so their order is part of what is hashed.
        """
        order = ",".join(self.behaviours)
        return hashlib.sha256(f"{order}\n{self.canonical()}".encode()).hexdigest()[:16]
