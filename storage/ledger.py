"""The touch ledger (DESIGN decision 4): a key is claimed before anything is sent; at most one message leaves under it.

``leased_until`` is wall-clock time of the database; every other time is the deployment's and comes from the caller.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.errors import NotFound
from domain.playbook.models import Cap
from domain.ports import Claim, ClaimResult, OpenClaim, OutboundTouch, Playbooks, Receipt
from domain.words import DIRECT_CHANNELS, Channel, TouchStatus
from storage.database import Connection, Database
from storage.enrolment import wake_running
from storage.ledger_sql import CLAIM, LOCK, OPEN_CLAIMS, OUTBOUND, SETTLE

#: What an attempt is told of a touch that is no longer waiting to be sent.
_SETTLED = {
    TouchStatus.SENT: ClaimResult.ALREADY_SENT,
    TouchStatus.REFUSED: ClaimResult.REFUSED,
    TouchStatus.FAILED: ClaimResult.REFUSED,
    TouchStatus.WITHDRAWN: ClaimResult.WITHDRAWN,
    TouchStatus.UNKNOWN: ClaimResult.UNKNOWN,
}


class _CapsUnread(Exception):
    """The caps of this playbook version have not been read yet."""

    def __init__(self, playbook: str) -> None:
        self.playbook = playbook


class PgLedger:
    """``ports.Ledger``. ``playbooks`` says which caps hold for a touch."""

    def __init__(self, db: Database, playbooks: Playbooks) -> None:
        self._db = db
        self._playbooks = playbooks
        self._caps: dict[str, tuple[Cap, ...]] = {}

    async def claim(self, key: str, claim_id: str, now: datetime, lease_seconds: float) -> Claim:
        """Raises ``NotFound`` for a key that no decision planned.

        A touch whose claim has run out is UNRESOLVED for everyone who asks; ``renew`` decides who may send it.
        """
        while True:
            try:
                async with self._db.pool.acquire() as connection, connection.transaction():
                    return await self._claim(connection, key, claim_id, now, lease_seconds)
            except _CapsUnread as unread:
                # Read outside: a transaction that waits for a second connection can starve the pool.
                playbook = await self._playbooks.compiled(unread.playbook)
                self._caps[unread.playbook] = playbook.document.cadence.caps

    async def mark_sent(self, key: str, claim_id: str, receipt: Receipt, now: datetime) -> None:
        """The vendor took it: true whatever became of the claim meanwhile. The first receipt stays."""
        await self._db.pool.execute(
            "update touch set status = 'sent', claim_id = $2, vendor = $3, vendor_id = $4, sent_at = $5, reason = '',"
            " leased_until = null where key = $1 and status <> 'sent'",
            key,
            claim_id,
            receipt.vendor,
            receipt.vendor_id,
            now,
        )

    async def release(self, key: str, claim_id: str) -> None:
        await self._db.pool.execute(
            "update touch set status = 'planned', claim_id = '', claimed_at = null, leased_until = null"
            " where key = $1 and claim_id = $2 and status = 'claimed'",
            key,
            claim_id,
        )

    async def mark_failed(self, key: str, claim_id: str, reason: str, now: datetime) -> None:
        """It can't be delivered: certainly nothing was, and the key is not tried again."""
        await self._db.pool.execute(
            "update touch set status = 'failed', reason = $3, claimed_at = $4, leased_until = null"
            " where key = $1 and claim_id = $2 and status = 'claimed'",
            key,
            claim_id,
            reason,
            now,
        )

    async def park(self, key: str, reason: str) -> None:
        await self._db.pool.execute(
            "update touch set status = 'unknown', reason = $2, leased_until = null"
            " where key = $1 and status = 'claimed'",
            key,
            reason,
        )

    async def renew(self, key: str, claim_id: str, lease_seconds: float) -> bool:
        renewed = await self._db.pool.fetchval(
            "update touch set claim_id = $2, attempts = attempts + 1, leased_until = now() + make_interval(secs => $3)"
            " where key = $1 and status = 'claimed' and leased_until < now() returning true",
            key,
            claim_id,
            lease_seconds,
        )
        return bool(renewed)

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
        return lead is not None

    async def _claim(
        self, connection: Connection, key: str, claim_id: str, now: datetime, lease_seconds: float
    ) -> Claim:
        row = await connection.fetchrow(LOCK, key)
        if row is None:
            raise NotFound(f"No decision planned the touch {key}.")
        if row["status"] in _SETTLED:
            return Claim(result=_SETTLED[row["status"]], reason=row["reason"])
        if row["status"] == TouchStatus.CLAIMED:
            return await _claimed_before(connection, key, row["lease_left"])
        caps = self._caps_for(row["playbook_hash"], row["channel"])
        return await _claim(connection, key, claim_id, now, lease_seconds, caps)

    def _caps_for(self, playbook_hash: str, channel: str) -> Sequence[Cap]:
        """The caps that count this touch. None do for touches that reach sales."""
        if channel not in DIRECT_CHANNELS:
            return ()
        if playbook_hash not in self._caps:
            raise _CapsUnread(playbook_hash)
        return [cap for cap in self._caps[playbook_hash] if cap.channel in ("any", channel)]


async def _claimed_before(connection: Connection, key: str, lease_left: float) -> Claim:
    if lease_left > 0:
        return Claim(result=ClaimResult.BUSY, reason="another attempt holds the claim", retry_in=lease_left)
    touch = _outbound(await connection.fetchrow(OUTBOUND, key))
    return Claim(result=ClaimResult.UNRESOLVED, reason="an earlier attempt never reported", touch=touch)


async def _claim(
    connection: Connection, key: str, claim_id: str, now: datetime, lease_seconds: float, caps: Sequence[Cap]
) -> Claim:
    row = await connection.fetchrow(
        CLAIM,
        key,
        claim_id,
        now,
        lease_seconds,
        [cap.per for cap in caps],
        [cap.channel for cap in caps],
        [cap.most for cap in caps],
        [now - cap.within for cap in caps],
    )
    if row["status"] == TouchStatus.REFUSED:
        return Claim(result=ClaimResult.REFUSED, reason=row["reason"])
    return Claim(result=ClaimResult.CLAIMED, touch=_outbound(row))


def _outbound(row: Any) -> OutboundTouch:
    return OutboundTouch(
        key=row["key"],
        lead=row["lead_id"],
        channel=Channel(row["channel"]),
        step=row["step"],
        asset=row["asset"],
        note=row["note"],
        playbook=row["playbook_hash"],
        email=row["email"] or "",
        fields=row["fields"],
        brief=row["brief"],
        owner=row["owner"],
        crm_id=row["crm_id"],
    )
