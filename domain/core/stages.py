"""Buyer stages: the playbook's transitions, taken one after another until none holds (C5)."""

from domain.core.draft import Draft
from domain.core.phases import NURTURING
from domain.words import BuyerStage


def follow(draft: Draft) -> None:
    """Move through stages while a transition holds; each stage is left at most once per decision."""
    visited = {draft.state.stage}
    while draft.state.phase in NURTURING:
        step = _next(draft)
        if step is None or step[0] in visited:
            return
        target, condition = step
        draft.because("stage", f"moves to {target.value.replace('_', ' ')}", when=condition)
        draft.move_to(target)
        visited.add(target)


def raise_to(draft: Draft, target: BuyerStage, rule: str) -> None:
    """Move to a later stage because a trigger says so; never back."""
    order = draft.playbook.stage_order
    if order.get(target, -1) > order.get(draft.state.stage, -1):
        draft.because(rule, f"moves to {target.value.replace('_', ' ')}")
        draft.move_to(target)


def place(draft: Draft) -> None:
    """A stage that a newer playbook no longer has: take the latest one that is not beyond it."""
    if draft.state.stage in draft.playbook.stage_order:
        return
    known = list(BuyerStage)
    reached = [stage for stage in draft.playbook.stage_order if known.index(stage) <= known.index(draft.state.stage)]
    target = reached[-1] if reached else draft.rules.stages[0].id
    draft.because("stage_removed", f"the playbook no longer has this stage: placed in {target.value.replace('_', ' ')}")
    draft.move_to(target)


def _next(draft: Draft) -> tuple[BuyerStage, str] | None:
    stage = draft.playbook.stages.get(draft.state.stage)
    for transition in stage.transitions if stage else ():
        if draft.holds(transition.when):
            return transition.to, transition.when
    return None
