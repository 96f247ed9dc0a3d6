"""Waits of steps: what it means when something happens, or does not, while the gap passes (C10).

The gap runs from the anchor. What is waited for has happened when it did since the anchor, or so long before it as the
step looks back: nothing about the past is implied.
"""

from datetime import datetime
from typing import Literal, NamedTuple

from domain.core.draft import Draft
from domain.playbook.hits import Hit
from domain.playbook.models import Touch, Wait


class Settled(NamedTuple):
    """What a step comes to now. ``send``: due at ``at``; ``pass``: it is passed over, and the next gap counts from
    ``at``; ``wait``: it is not known before ``at``.
    """

    what: Literal["send", "pass", "wait"]
    at: datetime
    why: str = ""
    rule: str = "wait"


def settle(draft: Draft, touch: Touch, ends: datetime) -> Settled:
    """What the step's wait comes to now. ``ends`` is when its gap does."""
    wait, anchor = touch.wait, draft.state.anchor
    if wait is None:
        return Settled("send", ends)
    hit = _happened(draft, wait)
    if hit is not None and wait.then == "skip":
        return Settled("pass", anchor, f"passed over: {hit.match.label}")
    if hit is not None:
        return Settled("send", min(max(hit.at, anchor), ends))
    if wait.otherwise == "send":
        return Settled("send", ends)
    over = draft.now >= ends
    words = f"{'did not happen' if over else 'waits'} until {ends:%Y-%m-%d %H:%M} UTC: {_words(draft, wait)}"
    return Settled("pass" if over else "wait", ends, words)


def _happened(draft: Draft, wait: Wait) -> Hit | None:
    """The first hit that counts."""
    since = draft.state.anchor - wait.lookback
    hits = [hit for hit in draft.hits if hit.name in wait.behaviours and not hit.match.of_opens]
    found = [hit for hit in hits if since <= hit.at <= draft.now]
    return min(found, key=lambda hit: (hit.at, hit.position), default=None)


def _words(draft: Draft, wait: Wait) -> str:
    counted = {**draft.rules.behaviours, **draft.rules.patterns}
    return " or ".join(counted[name].label if name in counted else name for name in wait.behaviours)
