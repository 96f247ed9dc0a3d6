"""What Mailgun tells, made and signed by its stand-in; the signature checked with Mailgun's own library."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from mailgun.security import SecurityGuard

from adapters.email.carrier import reference
from adapters.email.mailgun import MailgunCarrier, MailgunSettings
from adapters.email.mailgun_webhook import MailgunInbound
from adapters.inbound import Forged, InboundRequest, Unreadable
from domain.words import DeliveryKind
from sandbox import mailgun_events
from sandbox.mailers import Event, SentMail
from tests.adapters.hearing import hearing
from tests.adapters.inbound_contract import ADDRESS, HAPPENED, NOW, InboundContract
from tests.adapters.mails import KEY, mail

DOMAIN = "mg.nurture.example"
_NEVER = {DeliveryKind.REPLIED: "answers go to the sender's mailbox; Mailgun is asked for no routes"}
_NO_SIGNATURE: tuple[Any, ...] = ("", "nonsense", "ä", "9" * 5000, 7, [], {})


class TestMailgunsWebhook(InboundContract):
    never = _NEVER
    signs_body = False

    def inbound(self):
        return MailgunInbound(mailgun_events.SIGNING_KEY)

    def event(self, kind, *, number=1, at=HAPPENED, key=KEY):
        return _event(kind, number=number, at=at, key=key)

    def unknown(self):
        return self.event(DeliveryKind.DELIVERED) | {"event": "teleported"}

    def body(self, *events):
        [event] = events
        return json.dumps(event).encode()

    def signed(self, body, at=NOW, *, forged=False):
        """The signature is part of the body."""
        key = "somebody-elses" if forged else mailgun_events.SIGNING_KEY
        return InboundRequest(mailgun_events.signed(json.loads(body), at, key), {}, NOW)

    def stripped(self, request):
        for name in ("signature", "token", "timestamp"):
            yield _with(request, **{name: None})
        yield replace(request, body=b"{}")

    def damaged(self, request):
        for name in ("signature", "token", "timestamp"):
            for nonsense in _NO_SIGNATURE:
                yield _with(request, **{name: nonsense})
        yield replace(request, body=b"[" * 100_000)

    def _read(self, body):
        return super()._read(b'{"event-data": %s}' % body)


def test_what_is_no_webhook_of_mailguns_is_refused_whole():
    inbound = MailgunInbound(mailgun_events.SIGNING_KEY)
    for content in (b"", b"null", b"[]", b"{}", b'{"event-data": []}', b"\xff", b"[" * 100_000):
        with pytest.raises(ValueError, match="event-data"):
            inbound.read(InboundRequest(content, {}, NOW))


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"severity": "permanent", "reason": "suppress-bounce"}, DeliveryKind.BOUNCED_HARD),
        ({"severity": "permanent", "reason": "suppress-complaint"}, DeliveryKind.COMPLAINED),
        ({"severity": "permanent", "reason": "suppress-unsubscribe"}, DeliveryKind.UNSUBSCRIBED),
        ({"severity": "permanent", "reason": "bounce", "delivery-status": {"code": 550}}, DeliveryKind.BOUNCED_HARD),
        ({"severity": "permanent", "reason": "espblock", "delivery-status": {}}, DeliveryKind.BOUNCED_SOFT),
        (
            {"severity": "permanent", "reason": "old", "delivery-status": {"bounce-type": "soft"}},
            DeliveryKind.BOUNCED_SOFT,
        ),
        ({"severity": "temporary", "reason": "greylisted"}, DeliveryKind.DEFERRED),
        ({"event": "rejected", "reject": {"reason": "Sandbox subdomains"}}, DeliveryKind.BOUNCED_SOFT),
    ],
    ids=lambda given: given if isinstance(given, str) else given.get("reason", "rejected"),
)
def test_a_failure_means(given, kind):
    """A hard bounce is about the mailbox; policy and a full mailbox are not, and suppress nobody."""
    event = _event(DeliveryKind.BOUNCED_HARD) | {"delivery-status": {}} | given
    [told] = MailgunInbound("key").read(_request(event))
    assert told.kind == kind


def test_only_what_is_about_an_address_is_told_by_the_address():
    read = MailgunInbound("key").read
    told = {kind: read(_request(_event(kind, key="")))[0] for kind in (DeliveryKind.OPENED, DeliveryKind.COMPLAINED)}
    assert {kind: one.about.email for kind, one in told.items()} == {
        DeliveryKind.OPENED: "",
        DeliveryKind.COMPLAINED: ADDRESS,
    }
    assert all(one.about.vendor_id for one in told.values())


def test_an_opening_says_who_opened():
    [told] = MailgunInbound("key").read(_request(_event(DeliveryKind.OPENED)))
    assert (told.visit.at, told.visit.address, "Firefox" in told.visit.agent) == (HAPPENED, "192.0.2.7", True)


@pytest.mark.parametrize(
    "variables",
    [{"tendril_touch": "newsletter"}, {"tendril_touch": 7}, {"tendril_touch": ["x"]}, {"tendril_touch": "bmV3cw"}, "x"],
)
def test_a_variable_of_somebody_elses_is_no_touch(variables):
    event = _event(DeliveryKind.DELIVERED) | {"user-variables": variables}
    assert MailgunInbound("key").read(_request(event))[0].about.touch == ""


def test_an_event_that_lacks_something_is_put_aside_and_says_what():
    event = _event(DeliveryKind.DELIVERED) | {"id": "", "timestamp": None}
    [told] = MailgunInbound("key").read(_request(event))
    assert isinstance(told, Unreadable)
    assert told.why.endswith("id, timestamp")


def test_a_token_is_good_for_one_body_and_its_repetitions():
    """The signature does not cover the event: whoever saw one could send others under it."""
    inbound = MailgunInbound(mailgun_events.SIGNING_KEY)
    request = InboundRequest(mailgun_events.signed({"event": "delivered"}, NOW), {}, NOW)
    inbound.verify(request)
    inbound.verify(request)
    other = json.loads(request.body) | {"event-data": {"event": "complained"}}
    with pytest.raises(Forged, match="token"):
        inbound.verify(replace(request, body=json.dumps(other).encode()))


def test_an_event_of_a_subaccount_is_signed_by_the_account_above_it():
    request = InboundRequest(mailgun_events.signed({"event": "delivered"}, NOW), {}, NOW)
    given = json.loads(request.body)["signature"]
    below = _with(request, signature="0" * 64, **{"parent-signature": given["signature"]})
    MailgunInbound(mailgun_events.SIGNING_KEY).verify(below)


async def test_the_stand_in_tells_on_demand(sandbox):
    settings = MailgunSettings(api_key="sandbox", domain=DOMAIN, base_url=f"{sandbox.url}/mailgun")
    await MailgunCarrier(settings).carry(mail())
    told: list[bytes] = []
    asking = httpx.AsyncClient(base_url=f"{sandbox.url}/mailgun", trust_env=False)
    async with hearing(told) as url, asking as http:
        await http.post("/_webhook", json={"url": url})
        assert (await http.post("/_tell", json={"kinds": ["bounced_hard"]})).json() == [200]
        assert (await http.post("/_tell", json={"kinds": ["replied"]})).status_code == 400
    inbound, request = MailgunInbound(mailgun_events.SIGNING_KEY), InboundRequest(told[0], {}, datetime.now(UTC))
    inbound.verify(request)
    assert (inbound.read(request)[0].kind, inbound.read(request)[0].about.touch) == (DeliveryKind.BOUNCED_HARD, KEY)


def test_mailguns_own_library_accepts_what_the_stand_in_signs():
    given = json.loads(mailgun_events.signed({}, datetime.fromtimestamp(time.time(), UTC)))["signature"]
    assert SecurityGuard.verify_webhook(
        mailgun_events.SIGNING_KEY, given["token"], given["timestamp"], given["signature"]
    )
    assert not SecurityGuard.verify_webhook("other", given["token"], given["timestamp"], given["signature"])


def _event(kind: DeliveryKind, *, number: int = 1, at: datetime = HAPPENED, key: str = KEY) -> dict[str, Any]:
    """About mail of ours; without ``key`` about somebody else's of the same account."""
    made = mail(key or "ld_other/1/0/other")
    ours = reference(key) if key else "summer-sale"
    body = {"domain": DOMAIN, "message": made.message.as_string(), "v:tendril_touch": ours}
    identity = made.message_id.strip("<>")
    sent = SentMail(id=identity, to=ADDRESS, subject="A guide", reference=ours, at=at.isoformat(), body=body)
    return mailgun_events.event(Event(sent, kind, at, number))


def _request(event) -> InboundRequest:
    return InboundRequest(json.dumps({"event-data": event}).encode(), {}, NOW)


def _with(request: InboundRequest, **given) -> InboundRequest:
    """The request with part of its signature replaced, or taken away where that is None."""
    content = json.loads(request.body)
    changed = content["signature"] | given
    content["signature"] = {name: value for name, value in changed.items() if value is not None}
    return replace(request, body=json.dumps(content).encode())
