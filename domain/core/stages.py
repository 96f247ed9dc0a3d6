"""Buyer stages: the playbook's transitions, taken one after another until none holds (C5)."""

from domain.core.draft import Draft
from domain.core.phases import NURTURING
from domain.state import JourneyState
from domain.words import BuyerStage


def follow(draft: Draft) -> None:
    """Move through stages while a transition holds. Transitions that lead in a circle move nobody along it."""
    if draft.state.phase not in NURTURING or _next(draft) is None:
        return
    came_by = {draft.state.stage: (draft.snapshot(), len(draft.reasons))}
    while (step := _next(draft)) is not None:
        target, condition = step
        if target in came_by:
            _stay(draft, *came_by[target])
            return
        draft.because("stage", f"moves to {target.value.replace('_', ' ')}", when=condition)
        draft.move_to(target)
        came_by[target] = (draft.snapshot(), len(draft.reasons))


def raise_to(draft: Draft, target: BuyerStage, rule: str) -> None:
    """Move to a later stage because a trigger says so; never back."""
    order = draft.playbook.stage_order
    if order.get(target, -1) > order.get(draft.state.stage, -1):
        draft.because(rule, f"moves to {target.value.replace('_', ' ')}")
        draft.move_to(target)


def _stay(draft: Draft, then: JourneyState, reasons: int) -> None:
    """Back to where the circle was entered: else every decision would move on and begin every gap anew."""
    where = then.stage.value.replace("_", " ")
    draft.reject("stage", f"transitions lead in a circle back to {where}", "circle")
    del draft.reasons[reasons:]
    draft.change(stage=then.stage, stage_since=then.stage_since, anchor=then.anchor, passed=then.passed)


def _next(draft: Draft) -> tuple[BuyerStage, str] | None:
    stage = draft.playbook.stages.get(draft.state.stage)
    for transition in stage.transitions if stage else ():
        if draft.holds(transition.when):
            return transition.to, transition.when
    return None
