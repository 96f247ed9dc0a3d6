"""Who Amazon SNS is, and whose word counts for that."""

from datetime import timedelta

import pytest

from adapters.email.ses_webhook import SesInbound
from adapters.inbound import Forged, InboundRequest
from domain.errors import Refused, TransientFault
from domain.words import DeliveryKind
from sandbox import ses_events
from tests.adapters import ses_messages
from tests.adapters.inbound_contract import NOW


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"{}", b'{"Type": 7}', b"\xff", b"[" * 100_000, b"x" * 9])
def test_what_is_no_message_of_sns_is_refused_whole(content):
    with pytest.raises(ValueError):
        ses_messages.inbound().read(InboundRequest(content, {}, NOW))


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_the_signature_are_known(version):
    """Version 1 is what a topic has unless somebody changes it."""
    message = ses_events.notification(ses_messages.event(DeliveryKind.DELIVERED), NOW)
    ses_messages.inbound().verify(InboundRequest(ses_events.signed(message, version), {}, NOW))
    del message["Subject"]
    ses_messages.inbound().verify(InboundRequest(ses_events.signed(message, version), {}, NOW))


@pytest.mark.parametrize("name", ["Message", "Subject"])
@pytest.mark.parametrize("words", ["two\r\nlines\n", "a\xa0space \u200d and\ta tab", "\u2028", "\0"], ids=range(4))
def test_what_is_signed_may_be_any_words(name, words):
    message = ses_events.notification({}, NOW) | {name: words}
    ses_messages.inbound().verify(InboundRequest(ses_events.signed(message), {}, NOW))


@pytest.mark.parametrize("words", ["", None, ["x"], "\ud800"], ids=range(4))
def test_what_nobody_can_have_signed_is_forged(words):
    request = InboundRequest(ses_events.signed(ses_events.notification({}, NOW)), {}, NOW)
    with pytest.raises(Forged, match="no signed message"):
        ses_messages.inbound().verify(ses_messages.changed(request, lambda message: message.update(Message=words)))


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{}.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-{}.pem",
        "https://evil.example/SimpleNotificationService-{}.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-{}.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-{}.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-{}.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{}.pem?x=1",
        "https://sns.eu-west-1.amazonaws.com/../SimpleNotificationService-{}.pem",
        "https://s3.amazonaws.com/bucket/SimpleNotificationService-{}.pem",
        "https://[::1",
        "",
    ],
)
def test_a_certificate_from_elsewhere_is_not_even_fetched(url):
    message = ses_events.notification(ses_messages.event(DeliveryKind.DELIVERED), NOW)
    request = InboundRequest(ses_events.signed(message), {}, NOW)
    other = ses_messages.changed(request, lambda message: message.update(SigningCertURL=url.format("0" * 32)))
    with pytest.raises(Forged, match=r"certificate|signed message"):
        ses_messages.inbound(fetch=_never).verify(other)


def test_a_certificate_is_fetched_once():
    fetched: list[str] = []

    def fetch(url: str) -> bytes:
        fetched.append(url)
        return ses_events.signer().certificate

    hearer = ses_messages.inbound(fetch=fetch)
    for number in range(3):
        hearer.verify(ses_messages.request(ses_messages.event(DeliveryKind.DELIVERED, number=number)))
    assert fetched == [ses_events.CERTIFICATE_URL]


def test_what_is_no_certificate_proves_nothing():
    with pytest.raises(Forged, match="no certificate"):
        ses_messages.inbound(fetch=lambda _url: b"<html>").verify(
            ses_messages.request(ses_messages.event(DeliveryKind.DELIVERED))
        )


def test_without_the_certificate_sns_is_asked_to_come_again():
    """What is answered 4xx it would not send again."""
    hearer = SesInbound(ses_events.TOPIC, "http://127.0.0.1:1")
    with pytest.raises(TransientFault, match="certificate could not be fetched"):
        hearer.verify(ses_messages.request(ses_messages.event(DeliveryKind.DELIVERED)))


def test_a_topic_of_somebody_elses_is_forged_however_well_it_is_signed():
    message = ses_events.notification(ses_messages.event(DeliveryKind.DELIVERED), NOW)
    other = message | {"TopicArn": "arn:aws:sns:eu-west-1:999999999999:tendril-mail"}
    with pytest.raises(Forged, match="another topic"):
        ses_messages.inbound().verify(InboundRequest(ses_events.signed(other), {}, NOW))


def test_what_sns_has_tried_for_an_hour_is_taken_still():
    request = InboundRequest(ses_events.signed(ses_events.notification({}, NOW - timedelta(hours=1))), {}, NOW)
    ses_messages.inbound().verify(request)


def test_a_topic_that_is_none_is_refused_at_once():
    with pytest.raises(Refused, match="no SNS topic"):
        SesInbound("tendril-mail")


def test_a_topic_in_china_has_its_certificates_there():
    hearer = SesInbound("arn:aws-cn:sns:cn-north-1:123456789012:mail")
    assert hearer._sns._url == "https://sns.cn-north-1.amazonaws.com.cn"


async def test_a_new_subscription_is_confirmed_with_sns_by_its_token(sandbox):
    hearer = ses_messages.inbound(sns_url=f"{sandbox.url}/ses/sns")
    request = InboundRequest(ses_events.signed(ses_events.confirmation(NOW)), {}, NOW)
    hearer.verify(request)
    assert hearer.read(request) == []
    assert (await hearer.reply(request, [])).status == 200
    sandbox.fail("ses", "500", path="sns")
    assert (await hearer.reply(request, [])).status == 503


async def test_no_address_in_a_confirmation_is_followed(sandbox):
    """Only its token is used, at SNS's own address, for the topic that is configured."""
    message = ses_events.confirmation(NOW) | {"SubscribeURL": f"{sandbox.url}/ses/v2/email/account"}
    hearer = ses_messages.inbound(sns_url="http://127.0.0.1:1")
    request = InboundRequest(ses_events.signed(message), {}, NOW)
    hearer.verify(request)
    assert (await hearer.reply(request, [])).status == 503


@pytest.mark.parametrize("kind", ["UnsubscribeConfirmation", "Notification"])
async def test_nothing_else_is_confirmed(kind):
    message = ses_events.confirmation(NOW) | {"Type": kind}
    hearer = ses_messages.inbound(sns_url="http://127.0.0.1:1")
    assert (await hearer.reply(InboundRequest(ses_events.signed(message), {}, NOW), [])).status == 200


def _never(url: str) -> bytes:
    raise AssertionError(f"{url} was fetched")
