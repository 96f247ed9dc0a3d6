"""Mail that comes back, handed over by a vendor's inbound webhook as it arrived there (raw MIME).

=================  ======================================================  ==========================================
webhook            what it is there                                        the mail is
=================  ======================================================  ==========================================
postmark-mail      an inbound stream, with "Include raw email content"     ``RawEmail`` of the JSON
mailgun-mime       a route's ``forward()``; an address that ends with      ``body-mime`` of the form
                   "mime" gets the mail as it came
sendgrid-mail      Inbound Parse, with "Post the raw, full MIME message"   ``email`` of the form
                   and a security policy that signs
ses-mail           a receipt rule's SNS action, mails of up to 150 KB      ``content`` of the notification, which may
                                                                           be in base64
=================  ======================================================  ==========================================

Sources, read in November 2026: postmarkapp.com/developer, "Parse an email"; documentation.mailgun.com, "Receive HTTP";
twilio.com/docs/sendgrid, "Setting Up the Inbound Parse Webhook" and "Securing your Inbound Parse Webhooks";
docs.aws.amazon.com/ses, "Contents of notifications for Amazon SES email receiving". Who called is told as by each
vendor's other webhook. What a mail tells: ``received``.
"""

import base64
import binascii
import io
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import python_multipart
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from python_multipart.exceptions import FormParserError

from adapters.email.mailgun_webhook import MailgunSignature
from adapters.email.postmark_webhook import PostmarkInbound
from adapters.email.received import Came, told
from adapters.email.sendgrid_webhook import SendGridInbound
from adapters.email.ses_webhook import SesInbound
from adapters.email.sns import SnsMessage
from adapters.inbound import Inbound, InboundRequest, Reply, Told
from adapters.inbound_json import parsed_object, part, text_or
from adapters.vendor import AnyVendor, Finding, OnlyHeard, Vendor, VendorSettings
from domain.errors import Refused

#: Bytes of a mail that are read, as of one in a mailbox: attachments come after its words.
_MOST = 262_144
Verify = Callable[[InboundRequest], None]
Answered = Callable[[InboundRequest, list[Told]], Awaitable[Reply]]


async def _nothing(_request: InboundRequest, _told: list[Told]) -> Reply:
    return Reply()


class MailIn:
    """``adapters.inbound.Inbound``. ``came`` finds the mail, None where the request holds none."""

    #: What people wrote is read for what it is, and not kept.
    private = True

    def __init__(
        self, vendor: str, verify: Verify, came: Callable[[InboundRequest], Came | None], answered: Answered = _nothing
    ) -> None:
        self.vendor = vendor
        self._verify = verify
        self._came = came
        self._answered = answered

    def verify(self, request: InboundRequest) -> None:
        self._verify(request)

    def read(self, request: InboundRequest) -> list[Told]:
        """Raises ``ValueError`` when the mail is not where this vendor puts it, or can't be taken apart."""
        came = self._came(request)
        return told(replace(came, raw=came.raw[:_MOST])) if came is not None else []

    async def reply(self, request: InboundRequest, told: list[Told]) -> Reply:
        return await self._answered(request, told)


# Postmark: JSON, with the name and the password of the webhook's address.


class PostmarkMailSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_POSTMARK_MAIL_")

    username: str = Field("tendril", description="User name in the address of the inbound webhook.")
    password: SecretStr = Field(SecretStr(""), description="Password in it; empty: no mail is taken.")


def _of_postmark(request: InboundRequest) -> Came:
    body = parsed_object(request.body)
    return Came(_words(body, "RawEmail").encode(errors="replace"), request.at, text_or(body, "OriginalRecipient"))


def _postmark(settings: PostmarkMailSettings) -> Inbound | None:
    password = settings.password.get_secret_value()
    if not password:
        return None
    return MailIn("postmark-mail", PostmarkInbound(settings.username, password).verify, _of_postmark)


# Mailgun: a form, signed in itself.


class MailgunMailSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_MAILGUN_MIME_")

    signing_key: SecretStr = Field(
        SecretStr(""), description="HTTP webhook signing key, for mail by a route; empty: none is taken."
    )


def _of_mailgun(request: InboundRequest) -> Came:
    fields = form(request)
    return Came(_field(fields, "body-mime"), request.at, _printable(fields.get("recipient", b"")))


def _mailgun(settings: MailgunMailSettings) -> Inbound | None:
    key = settings.signing_key.get_secret_value()
    if not key:
        return None
    signature = MailgunSignature(key)

    def verify(request: InboundRequest) -> None:
        try:
            fields = form(request)
        except ValueError:
            fields = {}
        names = ("timestamp", "token", "signature")
        signature.verify({name: _printable(fields[name]) for name in names if name in fields}, request)

    return MailIn("mailgun-mime", verify, _of_mailgun)


# SendGrid: a form, signed as its events are.


class SendGridMailSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_SENDGRID_MAIL_")

    public_key: str = Field(
        "", description="Public key of the Parse webhook's security policy; empty: no mail is taken."
    )


def _of_sendgrid(request: InboundRequest) -> Came:
    fields = form(request)
    envelope = parsed_object(fields.get("envelope", b"{}"))
    to = envelope.get("to")
    first = to[0] if isinstance(to, list) and to and isinstance(to[0], str) else ""
    return Came(_field(fields, "email"), request.at, first)


def _sendgrid(settings: SendGridMailSettings) -> Inbound | None:
    if not settings.public_key:
        return None
    try:
        events = SendGridInbound(settings.public_key)
    except Refused:
        raise Refused(
            "TENDRIL_SENDGRID_MAIL_PUBLIC_KEY is no public key of SendGrid's.",
            "Copy it from the answer to making the Parse webhook's security policy.",
        ) from None
    return MailIn("sendgrid-mail", events.verify, _of_sendgrid)


# Amazon SES: a notification by SNS.


class SesMailSettings(VendorSettings):
    model_config = SettingsConfigDict(env_prefix="TENDRIL_SES_MAIL_")

    topic_arn: str = Field("", description="SNS topic of the receipt rule's action; empty: no mail is taken.")


def _of_ses(request: InboundRequest) -> Came | None:
    message = SnsMessage.read(request.body)
    if message.type != "Notification" or not message.message.startswith("{"):
        return None
    event = parsed_object(message.message.encode(errors="replace"))
    if text_or(event, "notificationType") != "Received":
        return None
    to = part(event, "receipt").get("recipients")
    first = to[0] if isinstance(to, list) and to and isinstance(to[0], str) else ""
    return Came(_plain(_words(event, "content")), request.at, first)


def _plain(content: str) -> bytes:
    """Of the two encodings only base64 has no colon: every mail has a header."""
    if ":" in content:
        return content.encode(errors="replace")
    try:
        return base64.b64decode(content)
    except (binascii.Error, ValueError):
        raise ValueError("“content” is neither a mail nor base64") from None


def _ses(settings: SesMailSettings) -> Inbound | None:
    if not settings.topic_arn:
        return None
    events = SesInbound(settings.topic_arn)
    return MailIn("ses-mail", events.verify, _of_ses, events.reply)


# What they have in common.


def form(request: InboundRequest) -> dict[str, bytes]:
    """A form's fields and files by name, the last of each. Raises ``ValueError``."""
    fields: dict[str, bytes] = {}
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("application/x-www-form-urlencoded"):
        pairs = parse_qsl(
            request.body.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=200
        )
        return {_printable(name.encode("latin-1")): value.encode("latin-1") for name, value in pairs}

    def field(one: Any) -> None:
        fields[_printable(one.field_name or b"")] = one.value or b""

    def file(one: Any) -> None:
        one.file_object.seek(0)
        fields[_printable(one.field_name or b"")] = one.file_object.read()

    headers = {"Content-Type": content_type.encode()}
    try:
        python_multipart.parse_form(headers, io.BytesIO(request.body), field, file)
    except (FormParserError, ValueError, LookupError):
        raise ValueError("the body is no form") from None
    return fields


def _field(fields: Mapping[str, bytes], name: str) -> bytes:
    if not fields.get(name):
        raise ValueError(f"“{name}” is missing: is the raw mail sent?")
    return fields[name]


def _words(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    if not isinstance(found, str) or not found:
        raise ValueError(f"“{name}” is missing: is the raw mail sent?")
    return found


def _printable(value: bytes) -> str:
    found = value.decode(errors="replace")
    return found if found.isprintable() else ""


async def _check(_heard: OnlyHeard) -> list[Finding]:
    """They call us; what they call with is shown by ``tendril connect`` itself."""
    return []


def _vendor(name: str, title: str, settings: type[Any], inbound: Callable[[Any], Inbound | None]) -> AnyVendor:
    return Vendor(
        name=name,
        title=title,
        settings=settings,
        adapter=lambda _settings: OnlyHeard(),
        check=_check,
        inbound=inbound,
        carries=("replies, automatic answers and bounces, by inbound webhook",),
    )


POSTMARK = _vendor("postmark-mail", "Mail in by Postmark", PostmarkMailSettings, _postmark)
MAILGUN = _vendor("mailgun-mime", "Mail in by Mailgun", MailgunMailSettings, _mailgun)
SENDGRID = _vendor("sendgrid-mail", "Mail in by SendGrid", SendGridMailSettings, _sendgrid)
SES = _vendor("ses-mail", "Mail in by Amazon SES", SesMailSettings, _ses)
VENDORS: tuple[AnyVendor, ...] = (POSTMARK, MAILGUN, SENDGRID, SES)
