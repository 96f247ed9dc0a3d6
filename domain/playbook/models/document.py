"""The whole document, and the content files that belong to it."""

import hashlib
import json
from typing import Self

from pydantic import Field

from domain.durations import Duration
from domain.playbook.models.basics import Identifier, Part, Slug
from domain.playbook.models.behaviours import BehaviourMatch, Pattern
from domain.playbook.models.cadence import Cadence
from domain.playbook.models.crm import CrmMapping
from domain.playbook.models.people import DisqualifyRule, LeadField, Length, Segment, Sender, Situation, TriageRule
from domain.playbook.models.scoring import Scoring
from domain.playbook.models.sending import Sending
from domain.playbook.models.touches import Audience, Experiment, Profile, Track, Trigger
from domain.playbook.models.ways import Handoff, ReEngagement, ReEntry, Stage
from domain.words import BuyerStage


class Asset(Part):
    """One content file: front matter and a Markdown body."""

    id: Slug
    subject: str = Field("", description="Subject line.")
    preheader: str = Field("", description="The line mail programs show after the subject.")
    question: str = Field("", description="The buyer question it answers.")
    stage: BuyerStage | None = Field(None, description="The stage it belongs to.")
    format: str = Field("", description="Explainer, checklist, comparison, … (C6).")
    topic: str = Field("", description="What of `topics` it is about; who does not want that topic is not sent it.")
    cta_label: str = Field("", description="Text of the call to action.")
    cta_url: str = Field("", description="Where the call to action leads.")
    body: str = Field(min_length=1, description="Markdown with Jinja variables.")


class Playbook(Part):
    """A whole playbook, as checked and stored."""

    name: Slug = Field(description="Name of the playbook; versions of it share the name.")
    title: str = Field("", description="What people read.")
    follow: bool = Field(
        True,
        description="What leads in flight do when another version is applied without `--policy`: follow it (true), or "
        "stay pinned to this one (false).",
    )
    sender: Sender = Field(description="Who mail comes from.")
    senders: dict[Identifier, Sender] = Field({}, description="Other senders, which segments may name.")
    sending: Sending = Field(Sending(), description="How much mail may leave, and when it must stop.")
    topics: dict[Identifier, str] = Field(
        {},
        description="What content is about, in readers' words: the preference centre asks which of them they want.",
    )
    variables: dict[Identifier, str] = Field({}, description="Values that content may use as `{{ name }}`.")
    lead_fields: dict[Identifier, LeadField] = Field(
        description="Fields of a lead that conditions and content may use."
    )
    behaviours: dict[Identifier, BehaviourMatch] = Field(description="Named behaviours.")
    patterns: dict[Identifier, Pattern] = Field(
        {}, description="Patterns of behaviours within a window; used like behaviours, by their name."
    )
    scoring: Scoring = Field(description="Fit, intent and thresholds.")
    segments: tuple[Segment, ...] = Field(min_length=1, description="Segments in order of precedence.")
    lengths: tuple[Length, ...] = Field((), description="How long, and how densely, scheduled touches go on.")
    situations: tuple[Situation, ...] = Field((), description="Situations of the buyer, for conditions to ask about.")
    triage: tuple[TriageRule, ...] = Field((), description="Entry triage in order; nurture when nothing holds.")
    disqualify: tuple[DisqualifyRule, ...] = Field((), description="Rules that end a journey at any time.")
    stages: tuple[Stage, ...] = Field(min_length=1, description="Buyer stages in order.")
    tracks: tuple[Track, ...] = Field(min_length=1, description="Content by segment and stage.")
    triggers: tuple[Trigger, ...] = Field((), description="Behaviours that interrupt, in order of precedence.")
    profile: Profile | None = Field(None, description="Progressive profiling: questions, asked one at a time.")
    experiments: tuple[Experiment, ...] = Field((), description="Variants of steps, compared on people.")
    cadence: Cadence = Field(description="When and how often.")
    audiences: tuple[Audience, ...] = Field((), description="Ads audiences.")
    handoff: Handoff = Field(description="Giving a lead to sales.")
    crm: CrmMapping = Field(CrmMapping(), description="What the CRM is told, and under which names.")
    re_engagement: ReEngagement = Field(description="After a long silence.")
    length_limit: Duration = Field(description="Longest a journey may last.")
    re_entry: ReEntry = Field(ReEntry(policy="once", after=None), description="Beginning again after an end.")
    assets: dict[Slug, Asset] = Field({}, description="Filled from `content/*.md`; not written in the YAML.")

    def sender_for(self, segment: str) -> str:
        """Which of ``senders`` writes to leads of that segment; "" for the playbook's own."""
        return next((one.sender or "" for one in self.segments if one.id == segment), "")

    def sent_by(self, name: str) -> Self:
        """The same with one of ``senders`` in the place of its own; as it is for "", and for one that is no more."""
        return self.model_copy(update={"sender": self.senders[name]}) if name in self.senders else self

    def canonical(self) -> str:
        """The one text form: JSON with sorted keys and every default written out."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def content_hash(self) -> str:
        """Name of this version: the first 16 hex digits of SHA-256 over ``canonical()``."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()[:16]
