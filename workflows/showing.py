"""What a journey shows in the Temporal UI (DESIGN decision 11): search attributes and current details.

Showing never changes which touches are sent; the only command it makes is the upsert of changed attributes.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from activities.messages import DecideResult

KEYWORDS: Mapping[str, SearchAttributeKey[str]] = {
    name: SearchAttributeKey.for_keyword(name)
    for name in (
        "TendrilStatus",
        "TendrilStage",
        "TendrilSegment",
        "TendrilPath",
        "TendrilAccount",
        "TendrilPlaybook",
    )
}
NUMBERS: Mapping[str, SearchAttributeKey[int]] = {
    name: SearchAttributeKey.for_int(name) for name in ("TendrilFit", "TendrilIntent")
}
NEXT_TOUCH: SearchAttributeKey[datetime] = SearchAttributeKey.for_datetime("TendrilNextTouch")
#: Every search attribute a journey sets: registered before the first journey starts, or the server stalls it.
ATTRIBUTES: tuple[SearchAttributeKey[Any], ...] = (*KEYWORDS.values(), *NUMBERS.values(), NEXT_TOUCH)


def upsert(changes: Mapping[str, str | int]) -> None:
    """Set changed search attributes; "" unsets. Names unknown here are left alone: newer rules may say more."""
    updates: list[Any] = []
    for name, value in changes.items():
        if name in KEYWORDS and isinstance(value, str):
            updates.append(KEYWORDS[name].value_set(value) if value else KEYWORDS[name].value_unset())
        elif name in NUMBERS and isinstance(value, int):
            updates.append(NUMBERS[name].value_set(value))
        elif name == NEXT_TOUCH.name and isinstance(value, str):
            updates.append(NEXT_TOUCH.value_set(datetime.fromisoformat(value)) if value else NEXT_TOUCH.value_unset())
    if updates:
        workflow.upsert_search_attributes(updates)


def details(result: DecideResult, forward: str) -> str:
    """Markdown: where the journey is, why, what is next, what would move it forward."""
    state = result.state
    place = (
        f"**{state.phase.replace('_', ' ')}** · {state.stage.replace('_', ' ')} · {state.segment or 'no segment yet'}"
    )
    lines = [place, result.title]
    if result.why:
        lines.append(f"**Why:** {result.why}")
    if result.wake_at is not None:
        lines.append(f"**Next:** {result.cause} — {result.wake_at:%Y-%m-%d %H:%M} UTC")
    if forward:
        lines.append(f"**What would move it forward:** {forward}")
    return "\n\n".join(lines)
