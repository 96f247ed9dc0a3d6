"""Ads audiences at several networks (C17): what should hold at each, what does, and the ports between.

A network knows people by keys: hashes of their addresses by its own rule. The key that somebody was last added by is
kept, so that they are removed by the same, whatever has become of their address since.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from domain.ports import Value

#: Code of the fault that says: the list was just made, and takes people in a moment.
LIST_MADE = "list_made"


class AdsAudience(Value):
    """A list of people at a network. ``id`` is the playbook's, and finds it there again; ``label`` is for people."""

    id: str
    label: str = ""

    @property
    def title(self) -> str:
        return f"Tendril: {self.label or self.id.replace('_', ' ')}"


class AudienceChange(Value):
    """What one network should learn of one lead in one list. Personal data: stays between database and network.

    ``email`` is the present address, "" when there is none; ``known_as`` the key they were last added by, "" when they
    were not. ``stale``: that key is no longer theirs. ``shared``: another lead, who belongs there, has the same key.
    """

    network: str
    audience: str
    lead: str
    version: int
    member: bool
    email: str = ""
    known_as: str = ""
    stale: bool = False
    shared: bool = False


class Taken(Value):
    """What a network says of a batch. ``refused`` are the keys that it won't have as they are, for ``code``.

    ``request`` names the batch where the network carries it out later: then ``outcome`` tells. ``made``: there was no
    such list, so that nobody was on it.
    """

    refused: frozenset[str] = frozenset()
    code: str = ""
    request: str = ""
    made: bool = False


class Fate(StrEnum):
    UNDER_WAY = "under_way"
    DONE = "done"
    PARTLY = "partly"
    FAILED = "failed"


class Outcome(Value):
    """What became of a batch. ``why`` is the network's words for what it did not take: codes, nobody's data."""

    fate: Fate
    why: str = ""


class AudienceState(Value):
    """A list as the network has it. ``size`` is its own estimate of whom it found, None while it has none.

    ``least``: people that a list needs before ads are shown to it. ``usable``: ads can be shown to it now.
    """

    audience: str
    status: str
    size: int | None = None
    least: int = 0
    usable: bool = True


class Audiences(Protocol):
    """One ads network. Whatever is asked twice has the effect of once.

    ``at_once`` requests may be under way together. A membership lasts ``lasts``, unless it is added again; None: for
    good.
    """

    @property
    def network(self) -> str: ...

    @property
    def batch_size(self) -> int: ...

    @property
    def at_once(self) -> int: ...

    @property
    def lasts(self) -> timedelta | None: ...

    def key(self, email: str) -> str:
        """What the network knows the owner of this address by."""
        ...

    async def add(self, audience: AdsAudience, keys: Sequence[str]) -> Taken:
        """Put people on the list, at most ``batch_size``, and make it when it is not there.

        Raises a ``VendorFault`` when nothing is known of any: ``TransientFault`` with ``retry_after`` where the network
        wants a pause first, with the code ``LIST_MADE`` where that is because it just made the list.
        """
        ...

    async def remove(self, audience: AdsAudience, keys: Sequence[str]) -> Taken:
        """Take people off the list. Where there is no such list they are off it."""
        ...

    async def outcome(self, request: str) -> Outcome:
        """What became of a batch that was to be carried out later. Raises a ``VendorFault``."""
        ...

    async def state(self, audience: AdsAudience) -> AudienceState | None:
        """Read the list back; None when the network has none. Raises a ``VendorFault``."""
        ...

    async def close(self) -> None: ...


class DesiredAudiences(Protocol):
    """Who should be on which list at which network, and what each has acknowledged (DESIGN decision 5)."""

    async def due(self) -> list[str]:
        """Work out what each network lacks, as far as that is quick; the networks with something to do."""
        ...

    async def spread(self) -> bool:
        """Work out for a bounded number of memberships what each network should hold. Whether any is left."""
        ...

    async def renew(self, network: str, lasts: timedelta) -> int:
        """Memberships that would run out soon are to be told again; how many."""
        ...

    async def lists(self, network: str, *, leaving: bool) -> list[AdsAudience]:
        """Lists that somebody is to leave, or to join."""
        ...

    async def page(
        self, network: str, audience: str, limit: int, *, leaving: bool, after: str = ""
    ) -> list[AudienceChange]:
        """Who is to leave it (or to leave it under a former address), or to join it; by lead, beyond ``after``."""
        ...

    async def joined(self, changes: Sequence[AudienceChange], keys: Sequence[str], request: str, now: datetime) -> None:
        """The network has taken them, each by its key."""
        ...

    async def left(self, changes: Sequence[AudienceChange], now: datetime) -> None:
        """The network no longer has them under the key that it knew. Who moved only is still to join anew."""
        ...

    async def removing(
        self, changes: Sequence[AudienceChange], keys: Sequence[str], request: str, now: datetime
    ) -> None:
        """The network will remove them, each by its key: they may be there until ``became`` says that it did."""
        ...

    async def known(self, network: str, audience: str, keys: Sequence[str]) -> frozenset[str]:
        """Which of these keys somebody who belongs there is known by."""
        ...

    async def refill(self, network: str, audience: str) -> None:
        """The network has nobody on this list any more: whoever should be there is to join again."""
        ...

    async def refused(self, changes: Sequence[AudienceChange], reason: str) -> None:
        """The network won't have these as they are: they come again later, and later each time, or once they change."""
        ...

    async def requests(self, network: str) -> list[str]:
        """Batches of which it is time to ask what became of them."""
        ...

    async def became(self, network: str, request: str, outcome: Outcome) -> None:
        """Whom it was to remove is gone once it is done, and comes again unless all of it was done.

        Of a batch that failed, or of which nothing is learnt for days, everybody comes again.
        """
        ...

    async def unread(self, network: str) -> list[AdsAudience]:
        """Lists that it is time to read back."""
        ...

    async def read(self, network: str, audience: str, state: AudienceState | None, problem: str = "") -> None:
        """Keep what was read of a list; ``problem`` when it could not be read. One that is gone is refilled."""
        ...
