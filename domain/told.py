"""What vendors tell us by webhook or when they are asked, in our words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.trust import Visit
from domain.words import DeliveryKind


@dataclass(frozen=True, slots=True)
class About:
    """Whose it is, by what the vendor gives: the first that is known decides.

    ``touch`` is the ledger's key; ``vendor_id`` what the receipt of a touch said; ``task`` the vendor's id of a
    handoff's task; ``mail`` the name in its Message-ID (``domain.mail``); ``lead`` our id; ``crm_id`` the CRM's;
    ``email`` an address.
    """

    touch: str = ""
    mail: str = ""
    vendor_id: str = ""
    task: str = ""
    lead: str = ""
    crm_id: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a touch. ``detail`` is the vendor's code or class, never prose that may quote an address.

    ``visit`` where the vendor says who opened or clicked, for the rules of trust; ``url`` what was clicked. Where that
    is one of our own tracked links, which the vendor tracked too: its number ``link`` of ``links`` (``domain.trust``).
    """

    id: str
    about: About
    kind: DeliveryKind
    at: datetime
    detail: str = ""
    visit: Visit | None = None
    url: str = ""
    link: int | None = None
    links: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A seller's answer on a handoff: ``accepted``, ``rejected``, ``opportunity_opened``, ``won`` or ``lost``."""

    id: str
    about: About
    outcome: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """Behaviour told by a vendor, such as a meeting booked: ``name`` as playbooks know it."""

    id: str
    about: About
    kind: str
    name: str
    at: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changed:
    """A record of the CRM has changed there, and is to be read again. ``record``: contact, company, deal or task."""

    id: str
    record: str
    crm_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Part of a request that is the vendor's but can't be understood: becomes a dead letter. ``why`` in words."""

    body: Mapping[str, Any]
    why: str


Told = Delivery | Answer | Happened | Changed | Unreadable
