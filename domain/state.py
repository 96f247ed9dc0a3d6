"""What a journey remembers between decisions: only what cannot be read back from the facts.

Scores, counts, what was sent and when are *not* here: they are functions of the facts (behaviours up to the
cursor, the touch ledger). State is recorded in Temporal history with every decision, so it is small.
"""

from collections.abc import Mapping
from datetime import datetime

from domain.compact import Compact
from domain.words import BuyerStage, Channel, Ending, LeadStatus, Phase


class PendingTouch(Compact):
    """A touch a trigger called for that waits for its delay or for the send window, until it ``expires``.

    ``variant`` is ``experiment:variant`` where it is part of one.
    """

    step: str
    trigger: str
    channel: Channel
    asset: str = ""
    due: datetime
    expires: datetime | None = None
    priority: int = 0
    variant: str = ""


class Resending(Compact):
    """A touch that an operator asked to send again, until it may leave. ``of`` is the key that it was sent under."""

    key: str
    of: str
    step: str
    channel: Channel
    asset: str = ""
    note: str = ""
    variant: str = ""
    due: datetime


class HandoffState(Compact):
    """The open handoff: who is asked, since when, and how far the SLA clock has run."""

    id: str
    opened: datetime
    reason: str
    reminded: bool = False
    escalated: bool = False


class JourneyState(Compact):
    """One journey between two decisions. All times are aware UTC, on the deployment's clock.

    ``cursor`` is the position in the lead's inbox up to which behaviour has been considered.
    ``anchor`` is the time from which the next scheduled touch's gap counts; ``hastened`` is when an operator skipped
    the rest of that gap. ``tracks_since`` is from when the length's limit counts, where that is not ``phase_since``.
    ``playbook`` is the content hash of the playbook version in force.
    ``in_flight`` are keys of touches handed to an activity whose outcome is not yet known.
    ``intent_since`` is when intent began anew (a seller's rejection); ``joined`` are audiences a trigger added.
    ``resume_at`` is when a cool-down ends. ``rejections`` are the reasons sales gave the lead back for, oldest first.
    ``profiling`` says that triage sent the lead to answer questions first. ``passed`` are steps of the present track
    that a wait passed over. ``variants`` maps each experiment the lead met to its variant ("" for the holdout).
    ``held_since`` is from when a hold stops it, as far as it has decided under one; ``resumed_at`` when it last went on
    after a pause or a hold. Steps that were due before ``catch_up`` count their gaps as if they had left in time.
    ``epoch`` is that of the last resend; ``resending`` are resends that wait for their time.
    """

    lead: str
    cycle: int = 1
    playbook: str
    started: datetime
    number: int = 0
    cursor: int = 0
    epoch: int = 0
    phase: Phase = Phase.ENTRY
    phase_since: datetime
    status: LeadStatus = LeadStatus.NEW
    stage: BuyerStage = BuyerStage.PROBLEM_AWARENESS
    stage_since: datetime
    segment: str = ""
    anchor: datetime
    hastened: datetime | None = None
    tracks_since: datetime | None = None
    pending: tuple[PendingTouch, ...] = ()
    handoff: HandoffState | None = None
    handoffs: int = 0
    intent_since: datetime | None = None
    joined: tuple[str, ...] = ()
    resume_at: datetime | None = None
    reengagements: int = 0
    rejections: tuple[str, ...] = ()
    profiling: bool = False
    passed: tuple[str, ...] = ()
    variants: Mapping[str, str] = {}
    paused_since: datetime | None = None
    held_since: datetime | None = None
    resumed_at: datetime | None = None
    catch_up: datetime | None = None
    resending: tuple[Resending, ...] = ()
    in_flight: tuple[str, ...] = ()
    ending: Ending | None = None
    ending_reason: str = ""

    @classmethod
    def begin(cls, lead: str, cycle: int, playbook: str, now: datetime) -> "JourneyState":
        """The state before the first decision."""
        return cls(lead=lead, cycle=cycle, playbook=playbook, started=now, phase_since=now, stage_since=now, anchor=now)

    @property
    def ended(self) -> bool:
        return self.phase is Phase.ENDED
