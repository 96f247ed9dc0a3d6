"""What ends a journey at once, whatever else was planned (C3, C12, C25). Asked first, in this order."""

from domain.core.draft import Draft
from domain.decision import ResolveHandoff
from domain.facts import Behaviour
from domain.words import DeliveryKind, DisqualifyReason, Ending, LeadStatus

#: Delivery events after which nobody may write again: event → (ending, words).
_FINAL_DELIVERIES = {
    DeliveryKind.UNSUBSCRIBED: (Ending.OPTED_OUT, "unsubscribed"),
    DeliveryKind.COMPLAINED: (Ending.COMPLAINED, "marked a mail as spam"),
    DeliveryKind.BOUNCED_HARD: (Ending.HARD_BOUNCED, "the address does not exist"),
}
#: Reason of a suppression → ending. Any other reason (erasure, a person's entry) ends as opted out.
_SUPPRESSED = {"complained": Ending.COMPLAINED, "hard_bounced": Ending.HARD_BOUNCED}
#: What the CRM reports when sales works the lead already, or a colleague of theirs (C26).
OPPORTUNITY_OPENED = "opportunity_opened"
_OPENED = frozenset({OPPORTUNITY_OPENED, "sales_opportunity_opened"})
_WON = "sales_won"
#: Sales set the lead's status in the CRM, rather than answer a handoff.
_STATUS_SET = "sales_set_status"


def check(draft: Draft) -> None:
    """End the journey if anything demands it."""
    for rule in (_merged, _forbidden, _final_delivery, _opportunity, _set_by_sales, _disqualified, too_long):
        if not draft.state.ended:
            rule(draft)


def _merged(draft: Draft) -> None:
    """The same person is another lead: that one's journey goes on, or waits to be begun."""
    survivor = draft.facts.lead.merged_into
    if survivor:
        draft.because("merged", f"is the same person as {survivor}", survivor=survivor)
        draft.end(Ending.MERGED, f"merged into {survivor}")


def _forbidden(draft: Draft) -> None:
    reason = draft.facts.permission.suppressed
    if reason:
        draft.because("suppression", "contact is forbidden: " + reason.replace("_", " "), reason=reason)
        draft.end(_SUPPRESSED.get(reason, Ending.OPTED_OUT), reason)


def _final_delivery(draft: Draft) -> None:
    for behaviour in _unread(draft, "delivery"):
        name = behaviour.name
        final = _FINAL_DELIVERIES.get(DeliveryKind(name)) if name in set(DeliveryKind) else None
        if final is not None and not _of_another_address(draft, behaviour):
            ending, words = final
            draft.because(f"delivery_{name}", words, event=name)
            draft.forbid(ending.value)
            draft.end(ending, words)
            return


def _of_another_address(draft: Draft, behaviour: Behaviour) -> bool:
    """A bounce is about an address: one of a touch to a lead that was merged into this one says nothing of this one's.

    What a person said, whichever touch it answered, they said.
    """
    lead, _, rest = str(behaviour.properties.get("touch", "")).partition("/")
    return behaviour.name == DeliveryKind.BOUNCED_HARD and bool(rest) and lead != draft.state.lead


def _opportunity(draft: Draft) -> None:
    told = [behaviour for behaviour in _unread(draft, "crm") if behaviour.name in _OPENED | {_WON}]
    if told:
        colleague = all(behaviour.properties.get("colleague") is True for behaviour in told)
        words = "sales opened an opportunity" + (" with a colleague" if colleague else "")
        if not colleague and told[-1].name == _WON:
            words = "sales won the opportunity"
        draft.because(OPPORTUNITY_OPENED, words)
        draft.end(Ending.OPPORTUNITY_OPENED, words, LeadStatus.SALES_ACCEPTED)


def _set_by_sales(draft: Draft) -> None:
    """The newest word of sales' own holds over ours (``domain.crm``). That sales took a lead which was handed over is
    an answer to the handoff, and ends the journey as any other.
    """
    statuses = [str(one.properties.get("status")) for one in _unread(draft, "crm") if one.name == _STATUS_SET]
    if statuses and statuses[-1] == LeadStatus.DISQUALIFIED:
        draft.because(_STATUS_SET, "sales disqualified the lead in the CRM")
        draft.end(Ending.DISQUALIFIED, DisqualifyReason.OTHER.value, LeadStatus.DISQUALIFIED)
    elif statuses and statuses[-1] == LeadStatus.SALES_ACCEPTED:
        handoff, words = draft.state.handoff, "sales took the lead in the CRM"
        draft.because(_STATUS_SET, words)
        if handoff is not None:
            draft.resolve_handoff = ResolveHandoff(id=handoff.id, outcome="accepted")
        draft.end(Ending.SALES_ACCEPTED, handoff.reason if handoff else words, LeadStatus.SALES_ACCEPTED)


def _disqualified(draft: Draft) -> None:
    for rule in draft.rules.disqualify:
        if draft.holds(rule.when):
            draft.because(rule.id, f"not a lead: {rule.reason.value.replace('_', ' ')}", when=rule.when)
            draft.end(Ending.DISQUALIFIED, rule.reason.value, LeadStatus.DISQUALIFIED)
            return


def too_long(draft: Draft) -> None:
    """The length limit; it waits for sales to answer, and is asked again when a handoff has just expired."""
    ends = draft.state.started + draft.rules.length_limit
    if draft.state.handoff is None and draft.now >= ends:
        draft.because("length_limit", "the journey has reached its longest allowed time")
        draft.end(Ending.LENGTH_LIMIT, f"longer than {draft.rules.length_limit.days} days")


def _unread(draft: Draft, kind: str) -> list[Behaviour]:
    cursor = draft.before.cursor
    return [b for b in draft.facts.behaviours if b.kind == kind and b.trusted and b.position > cursor]
