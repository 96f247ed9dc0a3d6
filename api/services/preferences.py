"""What the preference centre offers, and what of what came back is a choice."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, Field

from api.texts import Texts
from storage.preferences import PAUSE, Preferences, Wanted

_PAUSE = "pause"
#: Least days between two touches that can be chosen; the words are ``pace.DAYS``.
_PACES = ("0", "14", "30")


class NotAChoice(ValueError):
    """What came is none of the choices. The message says what to do, to the one who chose."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose. ``key`` stands for it in the form."""

    key: str
    label: str
    chosen: bool


def paces(held: Preferences, now: datetime, say: Texts) -> list[Choice]:
    """How often: one of these is chosen."""
    paused = held.paused_until is not None
    found = [Choice(days, say(f"pace.{days}"), not paused and days == str(held.least_days)) for days in _PACES]
    until = say.day(held.paused_until or now + PAUSE)
    label = say("pace.until", day=until) if paused else say("pace.pause", days=PAUSE.days, day=until)
    return [*found, Choice(_PAUSE, label, paused)]


def channels(held: Preferences, say: Texts) -> list[Choice]:
    """On which channels: nothing to choose where there is but one that was never declined."""
    if len(held.offered) == 1 and not held.declined:
        return []
    return [Choice(channel, say(f"channel.{channel}"), channel not in held.declined) for channel in held.offered]


def topics(held: Preferences) -> list[Choice]:
    """What about: the playbook's topics, in its own words."""
    return [Choice(name, label, name not in held.declined_topics) for name, label in held.topics.items()]


class Filled(BaseModel):
    """What the form brought."""

    often: str = Field("", description="0, 14 or 30: least days between two touches; pause: 90 days of none.")
    offered: list[str] = Field([], description="Channels that were shown.")
    channel: list[str] = Field([], description="Those of them that are wanted.")
    asked: list[str] = Field([], description="Topics that were shown.")
    topic: list[str] = Field([], description="Those of them that are wanted.")
    stop: str = Field("", description="Not empty: unsubscribe instead.")


def read(held: Preferences, form: Filled, say: Texts) -> Wanted:
    """The choice that was made, on a page in the words of ``say``. A pause keeps the pace that held before it.

    Raises ``NotAChoice``.
    """
    often, topics_asked = form.often, set(form.asked).intersection(held.topics)
    if often not in {_PAUSE, *_PACES}:
        raise NotAChoice(say("preferences.choose"))
    asked = [channel for channel in held.offered if channel in form.offered]
    return Wanted(
        pause=often == _PAUSE,
        least_days=held.least_days if often == _PAUSE else int(often),
        channels={channel: channel in form.channel for channel in asked},
        # Of what was not asked, such as a topic that the playbook has no more, the word stays.
        declined_topics=tuple(sorted(topics_asked.difference(form.topic) | (held.declined_topics - topics_asked))),
        wordings={channel: say(f"channel.{channel}") for channel in asked},
    )


def in_words(held: Preferences, say: Texts) -> list[str]:
    """What holds now, as sentences."""
    if set(held.offered) <= held.declined:
        return [say("says.none")]
    words = [say("says.until", day=say.day(held.paused_until))] if held.paused_until else []
    if held.least_days:
        words.append(say(f"says.{'after.' if words else ''}{held.least_days}"))
    words += [say(f"says.no.{channel}") for channel in held.offered if channel in held.declined]
    words += [say("says.no.topic", topic=label) for name, label in held.topics.items() if name in held.declined_topics]
    return words or [say("says.0")]
