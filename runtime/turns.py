"""What the relay keeps in mind of those it tells: whose turn it is, and which journeys have not decided yet.

Turns are start-time fair queueing (Goyal, Vin and Cheng, 1996): a source's wakes come one turn after the other, and one
that has had nothing to say for a while comes in the turn that is on, neither before nor after those who kept on.

Temporal takes wakes faster than journeys decide, in the order in which they come. So only as many are told as can be
decided side by side: the rest wait in the database, where an interrupt or another source's turn still goes before.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from runtime.company import Company
from storage.wakes import LeasedWake

#: A journey that does not decide in so many seconds (its worker is gone, or it can't) no longer keeps others waiting.
_PATIENCE = 3.0
#: For so many seconds what it is told then is not counted either.
_SILENCE = 60.0
#: In company (``runtime.company``) a source may have one place in so many, and all of them while it is alone. Of 16 on
#: 2 cores: with two places others' p99 beside a flood was 90 to 120 ms, with four 120 to 190 (``bench.bursts``).
_SHARE = 8
#: Or, up to half of them, as many as it takes to be told so many wakes a second for each place there is: where Temporal
#: is far away, a journey takes long to decide although little is done meanwhile.
_PACE = 3
#: How long it takes at its best is seen from how long each took. A shorter time counts much more than a longer one: no
#: hour of load may pass for distance, and a journey that decided by chance just then counts for little.
_DOWN, _UP = 0.02, 0.00002
#: What Tendril itself has to say is nobody's company: much of it is about what a source has just told.
_OWN = frozenset({"", "caught_up", "overdue"})


class _Told(NamedTuple):
    """What a journey was told, and when: the decision that it had made by then was ``number``."""

    cycle: int
    number: int
    at: float
    source: str


class Places(NamedTuple):
    """How many journeys each source may keep undecided, and how many those it told have not decided yet."""

    share: int
    taken: Mapping[str, int]


class Turns:
    """``turn`` is the one that is on; ``next`` has the sources that come later than that."""

    def __init__(self) -> None:
        self.turn = 0.0
        self.next: dict[str, float] = {}

    def taken(self, leased: Iterable[LeasedWake]) -> None:
        for wake in leased:
            if wake.next_turn is not None:
                self.turn = max(self.turn, wake.turn)
                self.next[wake.source] = max(self.next.get(wake.source, 0.0), wake.next_turn)
        self.next = {source: turn for source, turn in self.next.items() if turn > self.turn}


class Undecided:
    """Journeys that were told and have not decided since, ``most`` of them. Times are monotonic seconds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._told: dict[str, _Told] = {}
        self._silent: dict[str, float] = {}  # lead → until when it is not counted
        self._company = Company()
        self._fastest = 0.0  # seconds that a journey takes at its fastest to decide, about; 0 before the first

    def room(self, now: float) -> int:
        for lead, told in list(self._told.items()):
            if now >= told.at + _PATIENCE:
                del self._told[lead]
                self._silent[lead] = now + _SILENCE
        return self._most - len(self._told)

    def places(self, now: float) -> Places:
        """Whoever floods leaves places to those who come seldom."""
        share = self._share() if self._company.there(now) else self._most
        return Places(share, Counter(told.source for told in self._told.values()))

    def _share(self) -> int:
        paced = min(self._most // 2, round(_PACE * self._most * self._fastest))
        return max(1, self._most // _SHARE, paced)

    def told(self, leased: Iterable[LeasedWake], now: float) -> None:
        self._silent = {lead: until for lead, until in self._silent.items() if until > now}
        for wake in leased:
            journey = wake.journey
            if wake.source not in _OWN:
                self._company.heard(wake.source, now)
            if journey and not journey.ended and wake.lead not in self._silent:
                self._told[wake.lead] = _Told(journey.cycle, journey.decision_number, now, wake.source)

    def waited_for(self) -> Sequence[tuple[str, int, int]]:
        """(lead, cycle, decision number when told) of each."""
        return [(lead, told.cycle, told.number) for lead, told in self._told.items()]

    def decided(self, leads: Iterable[str], now: float) -> None:
        for lead in leads:
            if told := self._told.pop(lead, None):
                took = now - told.at
                self._fastest = self._fastest or took
                self._fastest += (_DOWN if took < self._fastest else _UP) * (took - self._fastest)

    def put_off(self, lead: str) -> None:
        """It was not told after all."""
        self._told.pop(lead, None)


def all_taken(places: Places, most: int, leased: Sequence[LeasedWake]) -> bool:
    """Whether a source, or all of them together, got as many as they might: more of theirs may be waiting."""
    got = Counter(wake.source for wake in leased if wake.turn >= 0)
    return got.total() >= most or any(number >= places.share for number in (got + Counter(places.taken)).values())
