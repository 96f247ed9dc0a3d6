"""Desired state outside the journey: ads audiences and the CRM's fields (C17, C20)."""

from typing import Any

from domain.core import profiling
from domain.core.draft import Draft
from domain.core.phases import NURTURING
from domain.playbook.spoken import uncapital
from domain.state import JourneyState
from domain.words import Ending, Phase


def audiences(draft: Draft) -> dict[str, bool]:
    """Every audience of the playbook → whether the lead should be in it. Outside nurture: in none."""
    belongs = draft.state.phase in NURTURING and draft.facts.lead.has_email and not draft.facts.permission.suppressed
    return {
        audience.id: belongs
        and (audience.id in draft.state.joined or (audience.when is not None and draft.holds(audience.when)))
        for audience in draft.rules.audiences
    }


def crm_fields(draft: Draft, forward: tuple[str, ...]) -> dict[str, Any]:
    """C20's fields. Scores appear as levels: a number that decays daily would rewrite every record every day."""
    state, fields = draft.state, draft.facts.lead.fields
    last = draft.last_action
    disqualified = state.ending_reason if state.ending is Ending.DISQUALIFIED else ""
    return {
        "source": draft.facts.lead.source,
        "campaign": fields.get("campaign") or "",
        "landing_page": fields.get("landing_page") or "",
        "offer": fields.get("offer") or "",
        "lead_status": state.status.value,
        "fit_level": draft.scores.grade or str(draft.scores.fit),
        "intent_level": intent_level(draft),
        "buyer_stage": state.stage.value,
        "segment": state.segment,
        "last_action": f"{last.match.label} ({last.at:%Y-%m-%d})" if last else "",
        "owner": draft.facts.lead.owner,
        "nurture_path": state.phase.value,
        "disqualification_reason": disqualified,
        "why_in_nurture": why_here(draft),
        "what_moves_it_forward": "; ".join(forward),
    }


def intent_level(draft: Draft) -> str:
    intent, rules = draft.scores.intent, draft.rules.scoring
    if intent >= rules.sales_ready:
        return "high"
    return "medium" if intent >= rules.mql else "low"


def why_here(draft: Draft) -> str:
    """Why the lead is where it is, in one sentence."""
    state = draft.state
    match state.phase:
        case Phase.ENTRY:
            return "Has just come in."
        case Phase.NURTURE:
            return _why_in_nurture(draft)
        case Phase.SALES_REVIEW | Phase.HANDOFF:
            return _with_sales(state)
        case Phase.COOL_DOWN:
            return f"Sales gave the lead back{_reason(state)}: quiet for a while."
        case Phase.RE_ENGAGEMENT:
            return "Went quiet: being asked once more."
        case Phase.ENDED:
            return f"Ended: {_ending(state)}."


def _with_sales(state: JourneyState) -> str:
    reason = state.handoff.reason.rstrip(".") if state.handoff else ""
    review = state.phase is Phase.SALES_REVIEW
    return f"{reason[:1].upper()}{reason[1:]}." if review and reason else f"With sales: {reason}."


def _why_in_nurture(draft: Draft) -> str:
    if draft.state.profiling:
        return f"Being asked for what is missing: {profiling.missing_words(draft)}."
    stage = draft.state.stage.value.replace("_", " ")
    situations = "".join(f"; {uncapital(one.label).rstrip('.')}" for one in draft.situations)
    return f"Not ready for sales: in {stage}, intent {intent_level(draft)}{situations}."


def _reason(state: JourneyState) -> str:
    return f" ({state.rejections[-1].replace('_', ' ')})" if state.rejections else ""


def _ending(state: JourneyState) -> str:
    """The kind of ending and its reason; once where both say the same."""
    kind, reason = ((text or "").replace("_", " ") for text in (state.ending, state.ending_reason))
    return f"{kind}; {reason}" if reason and kind not in reason else reason or kind or "unknown"
