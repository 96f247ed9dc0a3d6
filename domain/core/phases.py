"""The journey's phases and the only ways between them.

::

    entry ──► nurture ──► re_engagement ──► nurture
      │         │  ▲            │
      │         ▼  │expired     ▼
      ├──────► handoff ◄────────┘
      │         │ rejected
      │         ▼
      │       cool_down ──► nurture
      └──► sales_review ──► handoff, nurture, cool_down
                ▲
    nurture ────┘ (asked for what is missing, and it stays missing)

Every phase also leads to ``ended``. ``docs/architecture.md`` draws its picture from this table.
"""

from domain.words import LeadStatus, Phase

TRANSITIONS: dict[Phase, frozenset[Phase]] = {
    Phase.ENTRY: frozenset({Phase.NURTURE, Phase.SALES_REVIEW, Phase.HANDOFF, Phase.ENDED}),
    Phase.NURTURE: frozenset({Phase.HANDOFF, Phase.SALES_REVIEW, Phase.RE_ENGAGEMENT, Phase.ENDED}),
    Phase.SALES_REVIEW: frozenset({Phase.HANDOFF, Phase.NURTURE, Phase.COOL_DOWN, Phase.ENDED}),
    Phase.HANDOFF: frozenset({Phase.NURTURE, Phase.COOL_DOWN, Phase.ENDED}),
    Phase.COOL_DOWN: frozenset({Phase.NURTURE, Phase.HANDOFF, Phase.ENDED}),
    Phase.RE_ENGAGEMENT: frozenset({Phase.NURTURE, Phase.HANDOFF, Phase.ENDED}),
    Phase.ENDED: frozenset(),
}

#: The CRM status a lead takes when its journey enters a phase. ``None`` leaves the status as it is.
STATUS_ON_ENTRY: dict[Phase, LeadStatus | None] = {
    Phase.ENTRY: LeadStatus.NEW,
    Phase.NURTURE: LeadStatus.NURTURE,
    Phase.SALES_REVIEW: LeadStatus.SALES_REVIEW,
    Phase.HANDOFF: LeadStatus.SALES_REVIEW,
    Phase.COOL_DOWN: LeadStatus.NURTURE,
    Phase.RE_ENGAGEMENT: None,
    Phase.ENDED: None,
}

#: Phases in which content reaches the lead.
NURTURING = frozenset({Phase.NURTURE, Phase.RE_ENGAGEMENT})
#: Phases in which sales is asked and its answer clock runs.
WITH_SALES = frozenset({Phase.HANDOFF, Phase.SALES_REVIEW})
