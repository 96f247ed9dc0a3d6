"""What Tendril and a CRM tell each other of a lead, and whose word holds where both have one.

The rule stands here, for each field, and nowhere else:

================================  ======  ==========================================================================
field                             holds   because
================================  ======  ==========================================================================
``FIELDS`` (C20) but lead_status  ours    they are our inference; what is changed in the CRM is written over
``lead_status``                   both    ours, but for what only sales can know: ``SET_BY_SALES``
``owner`` (of the record)         theirs  sellers share leads out among themselves in the CRM
``CORRECTIONS``                   theirs  sales spoke to the person; a later word of the lead's own holds again
``email``                         ours    it is how the lead is known; a second address is for a person to look at
================================  ======  ==========================================================================

"Theirs" means: what is *changed* there holds. Who reads a record compares it with what was read before (``merged``), so
that an old value in the CRM never undoes what the lead told us since.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.words import LeadStatus

#: Every field that sales sees of a lead (C20), in the CRM's words for people.
FIELDS: Mapping[str, str] = {
    "source": "Source",
    "campaign": "Campaign",
    "landing_page": "Landing page",
    "offer": "Offer",
    "lead_status": "Lead status",
    "fit_level": "Fit level",
    "intent_level": "Intent level",
    "buyer_stage": "Buyer stage",
    "segment": "Segment",
    "last_action": "Last meaningful action",
    "owner": "Sales owner",
    "nurture_path": "Nurture path",
    "disqualification_reason": "Disqualification reason",
    "why_in_nurture": "Why in nurture",
    "what_moves_it_forward": "What moves it forward",
}
#: What sellers put right about a person; every CRM has these itself.
CORRECTIONS: Mapping[str, str] = {
    "first_name": "First name",
    "last_name": "Last name",
    "phone": "Phone",
    "company": "Company",
    "job_title": "Job title",
}
#: Statuses that mean something when a seller sets them. The others are our own, and written over.
SET_BY_SALES = frozenset({LeadStatus.SALES_ACCEPTED, LeadStatus.DISQUALIFIED})
#: CRMs that a playbook may name. A test holds them to ``adapters.vendors.CRM``.
VENDORS = ("hubspot", "pipedrive", "salesforce")
#: Outcomes of an opportunity, and of a handoff.
OPPORTUNITY_OUTCOMES = ("opportunity_opened", "won", "lost")
OUTCOMES = ("accepted", "rejected", *OPPORTUNITY_OUTCOMES)


@dataclass(frozen=True, slots=True)
class Merged:
    """What a record's reading changes: ``take`` of the lead's fields, ``seen`` to compare the next reading with.

    ``status`` is what sales set, "" for nothing.
    """

    take: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, Any] = field(default_factory=dict)
    status: str = ""


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any], seen: Mapping[str, Any], wanted: str) -> Merged:
    """Three values of each field, compared: the lead's, the CRM's, and the CRM's when it was read last.

    ``wanted`` is the lead status that we want there. What the CRM leaves empty takes nothing away.
    """
    news = {name: value for name, value in theirs.items() if value not in ("", None) and value != seen.get(name)}
    take = {name: value for name, value in news.items() if name not in FIELDS and value != ours.get(name)}
    said = said_by_sales(theirs.get("lead_status"), seen.get("lead_status"), wanted)
    return Merged(take, {name: value for name, value in theirs.items() if seen.get(name) != value}, said)


def said_by_sales(theirs: str | None, seen: str | None, wanted: str) -> str:
    """The lead status that sales has set since the CRM was read last (``seen``); "" when that is not what it has."""
    return theirs if theirs and theirs not in (seen, wanted) and theirs in set(SET_BY_SALES) else ""


def differing(
    ours: Mapping[str, Any], wanted: Mapping[str, Any], theirs: Mapping[str, Any], seen: Mapping[str, Any]
) -> dict[str, str]:
    """Fields in which lead and CRM differ → whose word holds: ``ours`` or ``theirs``.

    ``ours`` are the lead's fields, ``wanted`` what sales is to see, ``theirs`` what the CRM has of those asked for
    and ``seen`` what it had when it was read last.
    """
    found: dict[str, str] = {}
    for name, value in theirs.items():
        said = str(value or "")
        own = wanted.get(name) if name in FIELDS else ours.get(name)
        if said == _text(own) or (name in FIELDS and name not in wanted) or (name not in FIELDS and not said):
            continue
        sales_may = name not in FIELDS or (name == "lead_status" and said in set(SET_BY_SALES))
        found[name] = "theirs" if sales_may and value != seen.get(name) else "ours"
    return found


def _text(value: Any) -> str:
    return "" if value is None else str(value)
