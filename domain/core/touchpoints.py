"""What a playbook can send, by the names people know: a step, an asset, a trigger, or a whole channel."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from domain.core.steps import step_of
from domain.playbook.models import Playbook, Touch, Track, Trigger
from domain.playbook.places import Path, touches
from domain.words import Channel


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """One thing that may be sent. ``step`` is its name in the ledger; ``where`` says where the playbook has it.

    ``touch`` is set for a step, ``trigger`` for a trigger; ``track`` for a step of one.
    """

    step: str
    channel: Channel
    asset: str
    where: str
    touch: Touch | None = None
    trigger: Trigger | None = None
    track: Track | None = None

    @property
    def what(self) -> str:
        """As decisions call it."""
        return self.asset or self.step


def named(document: Playbook, name: str) -> list[Touchpoint]:
    """What is meant by a name, in the playbook's order; nothing for one that it does not have."""
    every = list(touchpoints(document))
    meant = [one for one in every if name in {one.step, one.trigger.id if one.trigger else ""}]
    meant = meant or [one for one in every if name in {one.asset, *_variants(document, one.step)}]
    return meant or [one for one in every if one.channel == name.lower().replace("-", "_")]


def names(document: Playbook) -> list[str]:
    """Every name there is."""
    every = list(touchpoints(document))
    found: Iterable[str] = (
        word
        for one in every
        for word in (
            one.trigger.id if one.trigger else one.step,
            one.asset,
            *_variants(document, one.step),
            one.channel,
        )
    )
    return list(dict.fromkeys(word for word in found if word))


def touchpoints(document: Playbook) -> Iterator[Touchpoint]:
    """Steps of tracks, of profiling and re-engagement; then triggers that send something."""
    for path, touch in touches(document):
        track = document.tracks[int(path[1])] if path[0] == "tracks" else None
        where = _place(path, track)
        yield Touchpoint(touch.id, touch.channel, touch.asset or "", where, touch=touch, track=track)
    for trigger in document.triggers:
        if trigger.touch is not None:
            step, sent = step_of(trigger.id), trigger.touch
            where = f"the trigger {trigger.id}"
            yield Touchpoint(step, sent.channel, sent.asset or "", where, trigger=trigger)


def _place(path: Path, track: Track | None) -> str:
    if track is None:
        return "profiling" if path[0] == "profile" else "re-engagement"
    segment = "any segment" if track.segment == "*" else f"segment {track.segment}"
    return f"the track for {segment}, {track.stage.value.replace('_', ' ')}"


def _variants(document: Playbook, step: str) -> list[str]:
    """Other assets that an experiment sends under this step."""
    arms = (arm for one in document.experiments if step in one.steps for arm in one.variants)
    return [arm.asset for arm in arms if arm.asset]
