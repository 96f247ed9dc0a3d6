"""What every way of sending mail does: hand over one finished mail, and be asked about it later.

``EmailChannel`` makes the mail; a carrier (SMTP, a vendor's API) takes it from there.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Protocol

from domain.playbook.models import Sender
from domain.ports import RenderedEmail
from domain.suppressions import Suppressed, Suppressing

__all__ = ["Mail", "MailCarrier", "Sought", "Suppressed", "Suppressing", "key_of", "reference"]


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, whole: as ``message`` (RFC 5322), and as the parts that APIs want. Personal data throughout.

    ``key`` is the touch's; ``message_id`` has its angle brackets; ``to`` is one address in ASCII; ``headers`` are those
    beyond From, To, Subject, Date, Reply-To and Message-ID (one-click unsubscribe).
    """

    key: str
    message_id: str
    sender: Sender
    to: str
    reply_to: str
    rendered: RenderedEmail
    headers: Mapping[str, str]
    message: EmailMessage


@dataclass(frozen=True, slots=True)
class Sought:
    """A mail that a vendor is asked about. ``since`` (aware) is shortly before the attempt nobody knows the end of.

    ``to`` is the address that attempt wrote to, "" where it is not known: a vendor that is asked by it must not be
    asked by another.
    """

    key: str
    message_id: str
    to: str
    since: datetime | None = None


class MailCarrier(Protocol):
    vendor: str

    async def carry(self, mail: Mail) -> str:
        """Hand it over once; returns the vendor's id of it. Raises a ``VendorFault``."""
        ...

    async def carried(self, sought: Sought) -> str | None:
        """The vendor's id when it took this mail, None when it certainly did not.

        Raises ``CannotTell`` when it can't be asked, or might not know yet; a ``VendorFault`` when it did not answer.
        """
        ...

    async def close(self) -> None: ...


def reference(key: str) -> str:
    """The touch's key as a word of letters, digits, ``-`` and ``_``: what every vendor takes as a tag."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def key_of(reference: str) -> str:
    """The key that a ``reference`` stands for; "" when it is not one of ours."""
    try:
        return base64.urlsafe_b64decode(reference + "=" * (-len(reference) % 4)).decode()
    except ValueError:
        return ""
