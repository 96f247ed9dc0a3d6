"""Two leads that are one person: which of them survives, and when a machine may unite them without asking.

**Survives**, in this order: whom sales has (a handoff is open, or sales accepted); whose journey runs; whose journey is
in the further phase; who came first. So nothing that a seller works on is ended by a merge, and as little as possible
of what the person is in the middle of.

**At once** are united two leads that a sender says are one (an identify, an import or an alias that names both) where
nothing says that they are two. In another order the same statements would have made them one from the beginning: only
what came first kept them apart. Everything else is suggested to a person, because a merge ends a journey.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.core.phases import WITH_SALES
from domain.words import LeadStatus, Phase

#: From the beginning of a journey to sales. Of an ended journey the phase says nothing.
_FURTHER = (
    Phase.ENDED,
    Phase.ENTRY,
    Phase.RE_ENGAGEMENT,
    Phase.NURTURE,
    Phase.COOL_DOWN,
    Phase.SALES_REVIEW,
    Phase.HANDOFF,
)


class Said(StrEnum):
    """What says that two leads are one. The values are stored."""

    IDENTIFIED = "identified"  # one identify, form or import row named both by external id and address
    ALIAS = "alias"  # an alias named both
    VISITOR = "visitor"  # somebody known was seen with a visitor's id of the other
    MAILBOX = "mailbox"  # their addresses reach one mailbox by their provider's rule
    CLAIMED = "claimed"  # a page that anybody can send named both
    OPERATOR = "operator"  # a person decided


#: What is never enough.
_WEAK = {
    Said.MAILBOX: "their addresses reach one mailbox, which two people may share",
    Said.CLAIMED: "only a page said so, which anybody can send",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A lead, as far as it matters. ``phase`` and ``status`` are its latest journey's (None: it never had one)."""

    lead: str
    created_at: datetime
    phase: Phase | None = None
    status: LeadStatus | None = None
    email: str | None = None
    external_id: str | None = None
    mailbox: str | None = None

    @property
    def running(self) -> bool:
        return self.phase not in {None, Phase.ENDED}

    @property
    def with_sales(self) -> bool:
        return self.phase in WITH_SALES or self.status is LeadStatus.SALES_ACCEPTED


@dataclass(frozen=True, slots=True)
class Choice:
    """Who stays, who becomes part of whom, and by which rule, in words."""

    survivor: str
    merged: str
    rule: str


def choose(one: Standing, other: Standing) -> Choice:
    """Who survives. The order of the arguments does not matter."""
    for rule, value in (
        ("sales has it", lambda lead: lead.with_sales),
        ("its journey runs", lambda lead: lead.running),
        ("its journey has come further", lambda lead: _FURTHER.index(lead.phase or Phase.ENDED)),
    ):
        if value(one) != value(other):
            kept, gone = sorted((one, other), key=value, reverse=True)
            return Choice(kept.lead, gone.lead, rule)
    kept, gone = sorted((one, other), key=lambda lead: (lead.created_at, lead.lead))
    return Choice(kept.lead, gone.lead, "it came first")


def differ(one: Standing, other: Standing) -> bool:
    """Whether a name of one contradicts a name of the other."""
    return bool(one.email and other.email) or bool(one.external_id and other.external_id)


def doubt(one: Standing, other: Standing, said: Said) -> str:
    """Why a machine must not unite them by itself, or "" where it may.

    - One mailbox is no statement of anybody's: people give ``info+anna@`` and ``info+ben@`` for two on purpose, and an
      opinion about a provider's rule must not end a journey.
    - What a page claims, anybody may have sent.
    - Two addresses that differ are two mailboxes, and may be two people behind one login.
    - Two sellers at work should agree first.
    - A computer is shared: seeing somebody on it unites only leads without any name that differs, of which at most one
      ever had a journey.
    """
    if said in _WEAK:
        return _WEAK[said]
    if one.email and other.email and (one.mailbox is None or one.mailbox != other.mailbox):
        return "they have different addresses"
    if one.with_sales and other.with_sales:
        return "sales has both"
    if said is Said.VISITOR and differ(one, other):
        return "they were seen on one computer, which two people may share"
    if said is Said.VISITOR and one.phase is not None and other.phase is not None:
        return "they were seen on one computer, and both had a journey"
    return ""
