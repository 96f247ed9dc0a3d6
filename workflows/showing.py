"""What a journey shows in the Temporal UI (DESIGN decision 11): search attributes and current details.

Showing never changes which touches are sent; the only command it makes is the upsert of changed attributes. Details and
summaries are no part of what a replay compares: their words may change on any day.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from activities.messages import DecideInput, DecideResult
from domain.state import JourneyState

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

#: Characters; each may take three bytes.
_SUMMARY = 130


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


def summary(asked: DecideInput, waited_for: str) -> str:
    """One decision in the list of events: its number and what it is about. ``waited_for``: what its timer was set for.

    The server takes 400 bytes (``limit.userMetadataSummarySize``) and fails the journey's task for more.
    """
    about = asked.cause
    if asked.wakes and about == "behaviour":
        about = f"behaviour: {', '.join(asked.wakes)}"
    elif about == "timer" and waited_for:
        about = f"due: {waited_for}"
    text = f"{asked.state.number + 1}: {about}"
    return text if len(text) <= _SUMMARY else text[: _SUMMARY - 1] + "…"


def details(result: DecideResult, forward: str) -> str:
    """Markdown: where the journey is, why, what is next, what would move it forward."""
    state = result.state
    parts = [f"### {_place(state)}", *_open(state), result.title, _list("Why", result.why)]
    if state.ended:
        parts.append(f"**Ended:** {_words(state.ending or '')} {state.ending_reason}".strip())
    elif result.wake_at is not None:
        parts.append(f"**Next:** {result.wake_at:%Y-%m-%d %H:%M} UTC, {result.cause}")
    else:
        parts.append("**Next:** nothing by itself; it waits for behaviour or a command")
    return "\n\n".join(part for part in (*parts, _list("What would move it forward", forward)) if part)


def _place(state: JourneyState) -> str:
    return " · ".join((_words(state.phase), _words(state.stage), state.segment or "no segment yet"))


def _open(state: JourneyState) -> Iterator[str]:
    """What an operator must know first."""
    if state.paused_since is not None:
        yield f"**Paused** since {state.paused_since:%Y-%m-%d %H:%M} on the deployment's clock: nothing is sent"
    if state.held_since is not None:
        yield f"**Held** since {state.held_since:%Y-%m-%d %H:%M} on the deployment's clock: its touches wait"
    if state.handoff is not None:
        yield "**With sales:** the handoff is open"


def _list(heading: str, sentences: str) -> str:
    """What the core joins by semicolons, one a line."""
    lines = "\n".join(f"- {sentence}" for sentence in sentences.split("; ") if sentence)
    return f"**{heading}**\n\n{lines}" if lines else ""


def _words(name: str) -> str:
    words = name.replace("_", " ").replace("re engagement", "re-engagement")
    return words[:1].upper() + words[1:]
