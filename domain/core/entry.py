"""Where a lead goes on the day it enters (C1, C2), and which segment it belongs to."""

from domain.core import handoff
from domain.core.draft import Draft
from domain.words import Ending, LeadStatus, Phase


def assign_segment(draft: Draft) -> None:
    """The first segment that holds. Asked at every decision: a profile that fills up may change the track."""
    for segment in draft.rules.segments:
        if segment.when is None or draft.holds(segment.when):
            if segment.id != draft.state.segment:
                draft.because("segment", f"segment is {segment.label}", when=segment.when or "everyone else")
                draft.change(segment=segment.id)
            return
    if draft.state.segment not in draft.playbook.segments:
        draft.change(segment=draft.rules.segments[-1].id)
        draft.because("segment", f"no segment fits: {draft.rules.segments[-1].label}, the last one, is taken")


def triage(draft: Draft) -> None:
    """At entry, and while sales reviews an incomplete record: the first triage rule that holds, else nurture."""
    if draft.state.phase is Phase.ENTRY:
        _enter(draft)
    elif draft.state.phase is Phase.SALES_REVIEW and draft.new:
        _review_again(draft)


def _enter(draft: Draft) -> None:
    rule = next((rule for rule in draft.rules.triage if draft.holds(rule.when)), None)
    if rule is None:
        draft.because("triage", "enters nurture: no triage rule says otherwise")
        draft.enter(Phase.NURTURE)
    elif rule.then == "disqualify":
        reason = rule.reason.value if rule.reason else "other"
        draft.because(rule.id, f"not a lead: {reason.replace('_', ' ')}", when=rule.when)
        draft.end(Ending.DISQUALIFIED, reason, LeadStatus.DISQUALIFIED)
    elif rule.then == "sales":
        handoff.give(draft, "ready for sales at entry", rule.id)
    elif rule.then == "sales_review":
        handoff.give(draft, "promising, but someone must look at the record first", rule.id, Phase.SALES_REVIEW)
    else:
        draft.because(rule.id, "enters nurture", when=rule.when)
        draft.enter(Phase.NURTURE)


def _review_again(draft: Draft) -> None:
    """New behaviour while in review: it may now be plainly ready for sales."""
    for rule in draft.rules.handoff.rules:
        if draft.holds(rule.when):
            draft.because(rule.id, f"in sales review and now also: {rule.label}", when=rule.when)
            draft.enter(Phase.HANDOFF)
            return
