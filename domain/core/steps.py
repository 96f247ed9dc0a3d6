"""Which step is next: of the present track, of profiling, or of re-engagement (C7, C8).

A step is passed over when the ledger holds it for this journey, when its asset ever reached this person, when what it
asks is known, when the lead can't be reached that way, when a wait passed it over, and while its condition does not
hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.core import experiments
from domain.core.draft import Draft
from domain.playbook.models import Playbook, Touch, Track
from domain.playbook.places import touches
from domain.words import REPLANNABLE, Channel, Phase


@dataclass(frozen=True, slots=True)
class Step:
    """A step as this lead would get it, and its arm where it is part of an experiment."""

    touch: Touch
    arm: experiments.Arm | None = None


def track(draft: Draft) -> Track | None:
    """The present track; None while profiling or re-engagement goes on, and where the playbook has none."""
    return draft.playbook.track(draft.state.segment, draft.state.stage) if draft.on_track else None


def present(draft: Draft) -> tuple[Touch, ...]:
    """The present steps, in the order in which they are considered."""
    if draft.state.phase is Phase.RE_ENGAGEMENT:
        return draft.rules.re_engagement.touches
    if draft.state.profiling:
        return draft.rules.profile.touches if draft.rules.profile else ()
    own = track(draft)
    if own is None:
        return ()
    if own.order == "sequence":
        return own.touches
    return tuple(sorted(own.touches, key=lambda touch: -touch.priority))


def following(draft: Draft) -> Step | None:
    """The first of the present steps that is possible, or None when nothing is left."""
    return next((step for step in possible(draft) if not step.touch.when or draft.holds(step.touch.when)), None)


def possible(draft: Draft) -> Iterator[Step]:
    """The present steps that may still leave, whatever their conditions say now."""
    state = draft.state
    behind = {t.step for t in draft.facts.touches if t.cycle == state.cycle and t.status not in REPLANNABLE}
    behind.update(state.passed)
    for touch in present(draft):
        if touch.id in behind or _asks_what_is_known(draft, touch):
            continue
        arm = experiments.arm(draft, touch.id) if draft.rules.experiments else None
        varied = experiments.varied(touch, arm)
        if not impossible(draft, varied.channel, varied.asset or ""):
            yield Step(varied, arm)


def impossible(draft: Draft, channel: Channel, asset: str) -> str:
    """Why a touch can never leave for this lead as things are, or ""."""
    why = closed(draft, channel) or unwanted(draft, asset)
    if why or not asset:
        return why
    seen = any(touch.asset == asset and touch.status not in REPLANNABLE for touch in draft.facts.touches)
    return f"{asset} was already sent" if seen else ""


def unwanted(draft: Draft, asset: str) -> str:
    """Why the lead does not want what the asset is about, or ""."""
    topic = content.topic if (content := draft.rules.assets.get(asset)) else ""
    declined = topic in draft.facts.permission.declined_topics
    return f"the lead does not want “{draft.rules.topics.get(topic, topic)}”" if declined else ""


def closed(draft: Draft, channel: Channel) -> str:
    """Why the lead can't be reached on a channel at all, or ""."""
    if channel in draft.facts.permission.declined:
        return f"the lead declined {channel.value.replace('_', ' ')}"
    return "no address is known" if channel is Channel.EMAIL and not draft.facts.lead.has_email else ""


def at_any_hour(document: Playbook) -> frozenset[str]:
    """Names of the steps that also leave outside the send window; a trigger's is ``trigger-NAME``."""
    scheduled = {touch.id for _, touch in touches(document) if touch.window == "any"}
    triggers = {step_of(one.id) for one in document.triggers if one.touch is not None and one.touch.window == "any"}
    return frozenset(scheduled | triggers)


def step_of(trigger_id: str) -> str:
    """The name of a trigger's touch in the ledger."""
    return f"trigger-{trigger_id}"


def _asks_what_is_known(draft: Draft, touch: Touch) -> bool:
    if touch.ask is None:
        return False
    known = draft.values["known"]
    if touch.ask != "next":
        return touch.ask in known
    profile = draft.rules.profile
    return all(one.field in known for one in (profile.questions if profile else ()))
