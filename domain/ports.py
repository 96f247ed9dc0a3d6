"""What workflows and activities need from the world, as protocols. ``runtime`` supplies the concrete ones."""

from collections.abc import AsyncIterator, Mapping, Sequence
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
    """Facts in, decisions out: the two database round trips of a wake."""

    async def gather(self, state: JourneyState, now: datetime) -> Facts: ...

    async def recorded(self, state: JourneyState, number: int) -> JourneyState | None:
        """The journey's state after its decision of that number (0: before the first), None where there is none."""
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
    ``attempted_at`` is on the wall clock, shortly before the attempt that nobody knows the end of.
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


class CrmChange(Value):
    """Desired CRM fields of one lead (C20), not yet acknowledged by the vendor.

    ``fields`` are by our names. ``names`` says what some of them are called in this CRM, where the playbook
    (``playbook``, its hash) says so; the others have the adapter's default name. ``erased``: the person was erased, and
    nothing of them may be left there.
    """

    lead: str
    email: str
    crm_id: str = ""
    fields: dict[str, Any]
    version: int
    playbook: str = ""
    names: dict[str, str] = {}
    erased: bool = False


class SalesFeedback(Value):
    """A seller's answer read back from the CRM. ``outcome``: accepted, rejected, opportunity_opened, won or lost."""

    handoff: str
    outcome: str
    reason: str = ""


class OpportunityWanted(Value):
    """An opportunity that the playbook asks for with a handoff. ``pipeline`` and ``stage`` are the CRM's own names or
    ids; "" is its default.
    """

    title: str
    pipeline: str = ""
    stage: str = ""


class Crm(Protocol):
    batch_size: int

    async def upsert(self, changes: Sequence[CrmChange]) -> dict[str, str]:
        """Create or update; returns lead → vendor id for those taken; the others were refused for what they say.

        Raises ``RecordsRefused`` when all were, any other ``VendorFault`` when nothing is known of any.
        """
        ...

    async def erase(self, changes: Sequence[CrmChange]) -> frozenset[str]:
        """Remove these people's records, or empty them where removing is not allowed; the leads of whom nothing is
        left. What is gone already counts. Raises as ``upsert``.
        """
        ...

    async def feedback(self, vendor_task_ids: dict[str, str]) -> list[SalesFeedback]:
        """Sellers' answers on open handoffs (handoff id → vendor task id)."""
        ...

    async def open_opportunity(self, touch: OutboundTouch, wanted: OpportunityWanted) -> str:
        """The opportunity of the handoff that is the touch, on the lead's contact, made once under ``touch.key``; its
        id. Raises a ``VendorFault``.
        """
        ...


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


class CrmOwner(Value):
    """A seller who owns records in the CRM."""

    id: str
    email: str = ""
    name: str = ""


class CrmContact(Value):
    """A lead as the CRM has it. ``fields`` are by our names, of those asked for; "" where the CRM has nothing.

    ``lead`` is our id, where the record has it; ``owner`` the CRM's id of the seller who owns it.
    """

    crm_id: str
    email: str = ""
    lead: str = ""
    owner: str = ""
    fields: dict[str, Any] = {}
    changed_at: datetime | None = None
    deleted: bool = False


class CrmPage(Value):
    """Part of what has changed. ``cursor`` takes up where this ends; ``more`` says whether to go on at once."""

    contacts: list[CrmContact]
    cursor: str
    more: bool = False


class CrmOpportunity(Value):
    """An opportunity as the CRM has it, with the CRM's ids of its contacts.

    ``outcome``: opportunity_opened, won or lost; "" while it is one of ours that no seller has moved on yet.
    """

    id: str
    contacts: tuple[str, ...] = ()
    outcome: str = ""
    changed_at: datetime | None = None


class OpportunityPage(Value):
    """As ``CrmPage``."""

    opportunities: list[CrmOpportunity]
    cursor: str
    more: bool = False


class CrmReading(Protocol):
    """What is read back from a CRM: changes made there, owners, and single records.

    ``fields`` are the names by which we ask (C20 and ``domain.crm.CORRECTIONS``); ``names`` as in ``CrmChange``.
    """

    async def owners(self) -> list[CrmOwner]: ...

    async def changed(self, cursor: str, fields: Sequence[str], names: Mapping[str, str], limit: int) -> CrmPage:
        """Our contacts changed since ``cursor`` ("" for all there are), oldest first; what it gives twice is the same.

        ``limit`` is a wish: a page may have fewer or a few more.
        """
        ...

    async def read(self, ids: Sequence[str], fields: Sequence[str], names: Mapping[str, str]) -> list[CrmContact]:
        """These contacts, any number of them; one that is gone there is ``deleted``."""
        ...

    async def opportunities(self, cursor: str, limit: int) -> OpportunityPage:
        """As ``changed``: opportunities, whoever made them."""
        ...

    async def read_opportunities(self, ids: Sequence[str]) -> list[CrmOpportunity]:
        """These opportunities; those that are gone are left out."""
        ...


class CrmConnection(Protocol):
    """One CRM, whole: its records, what is read back, and tasks for its sellers. ``name`` is the vendor's."""

    @property
    def name(self) -> str: ...

    @property
    def crm(self) -> Crm: ...

    @property
    def reading(self) -> CrmReading: ...

    @property
    def tasks(self) -> TouchChannel: ...

    async def close(self) -> None: ...


class DesiredLists(Protocol):
    """Desired state of CRM records (DESIGN decision 5); that of audiences is in ``domain.audiences``."""

    async def dirty_crm(self, limit: int) -> list[CrmChange]: ...

    async def crm_pushed(self, changes: Sequence[CrmChange], ids: dict[str, str], now: datetime) -> None: ...

    async def crm_refused(self, changes: Sequence[CrmChange], reason: str) -> None:
        """The vendor won't have these as they are: they come again later, and later each time, or once they change."""
        ...

    async def open_handoff_tasks(self, limit: int) -> dict[str, str]:
        """Open handoffs that have a vendor task: handoff id → vendor task id."""
        ...


class CrmNews(Protocol):
    """What the CRM has told, how far it has been read, and where what was read goes. Of one vendor."""

    async def due(self) -> bool:
        """Whether something waits to be read, or nobody has looked for long."""
        ...

    async def unseen_long(self) -> bool: ...

    async def waiting(self, record: str, limit: int) -> dict[str, int]:
        """Records told of (contact, opportunity, task): id → the telling's version, for ``done``."""
        ...

    async def done(self, record: str, read: Mapping[str, int]) -> None: ...

    async def cursor(self, stream: str) -> str: ...

    async def read_upto(self, stream: str, cursor: str, *, ended: bool) -> None:
        """``ended``: there is nothing more for now."""
        ...

    async def sellers(self, owners: Sequence[CrmOwner]) -> None: ...

    async def handoffs(self, tasks: Sequence[str]) -> dict[str, str]:
        """Open handoffs of these tasks: handoff id → task id."""
        ...

    async def playbooks(self) -> list[str]:
        """Hashes of the playbooks in force, the default first: they say what is read, and under which names."""
        ...

    async def known(self, after: str, limit: int) -> list[str]:
        """Ids of our contacts, in order, after this one."""
        ...

    async def take_contacts(self, contacts: Sequence[CrmContact], now: datetime) -> int:
        """What sales changed holds, by the rule of ``domain.crm``; how many leads it changed. Again is harmless."""
        ...

    async def take_opportunities(self, found: Sequence[CrmOpportunity], now: datetime) -> int:
        """Their outcomes reach the journeys of the lead and, once one is opened, of its account; how many were news."""
        ...


class Inbox(Protocol):
    """Where adapters put what became of a touch, so that the journey considers it as any behaviour."""

    async def deliver(self, touch_key: str, kind: DeliveryKind, now: datetime, detail: str = "") -> None: ...

    async def sales_answer(self, answer: SalesFeedback, now: datetime) -> None: ...
