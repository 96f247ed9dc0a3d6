"""What the relay keeps in mind of those it tells: whose turn it is, and which journeys have not decided yet.

Turns are start-time fair queueing (Goyal, Vin and Cheng, 1996): a source's wakes come one turn after the other, and one
that has had nothing to say for a while comes in the turn that is on, neither before nor after those who kept on.

Temporal takes wakes faster than journeys decide, in the order in which they come. So only as many are told as can be
decided side by side: the rest wait in the database, where an interrupt or another source's turn still goes before.
"""

from collections.abc import Iterable, Sequence

from storage.wakes import LeasedWake

#: A journey that does not decide in so many seconds (its worker is gone, or it can't) no longer keeps others waiting.
_PATIENCE = 3.0
#: For so many seconds what it is told then is not counted either.
_SILENCE = 60.0


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
        self._told: dict[str, tuple[int, int, float]] = {}  # lead → cycle, decision number, when
        self._silent: dict[str, float] = {}  # lead → until when it is not counted

    def room(self, now: float) -> int:
        for lead, (_, _, at) in list(self._told.items()):
            if now >= at + _PATIENCE:
                del self._told[lead]
                self._silent[lead] = now + _SILENCE
        return self._most - len(self._told)

    def told(self, leased: Iterable[LeasedWake], now: float) -> None:
        self._silent = {lead: until for lead, until in self._silent.items() if until > now}
        for wake in leased:
            journey = wake.journey
            if journey and not journey.ended and wake.lead not in self._silent:
                self._told[wake.lead] = journey.cycle, journey.decision_number, now

    def waited_for(self) -> Sequence[tuple[str, int, int]]:
        """(lead, cycle, decision number when told) of each."""
        return [(lead, cycle, number) for lead, (cycle, number, _) in self._told.items()]

    def settle(self, leads: Iterable[str]) -> None:
        """These have decided, or were not told after all."""
        for lead in leads:
            self._told.pop(lead, None)
