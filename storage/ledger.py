"""The touch ledger (DESIGN decision 4): a key is claimed before anything is sent; at most one message leaves under it.

``leased_until`` is wall-clock time of the database; every other time is the deployment's and comes from the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.core.cadence import next_open, zone_of
from domain.core.days_off import countries
from domain.core.steps import at_any_hour
from domain.errors import NotFound
from domain.mail import name_of
from domain.playbook.models import Cadence, Cap, Playbook
from domain.ports import Claim, ClaimResult, OpenClaim, OutboundTouch, Playbooks, Receipt
from domain.words import DIRECT_CHANNELS, Channel, TouchStatus
from storage import mail
from storage.addresses import domain_of
from storage.database import Connection, Database
from storage.enrolment import wake_running
from storage.ledger_sql import CLAIM, HELD_BY, LOCK, OPEN_CLAIMS, OUTBOUND, RELEASE, SETTLE
from storage.mail import Held

#: As long as any lease is (``Settings.claim_lease``): what is held until then was claimed no earlier than this before.
_LONGEST_LEASE = timedelta(seconds=25)
#: What an attempt is told of a touch that is no longer waiting to be sent.
_SETTLED = {
    TouchStatus.SENT: ClaimResult.ALREADY_SENT,
    TouchStatus.REFUSED: ClaimResult.REFUSED,
    TouchStatus.FAILED: ClaimResult.REFUSED,
    TouchStatus.WITHDRAWN: ClaimResult.WITHDRAWN,
    TouchStatus.UNKNOWN: ClaimResult.UNKNOWN,
}


class _PlaybookUnread(Exception):
    """What this playbook version says of sending has not been read yet."""

    def __init__(self, playbook: str) -> None:
        self.playbook = playbook


class _MustWait(Exception):
    """The sending domain has no room for this mail now: nothing of the claim may stay."""

    def __init__(self, held: Held) -> None:
        self.held = held


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a playbook version says of sending, and the steps that its window does not hold back."""

    document: Playbook
    at_any_hour: frozenset[str]

    @property
    def cadence(self) -> Cadence:
        return self.document.cadence


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Who claims, when and for how long, as ``ports.Ledger.claim`` takes it.

    ``certainly_not_sent``: the vendor was asked about the claim before, so one that has run out may be taken over.
    """

    claim_id: str
    now: datetime
    lease: float
    late_since: datetime | None
    certainly_not_sent: bool


class PgLedger:
    """``ports.Ledger``. ``playbooks`` says what holds for a touch."""

    def __init__(self, db: Database, playbooks: Playbooks) -> None:
        self._db = db
        self._playbooks = playbooks
        self._rules: dict[str, _Rules] = {}

    async def claim(
        self, key: str, claim_id: str, now: datetime, lease_seconds: float, late_since: datetime | None = None
    ) -> Claim:
        """Raises ``NotFound`` for a key that no decision planned.

        A touch whose claim has run out is UNRESOLVED for everyone who asks; ``renew`` decides who may send it.
        """
        return await self._attempt(key, _Attempt(claim_id, now, lease_seconds, late_since, certainly_not_sent=False))

    async def renew(
        self, key: str, claim_id: str, now: datetime, lease_seconds: float, late_since: datetime | None = None
    ) -> Claim:
        return await self._attempt(key, _Attempt(claim_id, now, lease_seconds, late_since, certainly_not_sent=True))

    async def _attempt(self, key: str, attempt: _Attempt) -> Claim:
        while True:
            try:
                async with self._db.pool.acquire() as connection, connection.transaction():
                    return await self._claim(connection, key, attempt)
            except _MustWait as wait:
                return Claim(result=ClaimResult.BUSY, reason=wait.held.why, retry_in=wait.held.seconds)
            except _PlaybookUnread as unread:
                # Read outside: a transaction that waits for a second connection can starve the pool.
                document = (await self._playbooks.compiled(unread.playbook)).document
                self._rules[unread.playbook] = _Rules(document, at_any_hour(document))

    async def mark_sent(self, key: str, claim_id: str, receipt: Receipt, now: datetime) -> None:
        """The vendor took it: true whatever became of the claim meanwhile. The first receipt stays."""
        await self._db.pool.execute(
            "update touch set status = 'sent', claim_id = $2, vendor = $3, vendor_id = $4, sent_at = $5, reason = '',"
            " attempted_to = '', leased_until = null where key = $1 and status <> 'sent'",
            key,
            claim_id,
            receipt.vendor,
            receipt.vendor_id,
            now,
        )

    async def release(self, key: str, claim_id: str) -> None:
        async with self._db.pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(HELD_BY, key, claim_id):
                await mail.give_back(connection, key)
                await connection.execute(RELEASE, key)

    async def mark_failed(self, key: str, claim_id: str, reason: str, now: datetime) -> None:
        """It can't be delivered: certainly nothing was, and the key is not tried again."""
        await self._db.pool.execute(
            "update touch set status = 'failed', reason = $3, claimed_at = $4, attempted_to = '',"
            " leased_until = null where key = $1 and claim_id = $2 and status = 'claimed'",
            key,
            claim_id,
            reason,
            now,
        )

    async def park(self, key: str, reason: str) -> None:
        await self._db.pool.execute(
            "update touch set status = 'unknown', reason = $2, attempted_to = '', leased_until = null"
            " where key = $1 and status = 'claimed'",
            key,
            reason,
        )

    async def open_claims(self, limit: int) -> list[OpenClaim]:
        rows = await self._db.pool.fetch(OPEN_CLAIMS, limit)
        return [OpenClaim(touch=_outbound(row), claim_id=row["claim_id"]) for row in rows]

    async def settle(
        self, claim: OpenClaim, status: TouchStatus, now: datetime, *, receipt: Receipt | None = None, reason: str = ""
    ) -> bool:
        vendor, vendor_id = (receipt.vendor, receipt.vendor_id) if receipt else ("", "")
        async with self._db.pool.acquire() as connection, connection.transaction():
            lead = await connection.fetchval(
                SETTLE, claim.touch.key, claim.claim_id, status, reason, vendor, vendor_id, now
            )
            if lead is not None:
                await wake_running(connection, [lead], "touch_settled")
                if status is TouchStatus.WITHDRAWN:
                    await mail.give_back(connection, claim.touch.key)
        return lead is not None

    async def _claim(self, connection: Connection, key: str, attempt: _Attempt) -> Claim:
        row = await connection.fetchrow(LOCK, key)
        if row is None:
            raise NotFound(f"No decision planned the touch {key}.")
        if row["status"] in _SETTLED:
            return Claim(result=_SETTLED[row["status"]], reason=row["reason"])
        if row["lease_left"] > 0:
            return Claim(result=ClaimResult.BUSY, reason="another attempt holds the claim", retry_in=row["lease_left"])
        if row["status"] == TouchStatus.CLAIMED:
            if not attempt.certainly_not_sent:
                touch = _outbound(await connection.fetchrow(OUTBOUND, key))
                return Claim(result=ClaimResult.UNRESOLVED, reason="an earlier attempt never reported", touch=touch)
            await mail.give_back(connection, key)  # what is claimed anew is counted anew
        rules = self._rules_of(row["playbook_hash"], row["channel"])
        opens = _opens(rules, row, attempt)
        if opens > attempt.now:
            await connection.execute(RELEASE, key)
            return Claim(result=ClaimResult.CLOSED, reason=f"outside the send window until {opens:%Y-%m-%d %H:%M} UTC")
        caps = [cap for cap in rules.cadence.caps if cap.channel in ("any", row["channel"])] if rules else []
        chosen = row["sender"] if row["sending_domain"] or not rules else rules.document.sender_for(row["segment"])
        domain = domain_of(rules.document.sent_by(chosen).sender.email) if rules else ""
        asset = rules.document.assets.get(row["asset"]) if rules else None
        claim = await _claim(connection, key, attempt, caps, (chosen, domain, asset.topic if asset else ""))
        if rules and claim.touch is not None and claim.touch.channel is Channel.EMAIL:
            held = await mail.admit(connection, rules.document.sending, domain, claim.touch.email, attempt.now)
            if held is not None:
                raise _MustWait(held)
        return claim

    def _rules_of(self, playbook_hash: str, channel: str) -> _Rules | None:
        """The rules that hold for this touch. None do for touches that reach sales."""
        if channel not in DIRECT_CHANNELS:
            return None
        if playbook_hash not in self._rules:
            raise _PlaybookUnread(playbook_hash)
        return self._rules[playbook_hash]


def _opens(rules: _Rules | None, row: Any, attempt: _Attempt) -> datetime:
    """The earliest time from now at which the send window is open for the touch."""
    late = row["planned_at"] < (attempt.late_since or attempt.now)
    if rules is None or not late or row["step"] in rules.at_any_hour:
        return attempt.now
    cadence = rules.cadence
    days_off = countries(cadence.holidays, row["country"])
    return next_open(cadence, zone_of(row["timezone"], cadence.timezone), attempt.now, days_off)


async def _claim(
    connection: Connection, key: str, attempt: _Attempt, caps: Sequence[Cap], about: tuple[str, str, str]
) -> Claim:
    row = await connection.fetchrow(
        CLAIM,
        key,
        attempt.claim_id,
        attempt.now,
        attempt.lease,
        [cap.per for cap in caps],
        [cap.channel for cap in caps],
        [cap.most for cap in caps],
        [attempt.now - cap.within for cap in caps],
        *about[:2],
        name_of(key),
        about[2],
    )
    if row["status"] in _SETTLED:
        return Claim(result=_SETTLED[row["status"]], reason=row["reason"])
    if row["status"] == TouchStatus.PLANNED:
        return Claim(result=ClaimResult.HELD, reason=row["verdict"])
    return Claim(result=ClaimResult.CLAIMED, touch=_outbound(row), attempts=row["attempts"])


def _outbound(row: Any) -> OutboundTouch:
    return OutboundTouch(
        key=row["key"],
        lead=row["lead_id"],
        channel=Channel(row["channel"]),
        step=row["step"],
        asset=row["asset"],
        note=row["note"],
        variant=row["variant"],
        sender=row["sender"],
        playbook=row["playbook_hash"],
        email=row["email"] or "",
        fields=row["fields"],
        brief=row["brief"],
        owner=row["owner"],
        crm_id=row["crm_id"],
        attempted_to=row["attempted_to"],
        attempted_at=row["leased_until"] and row["leased_until"] - _LONGEST_LEASE,
    )
