"""The local inbox's SMTP side: accepts everything, keeps it, and goes wrong when told to."""

import asyncio
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.faults import Fault, Faults
from sandbox.mail import MailStore

_REPLIES = {
    "421": "421 4.3.2 Service shutting down, try again later",
    "450": "450 4.2.1 Mailbox busy, try again later",
    "550": "550 5.1.1 No such mailbox here",
}
_FOR_EVER = 3600.0
_LARGEST = 25 * 1024 * 1024


class Keeper:
    """aiosmtpd's handler: hooks are called with each step of a conversation, and return the reply."""

    def __init__(self, store: MailStore, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    async def handle_RCPT(  # noqa: N802 - aiosmtpd finds hooks by this name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if (fault := self._faults.take("smtp", "rcpt")) and not await _only_late(fault):
            return await _go_wrong(fault, server)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - see above
        fault = self._faults.take("smtp", "data")
        if fault and await _only_late(fault):
            fault = None
        if fault and not fault.after:
            return await _go_wrong(fault, server)
        try:
            arrival = self._store.add(envelope.mail_from or "", list(envelope.rcpt_tos), _raw(envelope))
        except OSError:
            return "452 4.3.1 The inbox's disk is full"
        if fault:
            return await _go_wrong(fault, server)
        return f"250 2.0.0 Kept as {arrival.number}"


async def listen(store: MailStore, faults: Faults, host: str, port: int, **options: Any) -> asyncio.Server:
    """Receive mail until the server is closed. Raises ``OSError`` when the port is taken.

    ``options`` are aiosmtpd's (``tls_context``, ``authenticator``, …).
    """
    loop = asyncio.get_running_loop()
    keeper = Keeper(store, faults)
    return await loop.create_server(
        lambda: SMTP(keeper, loop=loop, ident="Tendril inbox", data_size_limit=_LARGEST, **options), host, port
    )


def _raw(envelope: Envelope) -> bytes:
    content = envelope.original_content or b""
    return content if isinstance(content, bytes) else content.encode()


async def _only_late(fault: Fault) -> bool:
    """Waits, where that is all that goes wrong: what was asked is then done."""
    if fault.kind == "latency":
        await asyncio.sleep(fault.seconds)
    return fault.kind == "latency"


async def _go_wrong(fault: Fault, server: SMTP) -> str:
    if fault.kind == "reset":
        # whichever loop's it is: uvloop's transports are no asyncio.WriteTransport
        cast(asyncio.WriteTransport, server.transport).abort()
    elif fault.kind == "timeout":
        await asyncio.sleep(_FOR_EVER)
    return _REPLIES.get(fault.kind, "451 4.3.0 Made to fail")
