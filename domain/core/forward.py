"""What would move a lead forward, in words a seller reads (C20, C32)."""

from domain.core.draft import Draft
from domain.core.phases import NURTURING, WITH_SALES
from domain.words import Phase

_MOST = 4


def describe(draft: Draft) -> tuple[str, ...]:
    """At most four sentences, nearest first; none once the journey has ended."""
    state = draft.state
    if state.ended:
        return ()
    if state.paused_since is not None:
        return ("resume the journey",)
    if state.phase in WITH_SALES:
        return ("sales accepts or rejects the handoff",)
    sentences = []
    if state.phase is Phase.RE_ENGAGEMENT:
        sentences.append("any visit, click or reply brings it back to nurture")
    if state.phase in NURTURING:
        stage = draft.playbook.stages.get(state.stage)
        transitions = stage.transitions if stage else ()
        sentences += [f"to {move.to.value.replace('_', ' ')} when {move.when}" for move in transitions]
    sentences += [f"to sales when {rule.when} ({rule.label})" for rule in draft.rules.handoff.rules]
    return tuple(sentences[:_MOST])
