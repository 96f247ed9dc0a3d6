"""Sending again what was sent: only ever because an operator asked for that very touch (DESIGN decision 4).

The epoch rises, and with it the key: a message that leaves under it is another one. Everything else holds as for any
touch to a lead: consent, suppression, caps, the least gap and the send window.
"""

from domain.core import leaving, steps
from domain.core.draft import Draft
from domain.core.leaving import Planned
from domain.core.phases import NURTURING
from domain.core.steps import at_any_hour
from domain.decision import Priority, SendTouch
from domain.facts import OperatorCommand, TouchFact
from domain.keys import TouchKey
from domain.state import Resending
from domain.words import DIRECT_CHANNELS, REPLANNABLE, TouchStatus

#: Statuses of what may be sent again; FAILED was tried, and its key is used up.
_SENT = frozenset({TouchStatus.SENT, TouchStatus.UNKNOWN, TouchStatus.FAILED})
_HANDOFF = "handoff"


def resend(draft: Draft, command: OperatorCommand) -> None:
    """Plan the touch again under a key of its own, or say why not."""
    found = next((touch for touch in draft.facts.touches if touch.key == command.touch), None)
    key = TouchKey.parse(command.touch)
    if found is None or key is None or found.cycle != draft.state.cycle:
        draft.reject("resend", f"{command.touch} is no touch of this journey", "unknown_touch")
        return
    objection = _objection(draft, found)
    if objection:
        draft.reject(found.asset or found.step, f"not sent again: {objection}", "resend")
        return
    epoch = _epoch(draft, key)
    draft.change(epoch=epoch)
    _plan(draft, found, str(key._replace(epoch=epoch)))


def send_next(draft: Draft) -> bool:
    """Handle the first that leaves, or can't any more. True when there was one: look again."""
    for waiting in draft.state.resending:
        why = _impossible(draft, waiting)
        if why:
            draft.reject(waiting.asset or waiting.step, f"not sent again: {why}", "resend")
            _forget(draft, waiting)
            return True
        planned = _planned(draft, waiting)
        if leaving.leaves(draft, planned):
            _forget(draft, waiting)
            draft.because("resend", f"sends {planned.what} again, as asked", of=waiting.of, key=waiting.key)
            leaving.send(draft, planned, key=waiting.key)
            return True
    return False


def _objection(draft: Draft, touch: TouchFact) -> str:
    if touch.step == _HANDOFF:
        return "a seller's task goes with its handoff: hand off again instead"
    if any(waiting.of == touch.key for waiting in draft.state.resending):
        return "it waits to be sent again already"
    if touch.status not in _SENT:
        return f"nothing was sent under {touch.key} ({touch.status.value})"
    if touch.channel not in DIRECT_CHANNELS:
        return ""
    if draft.state.phase not in NURTURING:
        return f"nothing goes to the lead in phase {draft.state.phase.value.replace('_', ' ')}"
    return _impossible(draft, touch)


def _impossible(draft: Draft, touch: TouchFact | Resending) -> str:
    """Why it can never leave as things are, whether it was sent before or not."""
    if touch.asset and touch.asset not in draft.rules.assets:
        return f"the playbook no longer has {touch.asset}"
    return steps.closed(draft, touch.channel) or steps.unwanted(draft, touch.asset)


def _epoch(draft: Draft, key: TouchKey) -> int:
    """One above the present. After a reset: the one in which a decision that was taken back sent it again already."""
    known = [TouchKey.parse(touch.key) for touch in draft.facts.touches if touch.cycle == key.cycle]
    same = [one.epoch for one in known if one and (one.step, one.occurrence) == (key.step, key.occurrence)]
    return max([draft.state.epoch + 1, *same])


def _plan(draft: Draft, touch: TouchFact, key: str) -> None:
    known = {one.key: one.status for one in draft.facts.touches}
    if known.get(key, TouchStatus.WITHDRAWN) not in REPLANNABLE:
        draft.because("resend", "was sent again already, by a decision that was taken back", of=touch.key, key=key)
        return
    draft.because("resend", f"{touch.asset or touch.step} is to be sent again", of=touch.key, key=key)
    again = Resending(
        key=key,
        of=touch.key,
        step=touch.step,
        channel=touch.channel,
        asset=touch.asset,
        note=touch.note,
        variant=touch.variant,
        due=draft.now,
    )
    if touch.channel in DIRECT_CHANNELS:
        draft.change(resending=(*draft.state.resending, again))
    else:
        common = again.model_dump(include={"key", "step", "channel", "asset", "note", "variant"})
        draft.send.append(SendTouch(**common, priority=Priority.ANSWER))


def _planned(draft: Draft, waiting: Resending) -> Planned:
    return Planned(
        step=waiting.step,
        channel=waiting.channel,
        due=waiting.due,
        asset=waiting.asset,
        note=waiting.note,
        variant=waiting.variant,
        anytime=waiting.step in at_any_hour(draft.rules),
        priority=Priority.ANSWER,
    )


def _forget(draft: Draft, waiting: Resending) -> None:
    draft.change(resending=tuple(one for one in draft.state.resending if one.key != waiting.key))
