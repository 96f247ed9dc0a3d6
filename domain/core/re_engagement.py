"""After a long silence: fresh content or one direct question, then back to nurture or sunset (C24)."""

from domain.core import resuming, touches
from domain.core.draft import Draft
from domain.words import Ending, LeadStatus, Phase


def run(draft: Draft) -> None:
    """Begin re-engagement, notice that someone is back, or sunset. A paused journey's silence does not count."""
    paused = draft.stopped
    if draft.state.phase is Phase.RE_ENGAGEMENT:
        _back(draft)
        if draft.state.phase is Phase.RE_ENGAGEMENT and not paused:
            _sunset(draft)
    elif draft.state.phase is Phase.NURTURE and not paused:
        _begin(draft)


def next_step(draft: Draft) -> None:
    """When silence has its next consequence."""
    rules = draft.rules.re_engagement
    if draft.stopped:
        return
    if draft.state.phase is Phase.NURTURE:
        draft.wake(draft.quiet_since + rules.after, f"{rules.after.days} quiet days: re-engagement begins")
    elif draft.state.phase is Phase.RE_ENGAGEMENT and not draft.next_touch_at:
        draft.wake(resuming.unanswered_since(draft) + rules.sunset, "no answer to re-engagement: the journey ends")


def _begin(draft: Draft) -> None:
    after = draft.rules.re_engagement.after
    if draft.now >= draft.quiet_since + after:
        draft.because("re_engagement", f"quiet for {after.days} days", quiet_since=draft.quiet_since)
        draft.call_back()
        draft.enter(Phase.RE_ENGAGEMENT)


def _back(draft: Draft) -> None:
    """What came late counts too: had it been known, the silence would not have been one."""
    silence = draft.state.phase_since - draft.rules.re_engagement.after
    back = [hit for hit in draft.new if hit.meaningful and hit.at >= silence]
    if back:
        draft.because("re_engaged", f"is back: {back[-1].match.label}", behaviour=back[-1].name)
        draft.enter(Phase.NURTURE)
        draft.change(status=LeadStatus.RE_ENGAGED, reengagements=draft.state.reengagements + 1)


def _sunset(draft: Draft) -> None:
    """Ends when every touch is behind us (sent, or impossible) and the last one stayed unanswered for long enough.

    Not before what fell due during a pause was passed over: the time counts from then.
    """
    since = resuming.unanswered_since(draft)
    over = draft.now >= since + draft.rules.re_engagement.sunset and not draft.skip_due
    if over and not draft.state.in_flight and touches.next_step(draft) is None:
        draft.because("sunset", "no answer to re-engagement", since=since)
        draft.end(Ending.SUNSET, "quiet through re-engagement")
