"""What Amazon SES tells through SNS, made and signed by the stand-in."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.email.ses import VENDOR, SesCarrier, SesSettings
from adapters.inbound import Forged, InboundRequest, Unreadable
from domain.words import DeliveryKind
from sandbox import ses, ses_events
from tests.adapters import ses_messages
from tests.adapters.hearing import hearing
from tests.adapters.inbound_contract import ADDRESS, HAPPENED, NOW, InboundContract
from tests.adapters.mails import KEY, mail

_NEVER = {DeliveryKind.REPLIED: "answers go to the sender's mailbox"}
_PARTS = ("Signature", "SignatureVersion", "SigningCertURL", "Timestamp", "TopicArn", "MessageId", "Type", "Message")
_NONSENSE: tuple[Any, ...] = ("", "nonsense", "=", "MEUCIQ==", "ä", "9" * 400, 7, None, [], {})
_STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class TestSessWebhook(InboundContract):
    never = _NEVER

    def inbound(self):
        return ses_messages.inbound()

    def event(self, kind, *, number=1, at=HAPPENED, key=KEY):
        return ses_messages.event(kind, number=number, at=at, key=key)

    def unknown(self):
        return self.event(DeliveryKind.DELIVERED) | {"eventType": "Teleportation"}

    def body(self, *events):
        [event] = events
        return json.dumps(event).encode()

    def signed(self, body, at=NOW, *, forged=False):
        """The signature is part of the body."""
        message = ses_events.notification(json.loads(body), at)
        return InboundRequest(ses_events.signed(message, key=_STRANGER if forged else None), {}, NOW)

    def stripped(self, request):
        for name in _PARTS:
            yield ses_messages.changed(request, lambda message, name=name: message.pop(name))

    def damaged(self, request):
        for name in _PARTS:
            for nonsense in _NONSENSE:
                yield ses_messages.changed(
                    request, lambda message, name=name, value=nonsense: message.update({name: value})
                )
        yield replace(request, body=b"[" * 100_000)

    def test_a_changed_body_is_forged(self):
        """SNS signs its fields by name, not the bytes between them."""
        for name in ("Message", "MessageId", "Timestamp", "Type"):
            request = self.signed(self.body(self.event(self.kinds[0])))
            changed = ses_messages.changed(
                request, lambda message, name=name: message.update({name: message[name] + " "})
            )
            for body in (changed.body, request.body[:-1], b""):
                with pytest.raises(Forged):
                    self.inbound().verify(replace(request, body=body))

    def _read(self, body):
        message = {"Type": "Notification", "TopicArn": ses_events.TOPIC, "Message": body.decode(errors="replace")}
        return super()._read(json.dumps(message).encode())


def test_a_greeting_in_plain_words_tells_nothing():
    message = ses_events.notification({}, NOW)
    message["Message"] = "Successfully validated SNS topic for Amazon SES event publishing."
    request = InboundRequest(ses_events.signed(message), {}, NOW)
    ses_messages.inbound().verify(request)
    assert ses_messages.inbound().read(request) == []


@pytest.mark.parametrize(
    ("given", "kind", "detail"),
    [
        ({"bounceType": "Permanent", "bounceSubType": "NoEmail"}, DeliveryKind.BOUNCED_HARD, "NoEmail"),
        ({"bounceType": "Permanent", "bounceSubType": "Suppressed"}, DeliveryKind.BOUNCED_HARD, "Suppressed"),
        (
            {"bounceType": "Permanent", "bounceSubType": "UnsubscribedRecipient"},
            DeliveryKind.UNSUBSCRIBED,
            "UnsubscribedRecipient",
        ),
        ({"bounceType": "Transient", "bounceSubType": "General"}, DeliveryKind.BOUNCED_SOFT, "General"),
        ({"bounceType": "Undetermined", "bounceSubType": "Undetermined"}, DeliveryKind.BOUNCED_SOFT, "Undetermined"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bounce_means(given, kind, detail):
    event = ses_messages.event(DeliveryKind.BOUNCED_HARD)
    event["bounce"] |= given
    [told] = ses_messages.inbound().read(ses_messages.request(event))
    assert (told.kind, told.detail) == (kind, f"{detail} 5.1.1")


def test_a_virus_is_a_mail_that_did_not_arrive():
    event = ses_messages.event(DeliveryKind.DELIVERED) | {"eventType": "Reject", "reject": {"reason": "Bad content"}}
    [told] = ses_messages.inbound().read(ses_messages.request(event))
    assert (told.kind, told.detail, told.at) == (DeliveryKind.BOUNCED_SOFT, "Reject", HAPPENED)


def test_leaving_one_topic_of_a_list_is_not_leaving():
    event = ses_messages.event(DeliveryKind.UNSUBSCRIBED)
    event["subscription"]["newTopicPreferences"] = {"unsubscribeAll": False}
    assert ses_messages.inbound().read(ses_messages.request(event)) == []


@pytest.mark.parametrize("name", ["Send", "Rendering Failure"])
def test_what_is_of_no_use_is_left_out(name):
    assert (
        ses_messages.inbound().read(
            ses_messages.request(ses_messages.event(DeliveryKind.DELIVERED) | {"eventType": name})
        )
        == []
    )


def test_a_notification_of_an_identity_is_known_by_sess_id_of_the_mail():
    event = ses_messages.event(DeliveryKind.BOUNCED_HARD)
    event["notificationType"] = event.pop("eventType")
    del event["mail"]["tags"]
    [told] = ses_messages.inbound().read(ses_messages.request(event))
    assert (told.about.touch, told.about.vendor_id, told.about.email) == ("", "0100-1", ADDRESS)


def test_of_several_who_may_have_complained_nobody_is_taken_for_the_one():
    event = ses_messages.event(DeliveryKind.COMPLAINED, key="")
    both = [{"emailAddress": ADDRESS}, {"emailAddress": "bo@example.com"}]
    event["complaint"]["complainedRecipients"] = both
    [told] = ses_messages.inbound().read(ses_messages.request(event))
    assert told.about.email == ""
    event = ses_messages.event(DeliveryKind.BOUNCED_HARD, key="")
    event["bounce"]["bouncedRecipients"] = both
    several = ses_messages.inbound().read(ses_messages.request(event))
    assert [one.about.email for one in several] == [ADDRESS, "bo@example.com"]
    assert len({one.id for one in several}) == 2


def test_an_event_that_lacks_something_is_put_aside_and_says_what():
    event = ses_messages.event(DeliveryKind.DELIVERED)
    del event["mail"]["messageId"]
    [told] = ses_messages.inbound().read(ses_messages.request(event))
    assert isinstance(told, Unreadable)
    assert told.why == "an event of SES: “messageId” is missing"


async def test_the_stand_in_tells_on_demand_and_we_read_it_through_its_sns(sandbox):
    settings = SesSettings(
        region="eu-west-1",
        access_key_id=ses.KEY,
        secret_access_key=ses.SECRET,
        topic_arn=ses_events.TOPIC,
        base_url=f"{sandbox.url}/ses",
        sns_url=f"{sandbox.url}/ses/sns",
    )
    await SesCarrier(settings).carry(mail())
    told: list[bytes] = []
    async with hearing(told) as url, httpx.AsyncClient(base_url=f"{sandbox.url}/ses", trust_env=False) as http:
        await http.post("/_webhook", json={"url": url})
        assert (await http.post("/_tell", json={"kinds": ["bounced_hard"]})).json() == [200]
        assert (await http.post("/_tell", json={"kinds": ["replied"]})).status_code == 400
    hearer = VENDOR.inbound(settings)
    request = InboundRequest(told[0], {}, datetime.now(UTC))
    await asyncio.to_thread(hearer.verify, request)
    assert [(one.kind, one.about.touch) for one in hearer.read(request)] == [(DeliveryKind.BOUNCED_HARD, KEY)]
    assert VENDOR.inbound(settings.model_copy(update={"topic_arn": ""})) is None
