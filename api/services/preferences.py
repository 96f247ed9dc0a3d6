"""What the preference centre offers, and what of what came back is a choice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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


def read(held: Preferences, often: str, offered: Sequence[str], wanted: Sequence[str], say: Texts) -> Wanted:
    """The choice that was made, on a page in the words of ``say``. A pause keeps the pace that held before it.

    Raises ``NotAChoice``.
    """
    if often not in {_PAUSE, *_PACES}:
        raise NotAChoice(say("preferences.choose"))
    asked = [channel for channel in held.offered if channel in offered]
    return Wanted(
        pause=often == _PAUSE,
        least_days=held.least_days if often == _PAUSE else int(often),
        channels={channel: channel in wanted for channel in asked},
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
    return words or [say("says.0")]
