"""What operators hold back: the whole journey, with everything or its playbook, or one channel (C33).

Under a hold on it a journey decides as if it were paused; what ends it still does. The ledger's claim asks again, so
nothing leaves that was planned a moment before. A journey looks again every day while it is held, so that it goes on
after the hold was lifted though nobody tells it: by the policy of the lifting, and not before its turn, which an
operation gives it at a rate.
"""

from datetime import timedelta
from hashlib import sha256

from domain.core import resuming
from domain.core.draft import Draft
from domain.facts import Hold, OperatorCommand
from domain.words import Channel, ResumePolicy

#: A held journey looks again after half a day to a day, each after a time of its own: many go on at once otherwise.
_LOOK_AGAIN = timedelta(hours=12)


def notice(draft: Draft) -> None:
    """Stop under a hold; go on by itself when one was lifted and nobody told it to in time."""
    hold, state = draft.hold, draft.state
    if hold is not None and hold.lifting is not None:
        draft.because("hold", f"the hold on {hold.scope} was lifted; its turn to go on comes", until=hold.until)
    elif hold is not None:
        draft.because("hold", f"a hold on {hold.scope} stops it", since=hold.since, reason=hold.reason)
        draft.change(held_since=state.held_since or hold.since)
    elif state.held_since is not None and state.paused_since is None:
        policy = next((one.lifting for one in reversed(draft.facts.holds) if one.lifting), ResumePolicy.SHIFT)
        draft.because("hold_lifted", "the hold was lifted: goes on", since=state.held_since, policy=policy.value)
        resuming.go_on(draft, state.held_since, policy)


def next_step(draft: Draft) -> None:
    """When to look whether the hold was lifted. Who is paused as well waits for an operator."""
    if draft.hold is not None and draft.state.paused_since is None:
        _look_again(draft, draft.hold.scope)


def held(draft: Draft, channel: Channel, what: str) -> bool:
    """Whether a touch on this channel is held back; it is told, and looked for again."""
    hold = draft.hold or next((one for one in draft.facts.holds if keeps(draft, one, channel)), None)
    if hold is None:
        return False
    draft.reject(what, f"held with {hold.scope}", "hold")
    _look_again(draft, hold.scope)
    return True


def keeps(draft: Draft, hold: Hold, channel: Channel) -> bool:
    """Whether a hold on the channel keeps the journey's touches: in force, or lifted while its turn has not come.

    Of the lifted ones a journey knows only those that stopped it.
    """
    resumed = draft.state.resumed_at
    gone_on = resumed is not None and resumed >= hold.since
    return hold.channel == channel and (hold.lifting is None or (hold.waits(draft.now) and not gone_on))


def why_stopped(draft: Draft) -> str:
    return f"held with {draft.hold.scope}" if draft.hold is not None else "the journey is paused"


def resume(draft: Draft, command: OperatorCommand) -> None:
    """Go on after a pause, or after a hold that was lifted, as the command's policy says.

    A lifted hold (``since``) leaves alone who is paused by a command, and who has gone on already.
    """
    state, since = draft.state, command.since
    if draft.hold is not None and draft.hold.lifting is None:
        draft.reject("resume", f"a hold on {draft.hold.scope} is in force: lift it first", "hold")
    elif since is not None and state.paused_since is not None:
        draft.reject("resume", "paused by a command of its own, which lifting a hold leaves alone", "paused")
    elif since is None and state.paused_since is None:
        draft.reject("resume", "the journey is not paused", "not_paused")
    elif since is not None and state.resumed_at is not None and state.resumed_at >= since:
        draft.reject("resume", "it has gone on since the hold was lifted", "resumed")
    else:
        draft.hold = None
        began = [at for at in (state.paused_since, state.held_since, since) if at is not None]
        resuming.go_on(draft, min(began), command.policy)


def _look_again(draft: Draft, scope: str) -> None:
    lot = int.from_bytes(sha256(draft.state.lead.encode()).digest()[:4]) % int(_LOOK_AGAIN.total_seconds())
    draft.wake(draft.now + _LOOK_AGAIN + timedelta(seconds=lot), f"looks whether {scope} is still held")
