"""What the preference centre offers, and what of what came back is a choice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.words import Channel
from storage.preferences import PAUSE, Preferences, Wanted

_PAUSE = "pause"
_WORDS = {Channel.EMAIL: "E-mail", Channel.DIRECT_MAIL: "Letters and parcels"}
#: Least days between two touches → how that is called.
_PACES = {"0": "At the usual pace", "14": "At most once in two weeks", "30": "At most once a month"}


class NotAChoice(ValueError):
    """What came is none of the choices. The message says what to do, to the one who chose."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose. ``key`` stands for it in the form."""

    key: str
    label: str
    chosen: bool


def paces(held: Preferences, now: datetime) -> list[Choice]:
    """How often: one of these is chosen."""
    paused = held.paused_until is not None
    found = [Choice(days, label, not paused and days == str(held.least_days)) for days, label in _PACES.items()]
    until = written(held.paused_until or now + PAUSE)
    label = f"Not until {until}" if paused else f"Not for {PAUSE.days} days, until {until}"
    return [*found, Choice(_PAUSE, label, paused)]


def channels(held: Preferences) -> list[Choice]:
    """On which channels: nothing to choose where there is but one that was never declined."""
    if len(held.offered) == 1 and not held.declined:
        return []
    return [Choice(channel, _WORDS[channel], channel not in held.declined) for channel in held.offered]


def read(held: Preferences, often: str, offered: Sequence[str], wanted: Sequence[str]) -> Wanted:
    """The choice that was made. A pause keeps the pace that held before it. Raises ``NotAChoice``."""
    if often not in {_PAUSE, *_PACES}:
        raise NotAChoice("Choose how often you want to hear from us.")
    asked = [channel for channel in held.offered if channel in offered]
    return Wanted(
        pause=often == _PAUSE,
        least_days=held.least_days if often == _PAUSE else int(often),
        channels={channel: channel in wanted for channel in asked},
        wordings={channel: _WORDS[channel] for channel in asked},
    )


def in_words(held: Preferences) -> list[str]:
    """What holds now, as sentences."""
    if set(held.offered) <= held.declined:
        return ["We will not write to you on any channel."]
    words = [f"We will not write to you until {written(held.paused_until)}."] if held.paused_until else []
    if held.least_days:
        words.append(f"{'After that, we' if words else 'We'} will write {_PACES[str(held.least_days)].lower()}.")
    words += [f"You will get no {_NOT[channel]} from us." for channel in held.offered if channel in held.declined]
    return words or ["We will write at the usual pace."]


_NOT = {Channel.EMAIL: "e-mail", Channel.DIRECT_MAIL: "letters or parcels"}


def written(day: datetime) -> str:
    """“3 February 2027”."""
    return f"{day.day} {day:%B %Y}"
