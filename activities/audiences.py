"""Push desired audiences to the ads networks, each by an activity of its own (DESIGN decision 5).

What a network was not told stays to be told, so any failure only means: later. One that is down, or slow, or refuses
somebody holds neither the other networks nor its own other lists up.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from temporalio import activity

from activities.reconciling import later, opaque, refusal
from domain.audiences import LIST_MADE, AdsAudience, AudienceChange, Audiences, DesiredAudiences, Fate, Outcome, Taken
from domain.errors import OurFault, TransientFault, VendorFault
from domain.ports import Clock

#: Seconds within which a run gives out batches: it ends before the workflow's limit, and the next goes on.
_LASTS = 240.0
#: Seconds that a run waits for a network that says when to come again, rather than leave it to a later one.
PATIENCE = 30.0
#: How much is spread (``DesiredAudiences.spread``) before it is told.
_SPREADS = 4
_NO_ACCESS = frozenset({401, 403})
_log = logging.getLogger("tendril.audiences")


def pushing(network: str) -> str:
    """Name of the activity that pushes to this network."""
    return f"push_audiences_{network}"


@dataclass(frozen=True, slots=True)
class Pushing:
    """One activity a network; each returns how many memberships it dealt with."""

    desired: DesiredAudiences
    networks: Mapping[str, Audiences]
    clock: Clock
    patience: float = PATIENCE

    def activities(self) -> list[Callable[[], Awaitable[int]]]:
        return [self._activity(network) for network in self.networks]

    def _activity(self, network: str) -> Callable[[], Awaitable[int]]:
        @activity.defn(name=pushing(network))
        async def push() -> int:
            return await self.push(network)

        return push

    async def push(self, network: str) -> int:
        """Tell the network who has left its lists, then who has joined; read back what it says of itself.

        Fails at the end where it could not be told of somebody, or refused somebody.
        """
        now = self.clock.from_real(activity.info().started_time)
        run = _Run(self.desired, self.networks[network], now, self.patience)
        await run.prepare()
        while await run.round():
            pass
        await run.read_back()
        if run.faults:
            raise later(max(run.faults, key=lambda fault: (isinstance(fault, OurFault), fault.retry_after or 0.0)))
        if run.refused:
            why = "network_member.error says why"
            raise refusal(f"{network} refused {run.refused} members and took {run.taken}: {why}")
        return run.taken


@dataclass
class _Run:
    """One run for one network. ``closed``: it takes nothing more for now; ``stuck``: nor do these of its lists."""

    desired: DesiredAudiences
    network: Audiences
    now: datetime
    patience: float
    until: float = field(default_factory=lambda: time.monotonic() + _LASTS)
    faults: list[VendorFault] = field(default_factory=list)
    stuck: set[str] = field(default_factory=set)
    closed: bool = False
    taken: int = 0
    refused: int = 0

    async def prepare(self) -> None:
        """What would run out is renewed, and batches that failed later come again."""
        if self.network.lasts is not None:
            await self.desired.renew(self.network.network, self.network.lasts)
        for request in await self.desired.requests(self.network.network):
            if self._over or not await self._ask(request):
                break

    async def round(self) -> bool:
        """Spread some of what changed and tell the network; whether there is more of it.

        In turns: while the next part is spread, the network's rate makes room for it.
        """
        more = await self._spread()
        # Who moved leaves under the former address first; and two who are one person to the network end as members.
        for leaving in (True, False):
            for audience in await self.desired.lists(self.network.network, leaving=leaving):
                if audience.id not in self.stuck:
                    await self._tell(audience, leaving=leaving)
        return more and not self._over

    async def _spread(self) -> bool:
        for _ in range(_SPREADS):
            if not await self.desired.spread():
                return False
        return True

    async def _tell(self, audience: AdsAudience, *, leaving: bool) -> None:
        """Batches leave side by side, as many as the network takes at once; no more are read than that."""
        places = asyncio.Semaphore(self.network.at_once)
        told = self._left if leaving else self._joined
        stopped = False

        async def carry(batch: Sequence[AudienceChange]) -> None:
            nonlocal stopped
            try:
                await told(audience, batch)
            except VendorFault as fault:
                stopped = True
                self.stuck.add(audience.id)
                self._note(fault)
            finally:
                places.release()

        async with asyncio.TaskGroup() as batches:
            first = True
            async for batch in self._batches(audience, leaving=leaving):
                await places.acquire()
                if stopped or self._over:
                    places.release()
                    break
                carried = batches.create_task(carry(batch))
                if first:  # it finds the list, or makes it, for the others
                    await asyncio.wait([carried])
                    first = False

    async def read_back(self) -> None:
        for audience in await self.desired.unread(self.network.network):
            if self._over:
                return
            try:
                state = await self.network.state(audience)
            except VendorFault as fault:
                # To read is not urgent: nobody is kept waiting, and the list says that it could not be read.
                await self.desired.read(self.network.network, audience.id, None, opaque(fault))
                continue
            await self.desired.read(self.network.network, audience.id, state)

    @property
    def _over(self) -> bool:
        return self.closed or time.monotonic() > self.until

    def _note(self, fault: VendorFault) -> None:
        """One list that is wrong is one list's matter; a network that is busy, away or locked is everybody's."""
        self.faults.append(fault)
        if isinstance(fault, TransientFault) or fault.status in _NO_ACCESS:
            self.closed = True

    async def _batches(self, audience: AdsAudience, *, leaving: bool) -> AsyncIterator[Sequence[AudienceChange]]:
        after = ""
        size, name = self.network.batch_size, self.network.network
        while page := await self.desired.page(name, audience.id, size, leaving=leaving, after=after):
            after = page[-1].lead
            yield page

    async def _joined(self, audience: AdsAudience, batch: Sequence[AudienceChange]) -> None:
        keys = [self.network.key(change.email) for change in batch]
        said = await self._patiently(audience, lambda: self.network.add(audience, keys))
        if said.made:
            await self.desired.refill(self.network.network, audience.id)
        members = [(change, key) for change, key in zip(batch, keys, strict=True) if key not in said.refused]
        await self.desired.joined(
            [change for change, _ in members], [key for _, key in members], said.request, self.now
        )
        await self._put_off([c for c, key in zip(batch, keys, strict=True) if key in said.refused], said)
        self.taken += len(members)

    async def _left(self, audience: AdsAudience, batch: Sequence[AudienceChange]) -> None:
        batch = [self._looked_at(change) for change in batch]
        former = {change.lead: change.known_as or self.network.key(change.email) for change in batch}
        gone = await self._gone(audience, batch, former)
        keys = [former[change.lead] for change in gone]
        said = await self._patiently(audience, lambda: self.network.remove(audience, keys)) if keys else Taken()
        refused = {change.lead for change in gone if former[change.lead] in said.refused}
        under_way = [change for change in gone if said.request and change.lead not in refused]
        not_off = refused | {change.lead for change in under_way}
        await self.desired.left([change for change in batch if change.lead not in not_off], self.now)
        await self.desired.removing(under_way, [former[change.lead] for change in under_way], said.request, self.now)
        await self._put_off([change for change in gone if change.lead in refused], said)
        self.taken += sum(not change.member for change in batch) - len(refused)

    async def _gone(
        self, audience: AdsAudience, batch: Sequence[AudienceChange], former: Mapping[str, str]
    ) -> list[AudienceChange]:
        """Who has the key that they were known by, still or with somebody else, is not removed by it."""
        untold = [former[change.lead] for change in batch if not change.known_as]
        theirs = await self.desired.known(self.network.network, audience.id, untold)
        gone = [change for change in batch if not change.shared and (change.stale or not change.member)]
        return [change for change in gone if change.known_as or former[change.lead] not in theirs]

    def _looked_at(self, change: AudienceChange) -> AudienceChange:
        """An address that changed may still be the same person's to the network."""
        same = bool(change.email) and self.network.key(change.email) == change.known_as
        return change.model_copy(update={"stale": False}) if change.member and same else change

    async def _put_off(self, changes: Sequence[AudienceChange], said: Taken) -> None:
        await self.desired.refused(changes, f"{self.network.network} {said.code}".strip())
        self.refused += len(changes)

    async def _patiently(self, audience: AdsAudience, ask: Callable[[], Awaitable[Taken]]) -> Taken:
        """As the network says when to come again, within reason. Raises a ``VendorFault``."""
        while True:
            try:
                return await ask()
            except TransientFault as fault:
                if fault.code == LIST_MADE:
                    await self.desired.refill(self.network.network, audience.id)
                wait = fault.retry_after
                if not wait or wait > self.patience or self.closed or time.monotonic() + wait > self.until:
                    raise
                await asyncio.sleep(wait)

    async def _ask(self, request: str) -> bool:
        """What became of a batch. Whether it makes sense to ask about others now.

        Where that can't be learnt now it is asked another time, after the others; where it can't be learnt at all, the
        batch may not have been carried out, so that whoever was in it is told again.
        """
        goes_on = True
        try:
            outcome = await self.network.outcome(request)
        except VendorFault as fault:
            _log.info("outcome not known", extra={"vendor": fault.vendor, "status": fault.status, "code": fault.code})
            goes_on = not isinstance(fault, TransientFault)
            outcome = _unanswered(fault)
        if outcome.fate in (Fate.FAILED, Fate.PARTLY):
            place = {"vendor": self.network.network, "request": request, "why": outcome.why}
            _log.warning("a batch was not taken whole", extra=place)
        await self.desired.became(self.network.network, request, outcome)
        return goes_on


def _unanswered(fault: VendorFault) -> Outcome:
    if isinstance(fault, TransientFault) or fault.status in _NO_ACCESS:
        return Outcome(fate=Fate.UNDER_WAY)
    return Outcome(fate=Fate.FAILED, why=f"what became of a batch can't be asked: {opaque(fault)}")
