"""Where a lead goes on the day it enters (C1, C2), and which segment it belongs to."""

from domain.core import handoff, profiling
from domain.core.draft import Draft
from domain.playbook.models import TriageRule
from domain.words import Ending, LeadStatus, Phase


def assign_segment(draft: Draft) -> None:
    """The first segment that holds. Asked at every decision: a profile that fills up may change the track."""
    for segment in draft.rules.segments:
        if segment.when is None or draft.holds(segment.when):
            if segment.id != draft.state.segment:
                draft.because("segment", f"segment is {segment.label}", when=segment.when or "everyone else")
                _move(draft, segment.id)
            return
    if draft.state.segment not in draft.playbook.segments:
        _move(draft, draft.rules.segments[-1].id)
        draft.because("segment", f"no segment fits: {draft.rules.segments[-1].label}, the last one, is taken")


def _move(draft: Draft, segment: str) -> None:
    """Another segment is another track: its waits begin anew, though the gap since the last touch goes on."""
    draft.change(segment=segment)
    if draft.on_track:
        draft.change(passed=())


def triage(draft: Draft) -> None:
    """At entry, and as long as the way in is not settled: the first triage rule that holds, else nurture."""
    if draft.state.phase is Phase.ENTRY:
        _enter(draft, _rule(draft))
    elif draft.state.profiling and not draft.stopped:
        _ask_again(draft, _rule(draft))
    elif draft.state.phase is Phase.SALES_REVIEW and draft.new:
        _review_again(draft)


def _rule(draft: Draft) -> TriageRule | None:
    return next((rule for rule in draft.rules.triage if draft.holds(rule.when)), None)


def _enter(draft: Draft, rule: TriageRule | None) -> None:
    if rule is None:
        draft.because("triage", "enters nurture: no triage rule says otherwise")
        draft.enter(Phase.NURTURE)
    elif rule.then == "profile":
        profiling.begin(draft, rule)
        if draft.state.profiling:
            profiling.go_on(draft, rule)
    elif rule.then == "nurture":
        draft.because(rule.id, "enters nurture", when=rule.when)
        draft.enter(Phase.NURTURE)
    else:
        _settle(draft, rule)


def _ask_again(draft: Draft, rule: TriageRule | None) -> None:
    if rule is not None and rule.then in profiling.SETTLES:
        _settle(draft, rule)
    else:
        profiling.go_on(draft, rule)


def _settle(draft: Draft, rule: TriageRule) -> None:
    if rule.then == "disqualify":
        reason = rule.reason.value if rule.reason else "other"
        draft.because(rule.id, f"not a lead: {reason.replace('_', ' ')}", when=rule.when)
        draft.end(Ending.DISQUALIFIED, reason, LeadStatus.DISQUALIFIED)
    elif rule.then == "sales":
        handoff.give(draft, f"ready for sales{_when(draft)}", rule.id)
    else:
        reason = "promising, but someone must look at the record first"
        handoff.give(draft, reason, rule.id, Phase.SALES_REVIEW)


def _when(draft: Draft) -> str:
    return " at entry" if draft.state.phase is Phase.ENTRY else " now that more is known"


def _review_again(draft: Draft) -> None:
    """New behaviour while in review: it may now be plainly ready for sales."""
    for rule in draft.rules.handoff.rules:
        if draft.holds(rule.when):
            draft.because(rule.id, f"in sales review and now also: {rule.label}", when=rule.when)
            draft.enter(Phase.HANDOFF)
            return
