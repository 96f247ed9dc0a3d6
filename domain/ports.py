"""What workflows and activities need from the world, as protocols. ``runtime`` supplies the concrete ones."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from domain.decision import Decision
from domain.facts import Facts
from domain.playbook.compiled import CompiledPlaybook
from domain.state import JourneyState
from domain.words import Channel, DeliveryKind, TouchStatus


class Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Clock(Protocol):
    """The deployment's clock (DESIGN decision 13). With scale 1 both are the same."""

    def from_real(self, real: datetime) -> datetime:
        """Deployment time at a real instant."""
        ...

    def to_real(self, at: datetime) -> datetime:
        """The real instant at which deployment time will be ``at``."""
        ...


class Playbooks(Protocol):
    async def compiled(self, content_hash: str) -> CompiledPlaybook:
        """The compiled playbook of that hash, cached. Raises ``NotFound``."""
        ...


class Journeys(Protocol):
    """Facts in, decisions out: the two database round trips of a wake, and one more for what operators say."""

    async def gather(self, state: JourneyState, now: datetime) -> Facts: ...

    async def recorded(self, state: JourneyState, number: int) -> JourneyState | None:
        """The journey's state after its decision of that number (0: before the first), None where there is none."""
        ...

    async def considered(self, state: JourneyState, commands: Sequence[str]) -> frozenset[str]:
        """Those of these commands (by id) that the journey's decisions up to the state's have considered, whether they
        are still in force or were taken back.
        """
        ...

    async def record(
        self, previous: JourneyState, decision: Decision, cause: str, wake_types: Sequence[str], run: str = ""
    ) -> None:
        """Write decision, read model, planned touches, handoff, suppression and desired state in one transaction.
        ``run`` is the workflow run that decided.

        Idempotent by (lead, cycle, decision number): a decision made again (retry, reset) supersedes the former, which
        stays readable; what only the former planned and nobody claimed is withdrawn. So does a rewind with all
        decisions behind the one that it goes on from.
        """
        ...


class ClaimResult(StrEnum):
    CLAIMED = "claimed"  # go ahead and send
    ALREADY_SENT = "already_sent"
    REFUSED = "refused"  # suppression, consent or a cap says no
    WITHDRAWN = "withdrawn"
    BUSY = "busy"  # another attempt holds an unexpired claim
    HELD = "held"  # an operator holds it: planned still, and the journey decides anew
    CLOSED = "closed"  # outside the lead's send window: planned still, and the journey decides anew when it leaves
    UNRESOLVED = "unresolved"  # an expired claim of an attempt that never reported: ask the vendor
    UNKNOWN = "unknown"  # parked for a person


class Claim(Value):
    """Outcome of a claim. ``touch`` is present when ``result`` is CLAIMED or UNRESOLVED.

    ``attempts`` is how often the key was claimed, this time included.
    """

    result: ClaimResult
    reason: str = ""
    retry_in: float = 0.0
    touch: "OutboundTouch | None" = None
    attempts: int = 0


class OutboundTouch(Value):
    """All an adapter needs for one touch. Personal data: stays in memory between database and vendor.

    ``variant`` is ``experiment:variant`` where the step is part of one: the variant may have another subject.
    ``sender`` is one of the playbook's ``senders``, "" for its own; it stays the same through all attempts.
    Of the attempt that nobody knows the end of: ``attempted_at`` (wall clock) is shortly before it, ``attempted_to`` is
    the address it wrote to, which need not be the lead's ``email`` any more; "" where that is not known.
    """

    key: str
    lead: str
    channel: Channel
    step: str
    asset: str = ""
    note: str = ""
    variant: str = ""
    sender: str = ""
    playbook: str
    email: str = ""
    fields: dict[str, Any] = {}
    brief: dict[str, Any] = {}
    owner: str = ""
    crm_id: str = ""
    attempted_at: datetime | None = None
    attempted_to: str = ""


class OpenClaim(Value):
    """A claim that ran out a good while ago with nothing said of it since."""

    touch: OutboundTouch
    claim_id: str


class Ledger(Protocol):
    """The touch ledger (DESIGN decision 4). Every method is one transaction."""

    async def claim(
        self, key: str, claim_id: str, now: datetime, lease_seconds: float, late_since: datetime | None = None
    ) -> Claim:
        """Claim the key for one attempt, re-checking suppression, consent, caps and the send window.

        The window closes on a touch planned before ``late_since`` (``now`` when it isn't given), not on one that was
        planned inside it a moment ago.
        """
        ...

    async def mark_sent(self, key: str, claim_id: str, receipt: "Receipt", now: datetime) -> None: ...

    async def release(self, key: str, claim_id: str) -> None:
        """Give an unexpired claim back: it is certain that nothing was sent."""
        ...

    async def mark_failed(self, key: str, claim_id: str, reason: str, now: datetime) -> None: ...

    async def park(self, key: str, reason: str) -> None:
        """Mark unknown: only a person may resolve it."""
        ...

    async def renew(
        self, key: str, claim_id: str, now: datetime, lease_seconds: float, late_since: datetime | None = None
    ) -> Claim:
        """Take over an expired claim known not to have been sent: asks again all that ``claim`` asks.

        BUSY when someone else was first; WITHDRAWN when the journey has called the touch back or ended meanwhile.
        """
        ...

    async def open_claims(self, limit: int) -> list[OpenClaim]:
        """Some of the claims that ran out longer ago than any attempt waits for the next: in no order, so that those
        that can't be settled hold no others up. Soon where the journey has ended.
        """
        ...

    async def settle(
        self,
        claim: OpenClaim,
        status: TouchStatus,
        now: datetime,
        *,
        receipt: "Receipt | None" = None,
        reason: str = "",
    ) -> bool:
        """Close the claim as sent, withdrawn or unknown, and let the journey decide anew.

        False when someone else took it up meanwhile.
        """
        ...


class TouchesUnderWay(Protocol):
    async def any(self, lead: str) -> bool:
        """Whether the lead's workflow still carries out a touch, or waits to try one again."""
        ...


class Receipt(Value):
    """What the vendor said when it took a touch."""

    vendor: str
    vendor_id: str = ""


class TouchChannel(Protocol):
    """A way to carry out a touch. One adapter a vendor; chosen by ``Channel`` in ``runtime``."""

    async def send(self, touch: OutboundTouch) -> Receipt:
        """Deliver once under ``touch.key``. Raises a ``VendorFault``."""
        ...

    async def lookup(self, touch: OutboundTouch) -> Receipt | None:
        """Was this key delivered? None when certainly not. Raises ``CannotTell`` or a ``VendorFault``."""
        ...


class RenderedEmail(Value):
    subject: str
    html: str
    text: str
    preheader: str = ""


class Renderer(Protocol):
    async def email(self, touch: OutboundTouch, unsubscribe_url: str) -> RenderedEmail:
        """Subject, HTML and text of the touch's asset for this lead. Raises ``OurFault`` when it can't be rendered."""
        ...


class SalesFeedback(Value):
    """A seller's answer read back from the CRM. ``outcome``: accepted, rejected, opportunity_opened, won or lost."""

    handoff: str
    outcome: str
    reason: str = ""


class Purged(Value):
    """One step of retention: of a rule's things, up to number ``upto``, so many rows were purged."""

    rule: str
    upto: int
    rows: int


class Retention(Protocol):
    """What has been kept for its time goes (``domain.retention``)."""

    async def due(self) -> bool:
        """Whether it is time for a round: daily, on the wall clock."""
        ...

    def purge(self, now: datetime) -> AsyncIterator[Purged]:
        """A round, step by step. One that is left in the middle goes on there another time."""
        ...


class Inbox(Protocol):
    """Where adapters put what became of a touch, so that the journey considers it as any behaviour."""

    async def deliver(self, touch_key: str, kind: DeliveryKind, now: datetime, detail: str = "") -> None: ...

    async def sales_answer(self, answer: SalesFeedback, now: datetime) -> None: ...
