"""E-mail over SMTP: one message a touch, over a small pool of open connections.

The conversation is led step by step, because what a failure proves depends on the step: before DATA nothing has left;
once the message was handed over and no reply came, nobody can know, and only ``lookup`` may tell.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal

import aiosmtplib
import httpx

from adapters import calls
from adapters.email.carrier import Mail, Sought
from adapters.email.dkim import Signer
from adapters.email.replies import Step, fault
from adapters.http import VendorClient
from adapters.vendor import Finding, Vendor, VendorSettings
from domain.errors import CannotTell, OurFault, TransientFault, VendorFault

_VENDOR = "smtp"
#: Seconds to wait for a connection. With the longest step after it (``SmtpServer.timeout``), less than an attempt has.
_SLOT = 3.0


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail leaves. ``timeout`` is seconds for each step; ``connections`` bounds what is open at once.

    ``security``: ``none``, ``starttls`` (required, never silently skipped) or ``tls``. ``ca`` is a PEM file of a
    private certificate authority. ``lookup_url`` is the local inbox, which can be asked for a Message-ID.
    """

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "none"
    username: str = ""
    password: str = ""
    timeout: float = 15.0
    connections: int = 8
    ca: str = ""
    lookup_url: str = ""


class SmtpCarrier:
    """``adapters.email.carrier.MailCarrier`` over SMTP."""

    vendor = _VENDOR

    def __init__(self, server: SmtpServer, signer: Signer | None = None) -> None:
        self._server = server
        self._signer = signer
        self._idle: list[aiosmtplib.SMTP] = []
        self._slots = asyncio.Semaphore(server.connections)
        self._inbox = VendorClient("inbox", server.lookup_url, timeout=5) if server.lookup_url else None

    async def carry(self, mail: Mail) -> str:
        """Hand the message to the server, signed where there is a signer. Raises a ``VendorFault``."""
        message = mail.message.as_bytes()
        if self._signer is not None:
            message = self._signer.signed(message, mail.sender.email)
        with calls.call(_VENDOR, "SEND"):
            async with self._connection() as connection:
                await self._converse(connection, mail.sender.email, mail.to, message)
        return mail.message_id

    async def carried(self, sought: Sought) -> str | None:
        """Ask the local inbox. Raises ``CannotTell`` when mail goes elsewhere: SMTP has no way to ask."""
        if self._inbox is None:
            raise CannotTell("an SMTP server can't be asked whether it took a message")
        answer = await self._inbox.request(
            "GET", "/api/messages", params={"message_id": sought.message_id, "limit": 1}, harmless_to_repeat=True
        )
        return sought.message_id if _total(answer) else None

    async def check(self) -> list[Finding]:
        """Connect, and log in where a user is set. Raises a ``VendorFault`` when either is refused."""
        server = self._server
        async with self._connection():
            pass
        secured = {"none": "without encryption", "starttls": "encrypted by STARTTLS", "tls": "encrypted"}
        login = f"logged in as {server.username}" if server.username else "without a login"
        signed = "mail is signed (DKIM)" if self._signer else "mail is not signed here: the relay has to (DKIM)"
        safe = server.security != "none" or not server.username
        return [
            Finding(f"{server.host}:{server.port} was reached, {secured[server.security]}, {login}", well=True),
            Finding(
                "the password leaves encrypted" if safe else "the password leaves without encryption",
                well=safe,
                remedy="Set TENDRIL_SMTP_SECURITY to starttls or tls.",
            ),
            Finding(signed, well=True),
        ]

    async def close(self) -> None:
        """Say goodbye on every idle connection."""
        while self._idle:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._idle.pop().quit()
        if self._inbox is not None:
            await self._inbox.close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """An open connection, kept for the next touch unless this one went wrong."""
        async with self._slot():
            connection = self._reusable() or await self._connect()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Room for one more conversation. While the server hangs there is none: that nothing was sent is certain then,
        and must be said before the whole attempt runs out of time, of which nobody could tell.
        """
        try:
            await asyncio.wait_for(self._slots.acquire(), _SLOT)
        except TimeoutError:
            raise TransientFault("every connection is in use", vendor=_VENDOR, code="busy") from None
        try:
            yield
        finally:
            self._slots.release()

    def _reusable(self) -> aiosmtplib.SMTP | None:
        """An idle connection that the server has not closed meanwhile."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_connected:
                return connection
        return None

    async def _connect(self) -> aiosmtplib.SMTP:
        server = self._server
        connection = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=server.timeout,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=_tls(server) if server.security != "none" else None,
            username=server.username or None,
            password=server.password or None,
            # The default asks the DNS for a name, which can take seconds and changes nothing for a relay that knows us.
            local_hostname=socket.gethostname(),
        )
        try:
            await connection.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _connect_fault(error) from None
        return connection

    async def _converse(self, connection: aiosmtplib.SMTP, sender: str, to: str, message: bytes) -> None:
        step = Step.SENDER
        try:
            await connection.mail(sender)
            step = Step.RECIPIENT
            await connection.rcpt(to)
            step = Step.DATA
            await connection.data(message)
        except aiosmtplib.SMTPResponseException as error:
            raise fault(step, error.code, error.message) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise TransientFault(
                f"the SMTP conversation broke off at {step.value} ({type(error).__name__})",
                vendor=_VENDOR,
                code="no_answer",
                certainly_not_sent=step is not Step.DATA,
            ) from None


def _tls(server: SmtpServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca or None)


def _connect_fault(error: Exception) -> VendorFault:
    """Whose fault it is that there is no connection; nothing was sent in any case."""
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return fault(Step.LOGIN, error.code, error.message)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return fault(Step.CONNECT, error.code, error.message)
    if _certificate_refused(error):
        return OurFault("the SMTP server's certificate is not trusted", vendor=_VENDOR, code="certificate")
    if not isinstance(error, OSError):
        # aiosmtplib's network failures are all OSErrors; what is left is a server that offers no STARTTLS or no login.
        return OurFault("the SMTP server offers no STARTTLS or no login that we know", vendor=_VENDOR, code="security")
    return TransientFault(
        f"the SMTP server could not be reached ({type(error).__name__})", vendor=_VENDOR, code="connect"
    )


def _certificate_refused(error: BaseException | None) -> bool:
    if error is None or isinstance(error, ssl.SSLCertVerificationError):
        return error is not None
    return _certificate_refused(error.__cause__ or error.__context__)


def _total(answer: httpx.Response) -> int:
    return int(answer.json()["total"])


def vendor(open_carrier: Callable[[], SmtpCarrier]) -> Vendor[VendorSettings, SmtpCarrier]:
    """As ``tendril connect`` sees it: its settings are the deployment's own, which ``open_carrier`` knows."""
    return Vendor(
        name=_VENDOR,
        title="Any SMTP server",
        settings=VendorSettings,
        adapter=lambda _settings: open_carrier(),
        check=SmtpCarrier.check,
        carries=("mail, unless TENDRIL_EMAIL_VENDOR names another",),
    )
