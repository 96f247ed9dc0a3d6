"""Mail that comes back, read from a mailbox over IMAP (RFC 3501).

The mailbox is opened with EXAMINE and messages are fetched with BODY.PEEK: nothing in it changes, no flag either, so
people and Tendril may share it. What was read is told by UID and UIDVALIDITY (2.3.1.1). A mailbox that is new, or that
numbers its messages anew, is read from a week back: each mail counts once whoever reads it twice.

aioimaplib has no STARTTLS (github.com/iroco-co/aioimaplib/issues/1, open in November 2026): it is done here, by 6.2.1.
A server that does not offer it is refused before the password is told, and what it said before counts no more.
"""

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import aioimaplib
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from adapters.vendor import Finding, Vendor, VendorSettings
from domain.errors import OurFault, TransientFault, VendorFault

NAME = "imap"
#: How far back a mailbox is read that was never read before.
_BACK = timedelta(days=7)
#: Months as SEARCH wants them, whatever the locale.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_GONE = (aioimaplib.AioImapException, OSError, TimeoutError, asyncio.IncompleteReadError)
T = TypeVar("T")
#: The library writes what it reads into the log, people's words among it.
logging.getLogger("aioimaplib").setLevel(logging.CRITICAL)
logging.getLogger(aioimaplib.aioimaplib.__name__).setLevel(logging.CRITICAL)


class ImapSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_IMAP_")

    host: str = Field(min_length=1, description="IMAP server of the mailbox that replies come to.")
    port: int = Field(993, ge=1, le=65535, description="Port of the IMAP server; with `starttls` most often 143.")
    security: Literal["tls", "starttls", "none"] = Field(
        "tls", description="How the connection is secured; `none` is for a server on the same machine."
    )
    username: str = Field("", description="IMAP user.")
    password: SecretStr = Field(SecretStr(""), description="IMAP password.")
    folder: str = Field("INBOX", min_length=1, description="Folder that is read; it is never changed.")
    interval: float = Field(60.0, gt=0, description="Seconds between looks into it.")
    most_bytes: int = Field(
        262_144, ge=4096, description="Most bytes that are read of one mail; attachments come after its words."
    )
    timeout: float = Field(20.0, gt=0, description="Seconds for each step.")


@dataclass(frozen=True, slots=True)
class Place:
    """As ``storage.mailboxes.Place``."""

    validity: int
    next_uid: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A mailbox that is open: the numbering in force, and the number that the next mail will have."""

    validity: int
    uid_next: int
    client: aioimaplib.IMAP4


class ImapMailbox:
    """One folder of one account. Connects for each look."""

    def __init__(self, settings: ImapSettings) -> None:
        self._settings = settings
        #: What its place is kept under.
        self.name = f"{settings.username}@{settings.host}/{settings.folder}"

    async def came(self, since: Place | None, now: datetime, limit: int) -> AsyncIterator[tuple[Place, bytes | None]]:
        """Mails that came since, oldest first, at most so many, each with the place after it.

        Ends with the place itself and None, once there is no more for now. Raises a ``VendorFault``.
        """
        async with self._opened() as opened:
            known = since if since and since.validity == opened.validity else None
            waiting = await self._waiting(opened, known, now)
            for uid in waiting[:limit]:
                raw = await self._fetched(opened, uid)
                after = Place(opened.validity, uid + 1)
                yield after, raw
            if len(waiting) <= limit:
                begun = known.next_uid if known else 1
                last = waiting[-1] + 1 if waiting else begun
                yield Place(opened.validity, max(last, begun if known else opened.uid_next)), None

    async def check(self) -> Finding:
        """Whether it can be opened."""
        try:
            async with self._opened():
                return Finding(f"the folder {self._settings.folder} can be read", well=True)
        except VendorFault as fault:
            return Finding(str(fault), well=False, remedy="Check TENDRIL_IMAP_HOST, user, password and folder.")

    async def close(self) -> None:
        """Nothing is held between looks."""

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Opened]:
        client = self._client()
        try:
            await self._step(client.wait_hello_from_server())
            if self._settings.security == "starttls":
                await self._secured(client)
            user, password = self._settings.username, self._settings.password.get_secret_value()
            await self._said(client.login(user, password), "the login", fault="login")
            lines = await self._said(client.examine(_quoted(self._settings.folder)), "the folder", fault="folder")
            client.protocol.state = aioimaplib.SELECTED  # the library leaves that to SELECT
            yield Opened(_number(lines, "UIDVALIDITY"), _number(lines, "UIDNEXT", 1), client)
        finally:
            await _left(client)

    def _client(self) -> aioimaplib.IMAP4:
        host, port, timeout = self._settings.host, self._settings.port, self._settings.timeout
        if self._settings.security != "tls":
            return aioimaplib.IMAP4(host, port, timeout=timeout)
        return aioimaplib.IMAP4_SSL(host, port, timeout=timeout, ssl_context=ssl.create_default_context())

    async def _secured(self, client: aioimaplib.IMAP4) -> None:
        """Go on under TLS. Raises ``OurFault`` when the server does not do that, or nobody vouches for it."""
        connection, loop = client.protocol, asyncio.get_running_loop()
        if "STARTTLS" not in connection.capabilities:
            raise OurFault("the IMAP server does not offer STARTTLS", vendor=NAME, code="starttls")
        starting = connection.execute(aioimaplib.Command("STARTTLS", connection.new_tag(), loop=loop))
        await self._said(asyncio.wait_for(starting, self._settings.timeout), "STARTTLS", fault="starttls")
        context, host = ssl.create_default_context(), self._settings.host
        plain = connection.transport
        upgraded = loop.start_tls(
            plain, connection, context, server_hostname=host, ssl_handshake_timeout=self._settings.timeout
        )
        # What came before anybody vouched for it is forgotten.
        connection.incomplete_line, connection.current_command, connection.capabilities = b"", None, set()
        connection.transport = await self._step(upgraded)
        await self._step(asyncio.wait_for(connection.capability(), self._settings.timeout))

    async def _waiting(self, opened: Opened, since: Place | None, now: datetime) -> list[int]:
        """Numbers of what came since. Of ``n:*`` a server names the last message even when it is below n."""
        if since is not None:
            wanted, least = (f"UID {since.next_uid}:*",), since.next_uid
        else:
            back = now - _BACK
            wanted, least = (f"SINCE {back.day}-{_MONTHS[back.month - 1]}-{back.year}",), 1
        lines = await self._said(opened.client.uid_search(*wanted, charset=None), "a search")
        found = {int(word) for line in lines for word in bytes(line).split() if word.isdigit()}
        return sorted(uid for uid in found if uid >= least)

    async def _fetched(self, opened: Opened, uid: int) -> bytes | None:
        """The mail's beginning; None when somebody has removed it meanwhile."""
        part = f"(BODY.PEEK[]<0.{self._settings.most_bytes}>)"
        lines = await self._said(opened.client.uid("fetch", str(uid), part), "a fetch")
        return next((bytes(line) for line in lines if isinstance(line, bytearray)), None)

    async def _said(self, command: Awaitable[aioimaplib.Response], what: str, *, fault: str = "") -> Sequence[bytes]:
        """The lines of an answer. Raises ``OurFault`` for a refusal that lasts, ``TransientFault`` for others."""
        answer = await self._step(command)
        if answer.result == "OK":
            lines: Sequence[bytes] = answer.lines
            return lines
        message = f"the IMAP server refused {what}"
        if fault and not any(b"[UNAVAILABLE]" in bytes(line) for line in answer.lines):  # RFC 5530
            raise OurFault(message, vendor=NAME, code=fault)
        raise TransientFault(message, vendor=NAME, code=answer.result.lower())

    async def _step(self, step: Awaitable[T]) -> T:
        try:
            return await step
        except ssl.SSLCertVerificationError:
            raise OurFault("the IMAP server's certificate is not trusted", vendor=NAME, code="certificate") from None
        except _GONE as error:
            message = f"the IMAP server could not be reached ({type(error).__name__})"
            raise TransientFault(message, vendor=NAME, code="connect") from None


def _number(lines: Sequence[bytes], name: str, otherwise: int | None = None) -> int:
    """A number of EXAMINE's answer, such as ``[UIDNEXT 7]``. Raises ``OurFault`` when the server names none."""
    for line in lines:
        if found := re.search(rb"\[" + name.encode() + rb" (\d+)\]", bytes(line), re.IGNORECASE):
            return int(found[1])
    if otherwise is None:
        raise OurFault(f"the IMAP server names no {name}", vendor=NAME, code=name.lower())
    return otherwise


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


async def _left(client: aioimaplib.IMAP4) -> None:
    """Whether the server hears it changes nothing."""
    transport = getattr(client.protocol, "transport", None)
    if transport is None or transport.is_closing():
        return
    try:
        async with asyncio.timeout(2):
            await client.logout()
    except (*_GONE, AttributeError):
        pass
    finally:
        client.protocol.transport.close()


async def _check(mailbox: ImapMailbox) -> list[Finding]:
    return [await mailbox.check()]


VENDOR = Vendor(
    name=NAME,
    title="A mailbox over IMAP",
    settings=ImapSettings,
    adapter=ImapMailbox,
    check=_check,
    carries=("replies, automatic answers and bounces, read and left as they are",),
)
