"""``send_touch``: carry out one touch, once, whatever fails and whenever (DESIGN decision 4).

Claim the key, hand it to the channel, mark it sent. Only what certainly did not leave is ever tried again; a claim
left open by a crash is first asked about at the vendor.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.door import Door
from activities.messages import SendTouch, TouchOutcome, TouchResult
from activities.room import Room
from domain.errors import CannotTell, LeadFault, OurFault, TransientFault, VendorFault
from domain.ports import Claim, ClaimResult, Clock, Inbox, Ledger, OutboundTouch, Receipt, TouchChannel
from domain.words import Channel, DeliveryKind

_log = logging.getLogger("tendril.touches")
#: A fault of ours needs a person: asked again slowly, and held meanwhile, never lost.
_MENDING = timedelta(minutes=5)
#: How long after its decision (in real time) a touch may leave although the send window has closed meanwhile. A vendor
#: that comes back later than that, at night, must wait for the morning.
_LATE = timedelta(minutes=15)
#: Touches of a channel at once where nobody says otherwise.
_MOST = 50

#: Claims that settle a touch without sending anything now.
_SETTLED: Mapping[ClaimResult, TouchResult] = {
    ClaimResult.ALREADY_SENT: TouchResult.SENT,
    ClaimResult.REFUSED: TouchResult.REFUSED,
    ClaimResult.WITHDRAWN: TouchResult.WITHDRAWN,
    ClaimResult.CLOSED: TouchResult.HELD,
    ClaimResult.HELD: TouchResult.HELD,
    ClaimResult.UNKNOWN: TouchResult.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Touching:
    """The ``send_touch`` activity for every channel.

    ``send_timeout``: hard limit in seconds of one call to a vendor; ``lease``: how long a claim is held, longer.
    ``room``: how many touches of one channel may be under way.
    """

    ledger: Ledger
    channels: Mapping[Channel, TouchChannel]
    inbox: Inbox
    clock: Clock
    send_timeout: float = 20.0
    lease: float = 25.0
    room: Room = field(default_factory=lambda: Room(_MOST))
    doors: Mapping[Channel, Door] = field(default_factory=lambda: {channel: Door(channel) for channel in Channel})

    @activity.defn(name="send_touch")
    async def send_touch(self, touch: SendTouch) -> TouchOutcome:
        """Returns what became of the touch. Raises ``ApplicationError`` when it is to be tried again."""
        with self.room.of(touch.channel):
            self.doors[touch.channel].enter()
            attempt = _Attempt(self, touch)
            claim = await self.ledger.claim(touch.key, attempt.id, attempt.now, self.lease, attempt.late_since)
            return attempt.settled(claim) or await attempt.carry_out(claim)


@dataclass(frozen=True, slots=True)
class _Claimed:
    """What an earlier attempt of this touch told Temporal: it had claimed the key, for the ``attempts``-th time.

    Neither side can forget it alone: a ledger that counts fewer was restored from a backup, and does not know whether
    that attempt sent anything. ``at`` is before that attempt.
    """

    attempts: int
    at: datetime

    @classmethod
    def told(cls, info: activity.Info) -> "_Claimed | None":
        attempts = next(iter(info.heartbeat_details), None)
        began = info.scheduled_time if info.scheduled_time.tzinfo else info.scheduled_time.replace(tzinfo=UTC)
        return cls(attempts, began) if isinstance(attempts, int) else None


class _Attempt:
    """One attempt of one touch. ``id`` names it in the ledger; ``now`` is deployment time when it began.

    A touch planned before ``late_since`` is late.
    """

    def __init__(self, touching: Touching, touch: SendTouch) -> None:
        info = activity.info()
        self.id = f"{info.workflow_run_id}/{info.activity_id}/{info.attempt}"
        self.now = touching.clock.from_real(_started(info))
        self.late_since = touching.clock.from_real(_started(info) - _LATE)
        self._parts = touching
        self._key = touch.key
        self._channel = touching.channels.get(touch.channel)
        self._name = touch.channel
        self._door = touching.doors[touch.channel]
        self._before = _Claimed.told(info)

    def settled(self, claim: Claim) -> TouchOutcome | None:
        """What a claim settles without anything being sent now; None when it is ours or must be asked about."""
        if claim.result is ClaimResult.BUSY:
            raise _again(claim.reason, "Busy", timedelta(seconds=claim.retry_in + 0.5))
        result = _SETTLED.get(claim.result)
        return None if result is None else self._outcome(result, claim.reason)

    async def carry_out(self, claim: Claim) -> TouchOutcome:
        outbound = _outbound(claim)
        channel = await self._reachable()
        if claim.result is ClaimResult.UNRESOLVED:
            return await self._asked(channel, outbound) or await self._taken_over(channel)
        if self._before and self._before.attempts >= claim.attempts:
            # A ledger from a backup does not know which address that attempt wrote to either.
            sought = outbound.model_copy(update={"attempted_at": self._before.at, "attempted_to": ""})
            return await self._asked(channel, sought) or await self._send(channel, outbound)
        activity.heartbeat(claim.attempts)
        return await self._send(channel, outbound)

    async def _reachable(self) -> TouchChannel:
        if self._channel is None:
            fault = OurFault(f"no adapter carries {self._name}", vendor="tendril", code="no_channel")
            await self._hold_off(fault)
        assert self._channel is not None  # noqa: S101 narrows the type: _hold_off always raises
        return self._channel

    async def _asked(self, channel: TouchChannel, outbound: OutboundTouch) -> TouchOutcome | None:
        """Settle by what the vendor knows a claim whose attempt never reported; None when it certainly was not sent."""
        try:
            async with asyncio.timeout(self._parts.send_timeout):
                receipt = await channel.lookup(outbound)
        except (CannotTell, LeadFault) as reason:  # an address that can't be asked about stays so
            await self._parts.ledger.park(self._key, str(reason))
            _log.error("touch parked: it can't be told whether it was delivered", extra={"key": self._key})
            return self._outcome(TouchResult.UNKNOWN, str(reason))
        except (VendorFault, TimeoutError) as fault:
            raise _again("the vendor could not be asked about an open claim", type(fault).__name__) from None
        return None if receipt is None else await self._sent(receipt)

    async def _taken_over(self, channel: TouchChannel) -> TouchOutcome:
        """Carry out a touch whose earlier claim led to nothing, as the lead is now: not as it was when we asked."""
        renewed = await self._parts.ledger.renew(self._key, self.id, self.now, self._parts.lease, self.late_since)
        if settled := self.settled(renewed):
            return settled
        return await self._send(channel, _outbound(renewed))

    async def _send(self, channel: TouchChannel, outbound: OutboundTouch) -> TouchOutcome:
        try:
            async with asyncio.timeout(self._parts.send_timeout):
                receipt = await channel.send(outbound)
        except LeadFault as fault:
            self._door.answered()
            return await self._unreachable(fault)
        except VendorFault as fault:
            await self._hold_off(fault)
        except TimeoutError:
            await self._hold_off(
                TransientFault("no answer in time", vendor=self._name, code="timeout", certainly_not_sent=False)
            )
        self._door.answered()
        return await self._sent(receipt)

    async def _sent(self, receipt: Receipt) -> TouchOutcome:
        await self._parts.ledger.mark_sent(self._key, self.id, receipt, self.now)
        return self._outcome(TouchResult.SENT)

    async def _unreachable(self, fault: LeadFault) -> TouchOutcome:
        """The inbox hears of it first: if the rest is lost, the vendor says the same again and the inbox knows it.

        A bounce is about the e-mail address: a letter that can't be delivered says nothing of that.
        """
        reason = fault.code or "unreachable"
        if self._name is Channel.EMAIL:
            bounce = DeliveryKind.BOUNCED_HARD if fault.for_good else DeliveryKind.BOUNCED_SOFT
            await self._parts.inbox.deliver(self._key, bounce, self.now, reason)
        await self._parts.ledger.mark_failed(self._key, self.id, reason, self.now)
        return self._outcome(TouchResult.FAILED, reason)

    async def _hold_off(self, fault: VendorFault) -> NoReturn:
        """Give the claim back where that is safe, and let Temporal try again when the fault says."""
        self._door.failed(fault)
        if fault.certainly_not_sent:
            await self._parts.ledger.release(self._key, self.id)
            wait = timedelta(seconds=fault.retry_after) if fault.retry_after else None
        else:
            wait = timedelta(seconds=max(fault.retry_after or 0, self._parts.lease))
        if isinstance(fault, OurFault):
            wait = max(wait or _MENDING, _MENDING)
            place = {"key": self._key, "vendor": fault.vendor, "status": fault.status, "code": fault.code}
            _log.error("touch held: a person must mend this", extra=place)
        raise _again(f"{fault.vendor} {fault.status or ''} {fault.code}".strip(), type(fault).__name__, wait) from None

    def _outcome(self, result: TouchResult, detail: str = "") -> TouchOutcome:
        return TouchOutcome(key=self._key, result=result, detail=detail)


def _outbound(claim: Claim) -> OutboundTouch:
    if claim.touch is None:
        raise ValueError(f"the ledger gave no touch with {claim.result}")
    return claim.touch


def _started(info: activity.Info) -> datetime:
    """The server's time of this attempt: the same clock as the workflow's, also where tests skip time."""
    return info.started_time if info.started_time.tzinfo else info.started_time.replace(tzinfo=UTC)


def _again(message: str, type_: str, wait: timedelta | None = None) -> ApplicationError:
    return ApplicationError(message, type=type_, next_retry_delay=wait)
