"""Progressive profiling: leads whom triage sends to be asked for what is missing first (C2, C8).

It is a part of nurture with steps of its own, and always ends. Triage is asked again at every decision, and what it
then says counts: sales, sales review, or not a lead. It also ends when every question is answered, when triage no
longer asks for more after the lead did something, and when nothing is left to ask and ``patience`` has passed.
"""

from datetime import datetime, timedelta

from domain.core import handoff, touches
from domain.core.draft import Draft
from domain.facts import RETRACTION
from domain.playbook.models import Profile, TriageRule
from domain.playbook.spoken import short_label
from domain.words import REPLANNABLE, Phase

#: What triage says that ends profiling at once.
SETTLES = frozenset({"sales", "sales_review", "disqualify"})
_SOON = timedelta(minutes=1)


def begin(draft: Draft, rule: TriageRule) -> None:
    """Nurture with questions first; without any in the playbook, plain nurture."""
    asks = draft.rules.profile is not None
    draft.because(rule.id, "is asked for what is missing first" if asks else "enters nurture", when=rule.when)
    draft.enter(Phase.NURTURE)
    draft.change(profiling=asks)


def go_on(draft: Draft, says: TriageRule | None) -> None:
    """End profiling if it is over. ``says`` is the triage rule that holds now, none of those that end it at once."""
    profile = draft.rules.profile
    if profile is None:
        _leave(draft, "the playbook no longer asks questions")
    elif not missing(draft):
        _leave(draft, "every question is answered")
    elif (says is None or says.then != "profile") and _something_new(draft):
        _leave(draft, "triage no longer asks for more")
    elif (ends := _ends(draft, profile)) is not None and (draft.now >= ends or draft.skip_wait):
        draft.skip_wait = False  # one command skips one wait
        _give_up(draft, profile)


def next_step(draft: Draft) -> None:
    """When nothing is left to ask: the end of patience."""
    profile = draft.rules.profile
    if draft.state.profiling and not draft.stopped and profile is not None:
        ends = _ends(draft, profile)
        if ends is not None:
            at = max(ends, draft.now + _SOON)  # the last step may have been passed over after triage was asked
            draft.wake(at, "time for answers is over: goes on with what is known")


def missing(draft: Draft) -> list[str]:
    """The fields of the playbook's questions that are not known, the most useful first."""
    profile = draft.rules.profile
    return [one.field for one in profile.questions if one.field not in draft.values["known"]] if profile else []


def missing_words(draft: Draft) -> str:
    """What is missing, as the playbook's labels call it."""
    fields = draft.rules.lead_fields
    labels = {name: short_label(fields[name].label, name) if name in fields else name for name in missing(draft)}
    return ", ".join(labels.values())


def _something_new(draft: Draft) -> bool:
    """Whether the lead did or told something: time alone, in which intent fades, is no reason to stop asking."""
    told = any(
        behaviour.kind not in {"delivery", RETRACTION}
        and behaviour.trusted
        and behaviour.position > draft.before.cursor
        for behaviour in draft.facts.behaviours
    )
    return told or any(hit.meaningful for hit in draft.new)


def _ends(draft: Draft, profile: Profile) -> datetime | None:
    """When patience ends, or None while something is left to ask. At once when nothing could be asked.

    It counts from the last question, not from whatever reached the lead since: behaviour that goes on must not put
    off the end for ever.
    """
    if touches.next_step(draft) is not None:
        return None
    steps = {step.id for step in profile.touches}
    asked = [
        touch.at
        for touch in draft.facts.touches
        if touch.step in steps and touch.cycle == draft.state.cycle and touch.status not in REPLANNABLE
    ]
    return max(asked) + profile.patience if asked else draft.now


def _give_up(draft: Draft, profile: Profile) -> None:
    fields = missing_words(draft)
    if profile.otherwise == "sales_review":
        handoff.give(draft, f"the profile stays incomplete ({fields})", "profile", Phase.SALES_REVIEW)
    else:
        _leave(draft, f"the profile stays incomplete ({fields})")


def _leave(draft: Draft, why: str) -> None:
    draft.because("profile", f"no more questions first: {why}")
    draft.change(profiling=False, tracks_since=draft.now)
    draft.begin_track()
