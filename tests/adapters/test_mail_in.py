"""Mail that comes back by vendors' inbound webhooks: signed as each signs, read as it came, kept by nobody."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from adapters.email import mail_in
from adapters.email.ses_webhook import SesInbound
from adapters.inbound import Delivery, Forged, Inbound, InboundRequest
from adapters.vendor import AnyVendor
from domain.errors import Refused
from domain.mail import name_of
from sandbox import sendgrid as sendgrid_stand_in
from sandbox import ses_events
from tests.adapters.inbound_contract import NOW
from tests.adapters.mails import KEY

NAME = name_of(KEY)
TO = f"replies+{NAME}@example.com"
WORDS = "Grüße, what does it cost?"


def reply(to: str = TO) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ada.sample@example.com", to, "Re: A guide"
    message["Message-ID"] = "<m1@example.org>"
    message.set_content(WORDS)
    return message.as_bytes()


Made = Callable[[bytes, datetime, bool], InboundRequest]


@dataclass(frozen=True)
class Way:
    """A vendor's webhook, and how it would call with a mail. ``to`` is told beside the mail."""

    vendor: AnyVendor
    settings: dict[str, Any]
    made: Made
    signs_time: bool = True
    signs_body: bool = True

    def inbound(self) -> Inbound:
        if self.vendor is mail_in.SES:
            settled = SesInbound(ses_events.TOPIC, fetch=lambda _url: ses_events.signer().certificate)
            return mail_in.MailIn("ses-mail", settled.verify, mail_in._of_ses, settled.reply)
        found = self.vendor.inbound(self.vendor.settings(**self.settings))
        assert found is not None
        return found


def postmark(raw: bytes, at: datetime, forged: bool) -> InboundRequest:
    body = {"FromName": "Ada", "OriginalRecipient": TO, "RawEmail": raw.decode(), "TextBody": "x"}
    given = base64.b64encode(b"tendril:" + (b"other" if forged else b"password")).decode()
    return InboundRequest(json.dumps(body).encode(), {"authorization": f"Basic {given}"}, at)


def mailgun(raw: bytes, at: datetime, forged: bool) -> InboundRequest:
    timestamp, token = str(int(at.timestamp())), hashlib.sha256(raw).hexdigest()[:50]
    key = b"other" if forged else b"key"
    fields = {
        "recipient": TO,
        "body-mime": raw.decode(),
        "timestamp": timestamp,
        "token": token,
        "signature": hmac.new(key, f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest(),
    }
    body = str(httpx.QueryParams(fields)).encode()
    return InboundRequest(body, {"content-type": "application/x-www-form-urlencoded"}, at)


def sendgrid(raw: bytes, at: datetime, forged: bool) -> InboundRequest:
    made = httpx.Request(
        "POST",
        "https://nurture.example",
        data={"envelope": json.dumps({"to": [TO], "from": "ada.sample@example.com"}), "email": raw},
        files={"attachment1": b"x"},
    )
    body = made.read()
    headers = dict(sendgrid_stand_in.signature(body, at)) | {"content-type": made.headers["content-type"]}
    return InboundRequest(body + b" " if forged else body, headers, at)


def ses(raw: bytes, at: datetime, forged: bool, *, encoded: bool = False) -> InboundRequest:
    event = {
        "notificationType": "Received",
        "mail": {"messageId": "0100-1", "destination": [TO]},
        "receipt": {"recipients": [TO], "action": {"type": "SNS"}},
        "content": base64.b64encode(raw).decode() if encoded else raw.decode(),
    }
    signed = ses_events.signed(ses_events.notification(event, at))
    return InboundRequest(signed.replace(b"0100-1", b"0100-2") if forged else signed, {}, at)


WAYS = {
    "postmark": Way(mail_in.POSTMARK, {"password": "password"}, postmark, signs_time=False, signs_body=False),
    "mailgun": Way(mail_in.MAILGUN, {"signing_key": "key"}, mailgun, signs_body=False),
    "sendgrid": Way(mail_in.SENDGRID, {"public_key": sendgrid_stand_in.PUBLIC_KEY}, sendgrid),
    "ses": Way(mail_in.SES, {"topic_arn": ses_events.TOPIC}, ses),
    "ses in base64": Way(
        mail_in.SES, {"topic_arn": ses_events.TOPIC}, lambda raw, at, forged: ses(raw, at, forged, encoded=True)
    ),
}
every = pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))


@every
def test_a_reply_is_told_as_what_it_is(way: Way):
    request = way.made(reply(), NOW, False)
    inbound = way.inbound()
    inbound.verify(request)
    [told] = inbound.read(request)
    assert isinstance(told, Delivery)
    assert (told.kind, told.about.mail, told.at) == ("replied", NAME, NOW)


@every
def test_where_the_mail_hides_its_recipient_the_vendor_names_it(way: Way):
    [told] = way.inbound().read(way.made(reply("undisclosed-recipients:;"), NOW, False))
    assert isinstance(told, Delivery)
    assert told.about.mail == NAME


def test_of_a_large_mail_the_beginning_is_read():
    """Whole, this one would hold the API for half a minute."""
    raw = reply().replace(b'text/plain; charset="utf-8"', b"text/plain" + b"; a=b" * 200_000)
    [told] = WAYS["postmark"].inbound().read(postmark(raw, NOW, False))
    assert isinstance(told, Delivery)
    assert (told.kind, told.about.mail) == ("replied", NAME)


@every
def test_what_somebody_else_sent_is_forged(way: Way):
    with pytest.raises(Forged):
        way.inbound().verify(way.made(reply(), NOW, True))
    with pytest.raises(Forged):
        way.inbound().verify(InboundRequest(b"", {}, NOW))


@every
def test_a_request_of_another_day_is_forged_where_the_time_is_signed(way: Way):
    request = replace(way.made(reply(), NOW - timedelta(days=1), False), at=NOW)
    if way.signs_time:
        with pytest.raises(Forged):
            way.inbound().verify(request)
    else:
        way.inbound().verify(request)


async def test_sess_topic_for_mail_is_confirmed_as_its_other_one_is(sandbox):
    events = SesInbound(ses_events.TOPIC, f"{sandbox.url}/ses/sns", lambda _url: ses_events.signer().certificate)
    inbound = mail_in.MailIn("ses-mail", events.verify, mail_in._of_ses, events.reply)
    request = InboundRequest(ses_events.signed(ses_events.confirmation(NOW)), {}, NOW)
    inbound.verify(request)
    assert inbound.read(request) == []
    assert (await inbound.reply(request, [])).status == 200
    sandbox.fail("ses", "500", path="sns")
    assert (await inbound.reply(request, [])).status == 503


def test_a_signature_beside_the_mail_counts_for_one_mail_only():
    inbound, request = WAYS["mailgun"].inbound(), mailgun(reply(), NOW, False)
    for _ in range(2):
        inbound.verify(request)
    with pytest.raises(Forged):
        inbound.verify(replace(request, body=request.body + b"&x=1"))


@every
def test_without_the_raw_mail_it_says_what_is_missing(way: Way):
    request = way.made(reply(), NOW, False)
    names = (b"RawEmail", b"body-mime", b'name="email"', b'\\"content\\"')
    others = (b"NoEmail", b"body-text", b'name="text"', b'\\"nothing\\"')
    for name, other in zip(names, others, strict=True):
        request = replace(request, body=request.body.replace(name, other))
    with pytest.raises(ValueError, match="is missing"):
        way.inbound().read(request)


@every
@pytest.mark.parametrize("body", [b"", b"null", b"{}", b"[", b"\xff\x00", b"a=1", b"[" * 50_000], ids=range(7))
def test_garbage_is_refused_as_a_value_and_never_otherwise(way: Way, body):
    types = ("", "application/json", "multipart/form-data; boundary=b", "multipart/form-data", "text/x; y")
    for content_type in types:
        try:
            assert way.inbound().read(InboundRequest(body, {"content-type": content_type}, NOW)) == []
        except ValueError:
            continue


@every
async def test_it_is_answered_that_all_is_well(way: Way):
    request = way.made(reply(), NOW, False)
    assert (await way.inbound().reply(request, [])).status == 200


def test_where_no_secret_is_set_nobody_is_heard():
    assert [vendor.inbound(vendor.settings()) for vendor in mail_in.VENDORS] == [None] * 4


def test_a_key_that_is_none_names_its_own_setting():
    with pytest.raises(Refused, match="TENDRIL_SENDGRID_MAIL_PUBLIC_KEY"):
        mail_in.SENDGRID.inbound(mail_in.SENDGRID.settings(public_key="nonsense"))


def test_mailgun_gets_the_mail_as_it_came_only_by_an_address_that_ends_so():
    assert mail_in.MAILGUN.name.endswith("mime")
