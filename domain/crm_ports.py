"""What workflows and activities need from a CRM, and from what is kept for one, as protocols. Rules: ``domain.crm``."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from domain.ports import OutboundTouch, SalesFeedback, TouchChannel, Value


class CrmChange(Value):
    """Desired CRM fields of one lead (C20), not yet acknowledged by the vendor.

    ``fields`` are by our names. ``names`` says what some of them are called in this CRM, where the playbook
    (``playbook``, its hash) says so; the others have the adapter's default name. ``erased``: the person was erased, and
    nothing of them may be left there. ``status_seen`` is the lead status that the contact was last known to have, None
    when that is not known; where it is what we want, ``fields`` have none, so as not to undo what sales set meanwhile.
    """

    lead: str
    email: str
    crm_id: str = ""
    fields: dict[str, Any]
    version: int
    playbook: str = ""
    names: Mapping[str, str] = {}
    erased: bool = False
    status_seen: str | None = None


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
    fields: Mapping[str, Any] = {}
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
