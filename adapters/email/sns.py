"""Amazon SNS over HTTPS: messages of one topic, by whom they are signed, and the confirmation that they are wanted.

Source: docs.aws.amazon.com/sns, Verifying the signatures of Amazon SNS messages, and the JSON formats of subscription
confirmations and notifications: RSA over some of the fields by name, with SHA-1 (version 1) or SHA-256 (version 2). The
certificate is named by the message itself, so it counts only when it is fetched over HTTPS from SNS in the topic's own
region; and what is signed counts only for the topic that was configured, since anybody can have one of their own.
What is signed is signed whatever is in it: a confirmation's ``Message`` is two lines, and SES ends an event's with a
line break (as recorded in github.com/anymail/django-anymail, tests/test_amazon_ses_webhooks.py).
SNS tries for an hour at most. What is answered 4xx it does not send again, anything from 500 on it does.
"""

import base64
import binascii
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from adapters.inbound import Forged
from adapters.inbound_json import moment, parsed_object, text, text_or, words
from domain.errors import Refused, TransientFault

#: An hour of tries, and clocks that differ.
_OLDEST = timedelta(minutes=75)
_AHEAD = timedelta(minutes=5)
_SECONDS = 5.0
_HASHES: Mapping[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - SNS's default
#: Which fields are signed, in this order.
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    "Notification": _NOTIFICATION,
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
_TOPIC = re.compile(r"arn:(aws[a-z-]*):sns:([a-z0-9-]+):\d{12}:[\w-]{1,256}(\.fifo)?", re.ASCII)
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9a-f]{32}\.pem")
_KEPT = 16


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """A message as SNS sends it, not verified."""

    type: str
    topic: str
    message: str
    fields: Mapping[str, Any]

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Raises ``ValueError``, also when the topic delivers raw messages, which nobody signs."""
        fields = parsed_object(body)
        return cls(text(fields, "Type"), text(fields, "TopicArn"), words(fields, "Message"), fields)

    def signed_part(self) -> bytes:
        """Raises ``ValueError`` for a type that SNS does not have, or a field that is missing."""
        if self.type not in _SIGNED:
            raise ValueError("the type is none of SNS's")
        named = [name for name in _SIGNED[self.type] if name != "Subject" or "Subject" in self.fields]
        return "".join(f"{name}\n{words(self.fields, name)}\n" for name in named).encode()


class Sns:
    """One topic. ``url`` is where SNS is reached in the place of its own address, for its stand-in.

    ``fetch`` gets what is at an address of SNS; it may block, and so may ``verify``, once for each certificate.
    Raises ``Refused`` when ``topic`` is no topic's ARN.
    """

    def __init__(self, topic: str, url: str = "", fetch: Callable[[str], bytes] | None = None) -> None:
        found = _TOPIC.fullmatch(topic)
        if found is None:
            raise Refused(
                f"“{topic}” is no SNS topic.", "Set TENDRIL_SES_TOPIC_ARN to arn:aws:sns:REGION:ACCOUNT:NAME."
            )
        self._topic = topic
        self._host = f"sns.{found[2]}.amazonaws.com" + (".cn" if found[1] == "aws-cn" else "")
        self._url = url.rstrip("/") or f"https://{self._host}"
        self._fetch = fetch or _fetched
        self._keys: dict[str, rsa.RSAPublicKey] = {}
        self._fetching = threading.Lock()

    def verify(self, body: bytes, now: datetime) -> None:
        """Raises ``Forged``; a ``TransientFault`` when the certificate can't be fetched."""
        try:
            message = SnsMessage.read(body)
            signed, at = message.signed_part(), moment(text(message.fields, "Timestamp"))
            signature = base64.b64decode(text(message.fields, "Signature"), validate=True)
        except (ValueError, binascii.Error):
            raise Forged("it is no signed message of SNS") from None
        if message.topic != self._topic:
            raise Forged("it is a message of another topic than TENDRIL_SES_TOPIC_ARN")
        if not now - _OLDEST <= at <= now + _AHEAD:
            raise Forged("the message is too far from now")
        algorithm = _HASHES.get(text_or(message.fields, "SignatureVersion"))
        if algorithm is None:
            raise Forged("the version of the signature is neither 1 nor 2")
        try:
            self._key(text_or(message.fields, "SigningCertURL")).verify(
                signature, signed, padding.PKCS1v15(), algorithm
            )
        except InvalidSignature:
            raise Forged("the signature is not made with SNS's certificate") from None

    async def confirm(self, message: SnsMessage) -> bool:
        """Say that the topic's messages are wanted. Of the message, which is verified, only the token is used."""
        query = {"Action": "ConfirmSubscription", "TopicArn": self._topic, "Token": text_or(message.fields, "Token")}
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
            try:
                return (await client.get(f"{self._url}/", params=query)).is_success
            except httpx.HTTPError:
                return False

    def _key(self, url: str) -> rsa.RSAPublicKey:
        if url not in self._keys:
            with self._fetching:
                self._keys[url] = self._certified(url)
                for oldest in list(self._keys)[:-_KEPT]:
                    del self._keys[oldest]
        return self._keys[url]

    def _certified(self, url: str) -> rsa.RSAPublicKey:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise Forged("the certificate's address is none") from None
        plain = (parts.scheme, parts.netloc, parts.query) == ("https", self._host, "")
        if not (plain and _CERTIFICATE.fullmatch(parts.path)):
            raise Forged("the certificate is not from SNS in the topic's region")
        try:
            key = x509.load_pem_x509_certificate(self._fetch(self._url + parts.path)).public_key()
        except ValueError:
            raise Forged("what is at the certificate's address is no certificate") from None
        if not isinstance(key, rsa.RSAPublicKey):
            raise Forged("the certificate is not for RSA")
        return key


def _fetched(url: str) -> bytes:
    """Raises ``Forged`` when there is nothing, ``TransientFault`` when nobody can say."""
    try:
        answer = httpx.get(url, timeout=_SECONDS, trust_env=False)
    except httpx.HTTPError as problem:
        raise _unfetched(type(problem).__name__) from None
    if answer.is_client_error:
        raise Forged("SNS knows no such certificate")
    if not answer.is_success:
        raise _unfetched(str(answer.status_code))
    return answer.content


def _unfetched(why: str) -> TransientFault:
    return TransientFault(f"SNS's certificate could not be fetched ({why})", vendor="ses", code="certificate")
