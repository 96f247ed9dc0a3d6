"""SendGrid: against its stand-in, its OpenAPI document, and its own SDK."""

import asyncio
import base64
import json
import runpy
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import files
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jsonschema import Draft202012Validator
from sendgrid import SendGridAPIClient
from sendgrid.helpers.eventwebhook import EventWebhook
from sendgrid.helpers.mail import Mail as SdkMail

from adapters.email.carrier import Sought, key_of, reference
from adapters.email.sendgrid import PAGE, VENDOR, SendGridClient
from adapters.email.sendgrid_webhook import SendGridInbound
from adapters.inbound import Delivery, InboundRequest
from domain.errors import CannotTell, Refused, TransientFault
from domain.words import DeliveryKind
from sandbox.answers import VendorError
from sandbox.mailers import Event, Mailer, SentMail, Unwilling
from sandbox.sendgrid import PUBLIC_KEY, error, event, signature
from tests.adapters.inbound_contract import ADDRESS, HAPPENED, NOW, InboundContract
from tests.adapters.mail_contract import AgainstAStandIn, Held, MailCarrierContract, SuppressingContract
from tests.adapters.mails import KEY, mail, sought

SPEC = Path(__file__).parents[2].parent / "shared" / "specs" / "sendgrid-mail-v3.json"


class OnSendGrid(AgainstAStandIn):
    vendor = VENDOR

    def settings(self, url):
        return {"base_url": f"{url}/sendgrid", "api_key": "sandbox"}

    def account(self, sandbox):
        return sandbox.app.state.store.of("sendgrid", Mailer)


class TestSendGrid(OnSendGrid, MailCarrierContract):
    sending = "/v3/mail/send"
    wrong_key: ClassVar = {"api_key": "expired"}

    def held(self, sandbox):
        return [_held(sent) for sent in self.account(sandbox).mails]

    def unwelcome(self, _sandbox):
        return "ada.sample@localhost"

    async def test_sendgrid_itself_follows_nobody_unless_that_is_asked(self, sandbox):
        for tracking in (False, True):
            await self.carrier(sandbox, tracking=tracking).carry(mail())
        asked = [sent.body["tracking_settings"] for sent in self.account(sandbox).mails]
        assert [settings["click_tracking"]["enable"] for settings in asked] == [False, True]
        assert [settings["open_tracking"]["enable"] for settings in asked] == [False, True]
        assert not any(settings["subscription_tracking"]["enable"] for settings in asked)

    async def test_what_was_not_found_may_come_yet_or_be_forgotten_already(self, sandbox):
        carrier = self.carrier(sandbox)
        with pytest.raises(TransientFault) as early:
            await carrier.carried(sought(mail(), ago=timedelta(seconds=30)))
        assert 500 < early.value.retry_after <= 570
        for unknown in (timedelta(days=31), None):
            with pytest.raises(CannotTell):
                await carrier.carried(sought(mail(), ago=unknown))

    async def test_what_was_found_is_told_however_old_it_is(self, sandbox):
        carrier = self.carrier(sandbox)
        sent = await carrier.carry(mail())
        for ago in (timedelta(days=31), timedelta(seconds=1), None):
            assert await carrier.carried(sought(mail(), ago=ago)) == sent

    async def test_a_key_that_may_not_read_logs_can_not_tell(self, sandbox):
        sandbox.fail("sendgrid", "401", path="/v3/logs")
        with pytest.raises(CannotTell, match="scope"):
            await self.carrier(sandbox).carried(sought(mail()))

    async def test_connecting_says_that_such_a_key_leaves_touches_to_a_person(self, sandbox):
        sandbox.fail("sendgrid", "401", path="/v3/logs")
        [missing] = [finding for finding in await VENDOR.check(self.carrier(sandbox)) if not finding.well]
        assert "wait for a person" in missing.remedy

    async def test_more_mail_to_an_address_than_is_looked_through_can_not_tell(self, sandbox):
        carrier = self.carrier(sandbox)
        await asyncio.gather(*(carrier.carry(mail(f"ld_a/1/0/{number}")) for number in range(20)))
        with pytest.raises(CannotTell):
            await carrier.carried(sought(mail()))

    async def test_an_address_can_not_change_the_question(self, sandbox):
        with pytest.raises(CannotTell):
            await self.carrier(sandbox).carried(Sought(KEY, "<x@example.com>", '"a\\" OR 1"@example.com'))

    async def test_requests_are_what_the_specification_allows(self, sandbox):
        if not SPEC.exists():
            pytest.skip("SendGrid's OpenAPI document is not at hand")
        await self.carrier(sandbox).carry(mail())
        await self.carrier(sandbox).carry(mail(sender={"reply_to": ""}))
        for sent in self.account(sandbox).mails:
            _validator().validate(sent.body)

    async def test_the_sdk_and_the_stand_in_understand_each_other(self, sandbox):
        host = f"{sandbox.url}/sendgrid"
        client = SendGridAPIClient("sandbox", host=host)
        message = SdkMail("hello@example.com", ADDRESS, "A guide", "Hello", "<p>Hello</p>")
        answer = await asyncio.to_thread(client.send, message)
        assert answer.status_code == 202
        assert [held.vendor_id for held in self.held(sandbox)] == [answer.headers["x-message-id"]]


class TestSuppressed(OnSendGrid, SuppressingContract):
    reasons = ("complained", "hard_bounced", "opted_out")
    many = PAGE + 3

    def suppress(self, sandbox, email, reason, at):
        self.account(sandbox).unwilling[email] = Unwilling(email=email, reason=reason, at=at.isoformat())


class TestSendGridWebhook(InboundContract):
    never: ClassVar = {DeliveryKind.REPLIED: "replies come by Inbound Parse, which is another webhook"}
    signature_headers = ("x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp")
    batches = True

    def inbound(self):
        return SendGridInbound(PUBLIC_KEY)

    def event(self, kind, *, number=1, at=HAPPENED, key=KEY):
        return event(Event(_sent(key), kind, at, number))

    def unknown(self):
        return {**self.event(DeliveryKind.DELIVERED), "event": "account_status_change"}

    def body(self, *events):
        return json.dumps(events).encode()

    def signed(self, body, at=NOW, *, forged=False):
        key = {"key": ec.generate_private_key(ec.SECP256R1())} if forged else {}
        return InboundRequest(body=body, headers=signature(body, at, **key), at=NOW)

    def test_the_sdks_verifier_accepts_the_stand_ins_signature(self):
        request = self.signed(self.body(self.event(DeliveryKind.DELIVERED)))
        given = [request.headers[name] for name in self.signature_headers]
        assert EventWebhook(PUBLIC_KEY).verify_signature(request.body.decode(), *given)

    def test_the_vendors_own_example_is_verified_and_read(self):
        """The request that the tests of SendGrid's SDK verify; its wheel brings them."""
        example = _example()
        given = (example.SIGNATURE, example.TIMESTAMP)
        headers = dict(zip(self.signature_headers, given, strict=True))
        at = datetime.fromtimestamp(int(example.TIMESTAMP), UTC)
        request = InboundRequest(body=example.PAYLOAD.encode(), headers=headers, at=at)
        inbound = SendGridInbound(example.PUBLIC_KEY)
        inbound.verify(request)
        assert [told.kind for told in inbound.read(request) if isinstance(told, Delivery)] == [
            DeliveryKind.BOUNCED_HARD
        ]

    @pytest.mark.parametrize(
        ("said", "kind", "detail"),
        [
            ({"event": "bounce", "type": "bounce", "status": "5.1.1"}, DeliveryKind.BOUNCED_HARD, "5.1.1"),
            ({"event": "bounce", "type": "bounce", "status": "5.2.2"}, DeliveryKind.BOUNCED_SOFT, "5.2.2"),
            ({"event": "bounce", "type": "bounce", "status": "4.4.1"}, DeliveryKind.BOUNCED_SOFT, "4.4.1"),
            ({"event": "bounce", "type": "blocked", "status": "5.7.1"}, DeliveryKind.BOUNCED_SOFT, "5.7.1"),
            ({"event": "bounce", "bounce_classification": "Technical"}, DeliveryKind.BOUNCED_HARD, "technical"),
            ({"event": "dropped", "reason": "Bounced Address"}, DeliveryKind.BOUNCED_HARD, "dropped"),
            ({"event": "dropped", "reason": "Spam Reporting Address"}, DeliveryKind.COMPLAINED, "dropped"),
            ({"event": "dropped", "reason": "Unsubscribed Address"}, DeliveryKind.UNSUBSCRIBED, "dropped"),
            ({"event": "dropped", "reason": "Over quota"}, DeliveryKind.BOUNCED_SOFT, "dropped"),
            ({"event": "group_unsubscribe", "asm_group_id": 7}, DeliveryKind.UNSUBSCRIBED, ""),
        ],
    )  # fmt: skip
    def test_what_became_of_it_is_told_in_our_words(self, said, kind, detail):
        delivery = self.one({**_common(), **said})
        assert (delivery.kind, delivery.detail) == (kind, detail)

    def test_who_clicked_what_is_told_for_the_rules_of_trust(self):
        clicked = self.one(self.event(DeliveryKind.CLICKED))
        assert (clicked.url, clicked.visit.address) == ("https://www.example.com/", "192.0.2.1")
        opened = self.one({**self.event(DeliveryKind.OPENED), "sg_machine_open": True})
        assert opened.visit.purpose == "prefetch"

    def test_the_id_of_the_mail_is_that_of_its_receipt(self):
        assert self.one(self.event(DeliveryKind.DELIVERED)).about.vendor_id == "sg-1"

    @pytest.mark.parametrize("key", ["", "nonsense", base64.b64encode(b"nonsense").decode(), PUBLIC_KEY[:-8]])
    def test_a_key_that_is_none_is_refused_with_the_place_to_find_it(self, key):
        with pytest.raises(Refused, match="PUBLIC_KEY"):
            SendGridInbound(key)


def test_when_no_more_may_come_is_said_as_a_time():
    later = str(int(datetime.now(UTC).timestamp()) + 40)
    client = SendGridClient("sendgrid", "https://api.sendgrid.com")
    fault = client.fault(httpx.Response(429, headers={"x-ratelimit-reset": later}), "/v3/x", harmless_to_repeat=True)
    assert 35 < fault.retry_after <= 40


def test_errors_keep_the_field_they_are_about():
    client = SendGridClient("sendgrid", "https://api.sendgrid.com")
    answer = httpx.Response(400, json={"errors": [{"message": "Bad: ada@example.com", "field": "content.0.value"}]})
    fault = client.fault(answer, "/v3/mail/send", harmless_to_repeat=False)
    assert (fault.code, "ada" in str(fault)) == ("content.0.value", False)


def test_the_stand_in_words_its_errors_as_sendgrid_does():
    body = json.loads(bytes(error(VendorError(400, "Bad", code="from")).body))
    assert body == {"errors": [{"message": "Bad", "field": "from", "help": None}]}


def _held(sent: SentMail) -> Held:
    body = sent.body
    content = {part["type"]: part["value"] for part in body["content"]}
    return Held(
        vendor_id=sent.id,
        sender=(body["from"].get("name", ""), body["from"]["email"]),
        to=sent.to,
        subject=body["subject"],
        html=content["text/html"],
        text=content["text/plain"],
        reply_to=body.get("reply_to", {}).get("email", ""),
        headers={name.lower(): value for name, value in body.get("headers", {}).items()},
        key=key_of(sent.reference),
    )


def _sent(key: str) -> SentMail:
    arguments = {"tendril_touch": reference(key)} if key else {"order": "7"}
    body = {"personalizations": [{"custom_args": arguments}]}
    return SentMail(id="sg-1", to=ADDRESS, subject="", reference=reference(key), at="", body=body)


def _common() -> dict[str, Any]:
    delivered = event(Event(_sent(KEY), DeliveryKind.DELIVERED, HAPPENED, 1))
    return {name: value for name, value in delivered.items() if name not in ("event", "response")}


def _example() -> Any:
    """Key, body, signature and time of the SDK's own tests, as attributes."""
    file = next((file for file in files("sendgrid") or () if file.name == "test_eventwebhook.py"), None)
    if file is None:
        pytest.skip("this wheel of SendGrid's SDK brings no tests")
    found = runpy.run_path(str(file.locate()))["UnitTests"]
    found.setUpClass()
    return found


@cache
def _validator() -> Draft202012Validator:
    document = json.loads(SPEC.read_text())
    body = document["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
    return Draft202012Validator({**body, "components": document["components"]})
