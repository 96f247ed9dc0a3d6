"""What is broken when: drawn from one seed, before anything starts, so that a run can be had again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from random import Random
from typing import Any

from tests.chaos.scene import APIS, SERVERS, WORKERS


class Kind(StrEnum):
    KILL = "kill -9"
    PAUSE = "pause"
    FAULTS = "vendor faults"
    STALL = "network stalls"
    CUT = "network is cut"
    DISK = "disk full"
    CLOCK = "clock jumps"


@dataclass(frozen=True)
class Trouble:
    """``at`` and ``lasts`` in seconds. ``what``: the process, the server behind a network, or nothing."""

    at: float
    lasts: float
    kind: Kind
    what: str
    detail: Any = None

    @property
    def until(self) -> float:
        return self.at + self.lasts

    def __str__(self) -> str:
        more = f" ({self.detail})" if self.detail else ""
        return f"{self.kind} {self.what}{more}, {self.lasts:.1f} s".replace("  ", " ")


@dataclass(frozen=True)
class Pace:
    """How often trouble begins (``gap``), and for how long a thing is broken, in seconds: from, to."""

    gap: tuple[float, float]
    lasts: dict[Kind, tuple[float, float]]
    #: Sometimes longer than a claim's lease.
    long: tuple[float, float] | None = None
    together: int = 2
    #: How often the whole deck is played; None: until the time is over.
    decks: int | None = None


LONG = Pace(
    (2.0, 8.0),
    {
        Kind.KILL: (0.2, 6.0),
        Kind.PAUSE: (1.0, 8.0),
        Kind.FAULTS: (4.0, 15.0),
        Kind.STALL: (1.0, 12.0),
        Kind.CUT: (0.5, 6.0),
        Kind.DISK: (3.0, 8.0),
        Kind.CLOCK: (1.0, 1.0),
    },
    long=(12.0, 18.0),
)
SHORT = Pace(
    (0.6, 1.4),
    {
        Kind.KILL: (0.1, 0.8),
        Kind.PAUSE: (0.5, 2.0),
        Kind.FAULTS: (2.0, 3.0),
        Kind.STALL: (0.5, 2.0),
        Kind.CUT: (0.3, 1.5),
        Kind.DISK: (1.5, 2.5),
        Kind.CLOCK: (1.0, 1.0),
    },
    decks=1,
)
#: One of them a card; a shuffled deck is played to its end before the next is.
_DECK: tuple[tuple[Kind, Sequence[str]], ...] = (
    *((Kind.KILL, (name,)) for name in SERVERS),
    *((Kind.PAUSE, (name,)) for name in SERVERS),
    (Kind.KILL, WORKERS),
    (Kind.KILL, APIS),
    (Kind.PAUSE, WORKERS),
    (Kind.PAUSE, APIS),
    (Kind.FAULTS, ("smtp", "hubspot", "webhooks", "linkedin")),
    (Kind.FAULTS, ("smtp",)),
    (Kind.STALL, ("postgres", "temporal", "smtp")),
    (Kind.CUT, ("postgres", "temporal", "smtp")),
    (Kind.DISK, ("postgres",)),
    (Kind.CLOCK, ("",)),
)
_HTTP = (("latency", False), ("429", False), ("500", False), ("500", True), ("reset", False), ("reset", True))
_SMTP = (("latency", False), ("421", False), ("450", False), ("reset", False), ("reset", True), ("timeout", True))
#: Troubles of one of these need the thing to themselves.
_STANDS_FOR = {"smtp": "sandbox", "hubspot": "sandbox", "webhooks": "sandbox", "linkedin": "sandbox"}


def plan(seed: int, seconds: float, pace: Pace) -> list[Trouble]:
    """The troubles of ``seconds``, by when they begin. The same for the same arguments."""
    draw = Random(seed)
    drawn: list[Trouble] = []
    at = 0.0
    for card in _cards(draw, pace.decks):
        at += draw.uniform(*pace.gap)
        trouble = _moved(_trouble(draw, card, at, pace), drawn, pace.together)
        at = trouble.at
        if trouble.until > seconds:
            break
        drawn.append(trouble)
    return drawn


def _cards(draw: Random, decks: int | None) -> Iterator[tuple[Kind, Sequence[str]]]:
    for _ in count() if decks is None else range(decks):
        yield from draw.sample(_DECK, len(_DECK))


def _trouble(draw: Random, card: tuple[Kind, Sequence[str]], at: float, pace: Pace) -> Trouble:
    kind, whom = card
    lasts = draw.uniform(*pace.lasts[kind])
    if kind is Kind.PAUSE and pace.long and draw.random() < 0.3:
        lasts = draw.uniform(*pace.long)
    what = draw.choice(whom)
    return Trouble(at, lasts, kind, what, _detail(draw, kind, what))


def _detail(draw: Random, kind: Kind, what: str) -> Any:
    if kind is Kind.CLOCK:
        return f"{draw.randint(2, 20)} h"
    if kind is not Kind.FAULTS:
        return None
    fault, after = draw.choice(_SMTP if what == "smtp" else _HTTP)
    return f"{fault} after it was done" if after else fault


def _moved(trouble: Trouble, before: Sequence[Trouble], together: int) -> Trouble:
    """As soon as drawn, or later, when few enough other things are broken and nothing that it needs."""
    at = trouble.at
    for end in sorted({at, *(one.until + 0.01 for one in before if one.until >= at)}):
        moved = Trouble(max(at, end), trouble.lasts, trouble.kind, trouble.what, trouble.detail)
        others = [one for one in before if one.until > moved.at]
        if len(others) < together and not any(collide(moved, one) for one in others):
            return moved
    raise AssertionError("everything ends at some time")


def collide(one: Trouble, other: Trouble) -> bool:
    """Whether both need the same thing to themselves."""
    if Kind.CLOCK in (one.kind, other.kind):
        return True
    return _STANDS_FOR.get(one.what, one.what) == _STANDS_FOR.get(other.what, other.what)
