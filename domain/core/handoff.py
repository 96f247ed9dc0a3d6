"""Giving a lead to sales and what sales answers (C22, C23).

Two phases share the answer clock: ``handoff`` (ready for sales) and ``sales_review`` (a person must look first).
The clock runs remind → SLA → expiry; each step happens once. A rejection recycles the lead past the content it has
seen, after a cool-down and with intent beginning anew, or ends the journey where the playbook says that reason does.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.core import holds
from domain.core.draft import Draft
from domain.core.phases import NURTURING, WITH_SALES
from domain.decision import OpenHandoff, ResolveHandoff
from domain.playbook.models import RecycleRule
from domain.state import HandoffState
from domain.words import BuyerStage, Channel, DisqualifyReason, Ending, LeadStatus, Phase, RejectReason, TouchStatus

_RECENT = 10
#: What is recorded of a lead that sales rejected once too often: why it is no lead, not why it was rejected last.
_GIVEN_UP = {
    RejectReason.UNREACHABLE: DisqualifyReason.INVALID_CONTACT,
    RejectReason.BAD_DATA: DisqualifyReason.INVALID_CONTACT,
    RejectReason.NO_FIT: DisqualifyReason.POOR_FIT,
}


def consider(draft: Draft) -> None:
    """Hand over when the first of the playbook's rules holds."""
    if draft.state.phase not in NURTURING | {Phase.COOL_DOWN}:
        return
    for rule in draft.rules.handoff.rules:
        if draft.holds(rule.when):
            if _just_answered(draft):
                _ask_later(draft)
            elif draft.stopped:
                draft.reject("handoff", holds.why_stopped(draft), "hold" if draft.hold else "paused")
            else:
                give(draft, rule.label, rule.id)
            return


def _ask_later(draft: Draft) -> None:
    until = _quiet_until(draft) or draft.now
    draft.reject("handoff", "sales has just answered, and nothing happened since", "answered", until)
    draft.wake(until, "sales may be asked again")


def _just_answered(draft: Draft) -> bool:
    """Sales said no, or nothing, less than a cool-down ago, and the lead did nothing that would change the answer."""
    until = _quiet_until(draft)
    if until is None or draft.now >= until:
        return False
    return not any(hit.meaningful for hit in draft.counted)


def _quiet_until(draft: Draft) -> datetime | None:
    """Until when sales is left alone: the reason for its rejection may ask for another cool-down than the usual one."""
    since, resumes = draft.state.intent_since, draft.state.resume_at
    return resumes if resumes is not None or since is None else since + draft.rules.handoff.recycle.cool_down


def give(draft: Draft, reason: str, rule: str, phase: Phase = Phase.HANDOFF) -> None:
    """Open a handoff: the seller gets a task with the brief, nothing more goes to the lead meanwhile."""
    draft.call_back()
    number = draft.state.handoffs + 1
    handoff_id = f"{draft.state.lead}-{draft.state.cycle}-{number}"
    draft.because(rule, f"to sales: {reason}", fit=draft.scores.fit, intent=draft.scores.intent)
    if draft.resolve_handoff is not None and draft.resolve_handoff.id == handoff_id:
        draft.resolve_handoff = None  # withdrawn by a rewind, and given again: it stands
    draft.open_handoff = OpenHandoff(
        id=handoff_id, reason=reason, sla_at=draft.now + draft.rules.handoff.sla, brief=_brief(draft, reason)
    )
    draft.enter(phase)
    opened = HandoffState(id=handoff_id, opened=draft.now, reason=reason)
    draft.change(handoff=opened, handoffs=number, resume_at=None)
    draft.touch("handoff", Channel.SDR_TASK, note=reason, occurrence=number)


def answered(draft: Draft) -> None:
    """Take the seller's answer, if one came from the CRM."""
    for behaviour in draft.facts.behaviours:
        handoff = draft.state.handoff
        if handoff is None:
            return
        fresh = behaviour.kind == "crm" and behaviour.trusted and behaviour.position > draft.before.cursor
        if fresh and behaviour.properties.get("handoff") == handoff.id:
            if behaviour.name == "sales_accepted":
                accept(draft)
            elif behaviour.name == "sales_rejected":
                reject(draft, str(behaviour.properties.get("reason", "")))


def accept(draft: Draft) -> None:
    handoff = _open(draft, "accept")
    if handoff is not None:
        draft.because("sales_accepted", "sales accepted the lead", handoff=handoff.id)
        draft.resolve_handoff = ResolveHandoff(id=handoff.id, outcome="accepted")
        draft.end(Ending.SALES_ACCEPTED, handoff.reason, LeadStatus.SALES_ACCEPTED)


def reject(draft: Draft, reason: str) -> None:
    handoff = _open(draft, "reject")
    if handoff is None:
        return
    recycle = draft.rules.handoff.recycle
    why = RejectReason(reason) if reason in set(RejectReason) else RejectReason.TIMING
    draft.resolve_handoff = ResolveHandoff(id=handoff.id, outcome="rejected", reason=why.value)
    words = why.value.replace("_", " ")
    rule = recycle.reasons.get(why, RecycleRule())
    draft.change(rejections=(*draft.state.rejections, why.value))
    if rule.disqualify is not None:
        draft.because("sales_rejected", f"sales rejected the lead for good: {words}", handoff=handoff.id)
        draft.end(Ending.DISQUALIFIED, rule.disqualify.value, LeadStatus.DISQUALIFIED)
    elif (times := len(draft.state.rejections)) > recycle.most:
        words = f"sales rejected the lead {times} times, {recycle.most} are allowed: {words}"
        draft.because("recycled_enough", words, handoff=handoff.id)
        draft.end(Ending.DISQUALIFIED, _GIVEN_UP.get(why, DisqualifyReason.OTHER).value, LeadStatus.DISQUALIFIED)
    else:
        until = draft.now + (recycle.cool_down if rule.cool_down is None else rule.cool_down)
        draft.because("sales_rejected", f"sales gave the lead back: {words}; quiet until {until:%Y-%m-%d}", until=until)
        draft.enter(Phase.COOL_DOWN)
        draft.change(handoff=None, resume_at=until, intent_since=draft.now)
        if rule.stage is not None and rule.stage in draft.playbook.stages:
            draft.because("sales_rejected", f"goes on from {rule.stage.value.replace('_', ' ')} then", reason=why.value)
            draft.move_to(rule.stage)


def run_clock(draft: Draft) -> None:
    """Remind, escalate and expire an open handoff; end a cool-down that is over. Under a hold the clock stands still:
    sales may not have heard of it.
    """
    if draft.state.phase is Phase.COOL_DOWN:
        _cool_down(draft)
    handoff, rules = draft.state.handoff, draft.rules.handoff
    if handoff is None or draft.state.phase not in WITH_SALES or draft.hold is not None:
        return
    number = draft.state.handoffs
    if draft.now >= handoff.opened + rules.expires:
        _expire(draft, handoff)
    elif draft.now >= handoff.opened + rules.sla and not handoff.escalated:
        draft.because("sla", "sales did not answer in time: escalated", handoff=handoff.id)
        draft.touch("handoff-escalate", Channel.ALERT, note=f"No answer in time: {handoff.reason}", occurrence=number)
        draft.change(handoff=handoff.model_copy(update={"escalated": True, "reminded": True}))
    elif draft.now >= handoff.opened + rules.remind and not handoff.reminded:
        draft.because("remind", "sales reminded of the handoff", handoff=handoff.id)
        draft.touch("handoff-remind", Channel.ALERT, note=f"Reminder: {handoff.reason}", occurrence=number)
        draft.change(handoff=handoff.model_copy(update={"reminded": True}))


def next_step(draft: Draft) -> None:
    """When the answer clock or the cool-down needs attention next."""
    state, rules = draft.state, draft.rules.handoff
    if state.resume_at is not None:
        draft.wake(state.resume_at, "the cool-down after sales gave the lead back ends")
    if state.handoff is None or draft.hold is not None:
        return
    opened = state.handoff.opened
    if not state.handoff.reminded:
        draft.wake(opened + rules.remind, "remind sales of the handoff")
    if not state.handoff.escalated:
        draft.wake(opened + rules.sla, "sales must have answered by then")
    draft.wake(opened + rules.expires, "the handoff expires")


def _expire(draft: Draft, handoff: HandoffState) -> None:
    draft.because("expired", "sales never answered: nurture goes on", handoff=handoff.id)
    draft.resolve_handoff = ResolveHandoff(id=handoff.id, outcome="expired")
    note = f"Expired without an answer: {handoff.reason}"
    draft.touch("handoff-expired", Channel.ALERT, note=note, occurrence=draft.state.handoffs)
    draft.enter(Phase.NURTURE)
    draft.change(handoff=None, intent_since=draft.now)


def _cool_down(draft: Draft) -> None:
    until = draft.state.resume_at
    if until is None or draft.now >= until or draft.skip_wait:
        draft.because("cool_down_over", "the cool-down is over: nurture goes on past what was already seen")
        draft.enter(Phase.NURTURE)
        draft.change(resume_at=None)
        draft.skip_wait = False  # one command skips one wait


def _open(draft: Draft, what: str) -> HandoffState | None:
    if draft.state.handoff is None:
        draft.reject(what, "no handoff is open", "no_open_handoff")
    return draft.state.handoff


def _brief(draft: Draft, reason: str) -> dict[str, Any]:
    """What the seller reads: why now, what they did, what they read, who they are, how to open (C22)."""
    recent = sorted(draft.hits, key=lambda hit: hit.at)[-_RECENT:]
    stage = draft.playbook.stages.get(BuyerStage(draft.state.stage))
    situations = draft.situations
    advice = [one.advice for one in situations if one.advice]
    read = [touch.asset for touch in draft.facts.touches if touch.asset and touch.status is TouchStatus.SENT]
    return {
        "why_now": reason,
        "fit": draft.scores.fit,
        "grade": draft.scores.grade,
        "intent": draft.scores.intent,
        "stage": draft.state.stage.value,
        "segment": draft.state.segment,
        "question": stage.question if stage else "",
        "did": [{"at": _day(hit.at), "what": hit.match.label} for hit in recent],
        "read": [_title(draft, asset) for asset in read],
        "colleagues_active": draft.facts.account.active_leads_30d,
        "situations": [one.label for one in situations],
        "advice": advice,
        "opener": _opener(recent[-1].match.label if recent else "", stage.question if stage else "", advice),
    }


def _opener(did: str, question: str, advice: Sequence[str]) -> str:
    if advice:
        return f"They {did} last. {advice[0]}" if did else advice[0]
    start = f"They {did} last; " if did else ""
    return f"{start}start from their question: {question}" if question else f"{start}ask what they are trying to solve."


def _title(draft: Draft, asset: str) -> str:
    known = draft.rules.assets.get(asset)
    return known.subject if known and known.subject else asset


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
