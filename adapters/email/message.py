"""Building the message of one touch: RFC 5322, with one-click unsubscribe (RFC 8058)."""

from datetime import datetime
from email.headerregistry import Address, BaseHeader
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from typing import cast

from domain.errors import LeadFault, OurFault
from domain.mail import name_of
from domain.playbook.models import Sender
from domain.ports import OutboundTouch, RenderedEmail

#: Every part travels as 7-bit text, so that no relay on the way has to convert it (and break a signature).
_ENCODING = "quoted-printable"


def message_id(key: str, sender: Sender) -> str:
    """The Message-ID of a touch, angle brackets included: the same for every attempt, and opaque."""
    return f"<{name_of(key)}@{sender.email.rpartition('@')[2].lower()}>"


def build(
    touch: OutboundTouch,
    rendered: RenderedEmail,
    sender: Sender,
    *,
    unsubscribe_url: str,
    mailbox: str,
    reply_to: str = "",
    now: datetime,
) -> EmailMessage:
    """The whole message. ``mailbox`` takes unsubscribe requests by mail; "" when nobody reads one. ``reply_to`` is in
    the place of the sender's own.

    Raises ``LeadFault`` when the lead's address can't be written to, ``OurFault`` when the sender's can't.
    """
    message = EmailMessage(policy=SMTP)
    for header in _always(sender):
        message[header.name] = header
    for name, value in ways_out(unsubscribe_url, mailbox).items():
        message[name] = value
    if reply_to or sender.reply_to:
        message["Reply-To"] = reply_to or sender.reply_to
    message["To"] = recipient(touch.email)
    message["Subject"] = " ".join(rendered.subject.split())
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(touch.key, sender)
    message.set_content(rendered.text, cte=_ENCODING)
    message.add_alternative(rendered.html, subtype="html", cte=_ENCODING)
    return message


def recipient(email: str) -> Address:
    """The lead's address, its domain in ASCII (IDNA). Raises ``LeadFault`` when it is not one mail can be sent to."""
    local, _, domain = email.strip().rpartition("@")
    try:
        # A local part beyond ASCII needs SMTPUTF8 at every relay on the way (RFC 6531), which can't be counted on.
        local.encode("ascii")
        address = Address(username=local, domain=domain.encode("idna").decode("ascii"))
    except (ValueError, IndexError):
        raise LeadFault("the lead's address is not valid", vendor="smtp", code="invalid_address") from None
    if not local or not domain:
        raise LeadFault("the lead has no valid address", vendor="smtp", code="invalid_address")
    return address


def ways_out(unsubscribe_url: str, mailbox: str) -> dict[str, str]:
    """The headers by which a reader leaves with one click (RFC 8058), or with one mail to ``mailbox`` (RFC 2369)."""
    ways = [f"<{unsubscribe_url}>"] + ([f"<mailto:{mailbox}?subject=unsubscribe>"] if mailbox else [])
    return {"List-Unsubscribe": ", ".join(ways), "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


@lru_cache(maxsize=64)
def _always(sender: Sender) -> tuple[BaseHeader, ...]:
    """The headers that are the same in every message of a sender: parsing them is half the work of a message."""
    try:
        sent_from = Address(display_name=sender.name, addr_spec=sender.email)
    except (ValueError, IndexError):
        raise OurFault("the playbook's sender.email is not a valid address", vendor="smtp", code="sender") from None
    return (_header("From", sent_from),)


def _header(name: str, value: Address | str) -> BaseHeader:
    message = EmailMessage(policy=SMTP)
    message[name] = value
    return cast(BaseHeader, message[name])  # what the SMTP policy makes of every header
