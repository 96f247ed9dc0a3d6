"""Resend: against its stand-in, its OpenAPI document, its own SDK, and Svix's verifier."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
import resend as sdk
import yaml
from jsonschema import Draft202012Validator
from resend.exceptions import ResendError
from svix.webhooks import Webhook

from adapters.email.carrier import key_of, reference
from adapters.email.resend import PAGE, VENDOR, ResendClient, comment
from adapters.email.resend_webhook import ResendInbound
from adapters.inbound import Forged, InboundRequest, Unreadable
from domain.errors import CannotTell, LeadFault, OurFault, Refused, TransientFault
from domain.ports import RenderedEmail
from domain.words import DeliveryKind
from sandbox.mailers import Event, Mailer, SentMail, Unwilling
from sandbox.resend import DOMAINS, SECRET, event, signature
from tests.adapters.inbound_contract import ADDRESS, HAPPENED, NOW, InboundContract
from tests.adapters.mail_contract import AgainstAStandIn, Held, MailCarrierContract, SuppressingContract
from tests.adapters.mails import KEY, mail, sought

SPEC = Path(__file__).parents[2].parent / "shared" / "specs" / "resend.yaml"
with_spec = pytest.mark.skipif(not SPEC.exists(), reason="Resend's OpenAPI document is not at hand")
OTHER_SECRET = "whsec_c29tZWJvZHktZWxzZS1lbnRpcmVseQ=="


class OnResend(AgainstAStandIn):
    vendor = VENDOR

    def settings(self, url):
        # One less than the stand-in lets pass: here the two windows need not agree to the millisecond.
        return {"base_url": f"{url}/resend", "api_key": "sandbox", "per_second": 4}

    def account(self, sandbox):
        return sandbox.app.state.store.of("resend", Mailer)


class TestResend(OnResend, MailCarrierContract):
    sending = "/emails"
    wrong_key: ClassVar = {"api_key": "expired"}
    merges = True
    at_once = 4

    def held(self, sandbox):
        return [_held(sent) for sent in self.account(sandbox).mails]

    def unwelcome(self, _sandbox):
        return "ada.sample@localhost"

    async def test_the_same_key_with_other_content_is_asked_about_and_not_sent_again(self, sandbox):
        carrier = self.carrier(sandbox)
        sent = await carrier.carry(mail())
        changed = RenderedEmail(subject="A newer guide", html="<p>Hello</p>", text="Hello")
        fault = await self.fault(carrier, rendered=changed)
        assert isinstance(fault, TransientFault)
        assert (fault.status, fault.certainly_not_sent) == (409, False)
        assert await carrier.carried(sought(mail())) == sent
        assert len(self.held(sandbox)) == 1

    async def test_what_was_not_found_may_come_yet_or_be_forgotten_already(self, sandbox):
        carrier = self.carrier(sandbox)
        with pytest.raises(TransientFault) as early:
            await carrier.carried(sought(mail(), ago=timedelta(seconds=10)))
        assert 40 < early.value.retry_after <= 50
        for unknown in (timedelta(hours=25), None):
            with pytest.raises(CannotTell):
                await carrier.carried(sought(mail(), ago=unknown))

    async def test_it_is_found_on_a_later_page_and_not_looked_for_before_its_first_attempt(self, sandbox):
        held = self.account(sandbox)
        held.mails += [_sent(number=1, at=datetime.now(UTC) - timedelta(minutes=30))]
        held.mails += [_sent("ld_b/1/0/x", number=10 + number, to="bo@example.com") for number in range(PAGE)]
        carrier = self.carrier(sandbox)
        assert await carrier.carried(sought(mail())) == _identity(1)
        assert await carrier.carried(sought(mail(), ago=timedelta(minutes=20))) is None

    async def test_more_mail_than_is_looked_through_can_not_tell(self, sandbox, monkeypatch):
        monkeypatch.setattr("adapters.email.resend._MOST_PAGES", 1)
        others = [_sent("ld_b/1/0/x", number=number, to="bo@example.com") for number in range(PAGE + 1)]
        self.account(sandbox).mails += others
        with pytest.raises(CannotTell):
            await self.carrier(sandbox).carried(sought(mail()))

    async def test_where_content_is_not_kept_nobody_can_tell(self, sandbox):
        carrier = self.carrier(sandbox)
        await carrier.carry(mail())
        self.account(sandbox).mails[0].body["html"] = None
        with pytest.raises(CannotTell, match="content"):
            await carrier.carried(sought(mail()))

    async def test_a_key_for_sending_only_can_not_tell(self, sandbox):
        sandbox.fail("resend", "401", path="/emails")
        with pytest.raises(CannotTell, match="sending only"):
            await self.carrier(sandbox).carried(sought(mail()))

    async def test_connecting_says_which_domain_is_tracked_twice(self, sandbox, monkeypatch):
        monkeypatch.setitem(DOMAINS[0], "click_tracking", True)
        [tracked] = [one for one in await VENDOR.check(self.carrier(sandbox)) if not one.well]
        assert "mail.example.com" in tracked.remedy

    @with_spec
    async def test_requests_and_answers_are_what_the_specification_allows(self, sandbox):
        self.account(sandbox).unwilling[ADDRESS] = Unwilling(email=ADDRESS, reason="complained", at=NOW.isoformat())
        await self.carrier(sandbox).carry(mail())
        body = self.account(sandbox).mails[0].body
        _schema("SendEmailRequest").validate(body)
        assert not set(body) - set(_spec()["components"]["schemas"]["SendEmailRequest"]["properties"])
        async with httpx.AsyncClient(base_url=f"{sandbox.url}/resend", trust_env=False) as client:
            client.headers["authorization"] = "Bearer sandbox"
            for path, shape in (
                ("/emails", "ListEmailsResponse"),
                (f"/emails/{self.held(sandbox)[0].vendor_id}", "Email"),
                ("/suppressions", "ListSuppressionsResponseSuccess"),
                ("/domains", "ListDomainsResponse"),
            ):
                _schema(shape).validate((await client.get(path)).json())

    async def test_the_sdk_and_the_stand_in_understand_each_other(self, sandbox, monkeypatch):
        monkeypatch.setattr(sdk, "api_url", f"{sandbox.url}/resend")
        monkeypatch.setattr(sdk, "api_key", "sandbox")
        wanted: Any = {"from": "hello@mail.example.com", "to": [ADDRESS], "subject": "A guide", "text": "Hello"}
        sent = await asyncio.to_thread(sdk.Emails.send, wanted, {"idempotency_key": "one"})
        again = await asyncio.to_thread(sdk.Emails.send, wanted, {"idempotency_key": "one"})
        assert sent["id"] == again["id"] == self.held(sandbox)[0].vendor_id
        assert (await asyncio.to_thread(sdk.Emails.get, sent["id"]))["subject"] == "A guide"
        with pytest.raises(ResendError, match="`to`"):
            await asyncio.to_thread(sdk.Emails.send, wanted | {"to": ["nobody"]})


class TestSuppressed(OnResend, SuppressingContract):
    reasons = ("complained", "hard_bounced", "opted_out")
    many = PAGE + 3

    def suppress(self, sandbox, email, reason, at):
        self.account(sandbox).unwilling[email] = Unwilling(email=email, reason=reason, at=at.isoformat())


class TestResendWebhook(InboundContract):
    never: ClassVar = {
        DeliveryKind.UNSUBSCRIBED: "readers leave by our own link; of a mail, Resend has no such event",
        DeliveryKind.REPLIED: "email.received is any mail to the domain, and holds no reference of ours",
    }
    signature_headers = ("svix-id", "svix-timestamp", "svix-signature")

    def inbound(self):
        return ResendInbound(SECRET)

    def event(self, kind, *, number=1, at=HAPPENED, key=KEY):
        return event(Event(_sent(key, number=number), kind, at, number))

    def unknown(self):
        return {**self.event(DeliveryKind.DELIVERED), "type": "email.painted"}

    def body(self, *events):
        [only] = events
        return json.dumps(only).encode()

    def signed(self, body, at=NOW, *, forged=False):
        secret = OTHER_SECRET if forged else SECRET
        return InboundRequest(body=body, headers=signature(body, at, secret), at=NOW)

    def _read(self, body):
        """The id of an event is a header: without it all would be refused for that alone."""
        try:
            return self.inbound().read(self.signed(body))
        except ValueError:
            return []

    def test_svix_itself_accepts_the_stand_ins_signature_and_ours_what_svix_signs(self):
        body = self.body(self.event(DeliveryKind.DELIVERED))
        request = self.signed(body, datetime.now(UTC))
        Webhook(SECRET).verify(body, dict(request.headers))
        theirs = Webhook(SECRET).sign("msg_1", NOW, body.decode())
        headers = {"svix-id": "msg_1", "svix-timestamp": str(int(NOW.timestamp())), "svix-signature": theirs}
        self.inbound().verify(InboundRequest(body=body, headers=headers, at=NOW))

    def test_the_sdks_verifier_accepts_the_stand_ins_signature(self):
        body = self.body(self.event(DeliveryKind.DELIVERED))
        headers = self.signed(body, datetime.now(UTC)).headers
        given: Any = {name: headers[f"svix-{name}"] for name in ("id", "timestamp", "signature")}
        sdk.Webhooks.verify({"payload": body.decode(), "headers": given, "webhook_secret": SECRET})

    def test_while_the_secret_is_changed_one_of_several_signatures_is_enough(self):
        request = self.signed(self.body(self.event(DeliveryKind.DELIVERED)))
        other = signature(request.body, NOW, OTHER_SECRET)["svix-signature"]
        for several in (f"{other} {request.headers['svix-signature']}", f"{request.headers['svix-signature']} v1a,x"):
            self.inbound().verify(replace(request, headers={**request.headers, "svix-signature": several}))
        with pytest.raises(Forged):
            self.inbound().verify(replace(request, headers={**request.headers, "svix-signature": f"{other} {other}"}))

    @with_spec
    def test_the_stand_ins_events_are_what_the_specification_says(self):
        for kind in self.kinds:
            told = self.event(kind)
            shape = _spec()["webhooks"][told["type"]]["post"]["requestBody"]["content"]["application/json"]["schema"]
            _validator(shape["$ref"]).validate(told)

    @pytest.mark.parametrize(
        ("type_", "said", "kind", "detail"),
        [
            ("bounced", {"bounce": {"type": "Permanent", "subType": "General"}}, "bounced_hard", "Permanent General"),
            ("bounced", {"bounce": {"type": "Permanent", "subType": "MailboxFull"}}, "bounced_soft",
             "Permanent MailboxFull"),
            ("bounced", {"bounce": {"type": "Undetermined", "subType": "x y"}}, "bounced_soft", "Undetermined"),
            ("suppressed", {"suppressed": {"reason": "previous_bounce"}}, "bounced_hard", "previous_bounce"),
            ("suppressed", {"suppressed": {"reason": "previous_complaint"}}, "complained", "previous_complaint"),
            ("suppressed", {"suppressed": {"reason": "another"}}, "bounced_soft", "another"),
            ("failed", {"failed": {"reason": "reached_daily_quota"}}, "bounced_soft", "reached_daily_quota"),
            ("failed", {"failed": {"reason": "no mail to ada.sample@example.com"}}, "bounced_soft", ""),
        ],
    )  # fmt: skip
    def test_what_became_of_it_is_told_in_our_words(self, type_, said, kind, detail):
        told = self.event(DeliveryKind.DELIVERED)
        delivery = self.one({**told, "type": f"email.{type_}", "data": {**told["data"], **said}})
        assert (delivery.kind, delivery.detail) == (kind, detail)

    @pytest.mark.parametrize("type_", ["email.sent", "email.scheduled", "email.received", "contact.updated"])
    def test_what_is_no_news_of_a_mail_is_left_out(self, type_):
        assert self.told({**self.event(DeliveryKind.DELIVERED), "type": type_}) == []

    def test_who_clicked_what_is_told_for_the_rules_of_trust(self):
        clicked = self.one(self.event(DeliveryKind.CLICKED))
        assert (clicked.url, clicked.visit.address) == ("https://www.example.com/", "192.0.2.1")

    def test_the_id_is_that_of_the_event_however_often_it_is_told(self):
        body = self.body(self.event(DeliveryKind.DELIVERED))
        requests = [self.signed(body, NOW - timedelta(minutes=minutes)) for minutes in (0, 3)]
        assert len({told.id for request in requests for told in self.inbound().read(request)}) == 1

    def test_an_event_of_no_mail_is_put_aside(self):
        [told] = self.told({"type": "email.delivered", "created_at": "2026-11-22T09:00:05.000Z"})
        assert isinstance(told, Unreadable)

    @pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%", "not base64"])
    def test_a_secret_that_is_none_is_refused_with_the_place_to_find_it(self, secret):
        with pytest.raises(Refused, match="WEBHOOK_SECRET"):
            ResendInbound(secret)


@pytest.mark.parametrize(
    ("status", "name", "message", "expected", "certain"),
    [
        (422, "validation_error", "Invalid `to` field: ada@example", LeadFault, True),
        (422, "validation_error", "Invalid `from` field.", OurFault, True),
        (403, "validation_error", "The domain is not verified.", OurFault, True),
        (401, "restricted_api_key", "Only for sending.", OurFault, True),
        (403, "invalid_api_key", "API key is invalid.", OurFault, True),
        (429, "rate_limit_exceeded", "Too many requests.", TransientFault, True),
        (429, "daily_quota_exceeded", "No more today.", OurFault, True),
        (429, "monthly_quota_exceeded", "No more this month.", OurFault, True),
        (409, "concurrent_idempotent_requests", "In progress.", TransientFault, False),
        (500, "application_error", "Unexpected.", TransientFault, False),
    ],
)
def test_a_name_means_somebodys_fault(status, name, message, expected, certain):
    client = ResendClient("resend", "https://api.resend.com")
    answer = httpx.Response(status, json={"statusCode": status, "name": name, "message": message})
    fault = client.fault(answer, "/emails", harmless_to_repeat=False)
    assert (type(fault), fault.certainly_not_sent) == (expected, certain)
    assert "ada" not in str(fault)


def test_when_more_may_come_is_said_by_the_reset_too():
    client = ResendClient("resend", "https://api.resend.com")
    fault = client.fault(httpx.Response(429, headers={"ratelimit-reset": "1"}), "/emails", harmless_to_repeat=False)
    assert fault.retry_after == 1


def _held(sent: SentMail) -> Held:
    body = sent.body
    message = EmailMessage(policy=default)
    message["From"] = body["from"]
    sender = message["From"].addresses[0]
    key = key_of(sent.reference)
    return Held(
        vendor_id=sent.id,
        sender=(sender.display_name, sender.addr_spec),
        to=sent.to,
        subject=sent.subject,
        html=body.get("html", "").removesuffix(comment(key)),
        text=body.get("text", ""),
        reply_to=next(iter(body.get("reply_to", ())), ""),
        headers={name.lower(): value for name, value in body.get("headers", {}).items()},
        key=key,
    )


def _sent(key: str = KEY, *, number: int, at: datetime | None = None, to: str = ADDRESS) -> SentMail:
    tags = [{"name": "tendril_touch", "value": reference(key)}] if key else [{"name": "order", "value": "7"}]
    body = {"from": "hello@mail.example.com", "html": f"<p>Hello</p>{comment(key)}", "tags": tags}
    written = (at or datetime.now(UTC)).isoformat()
    return SentMail(id=_identity(number), to=to, subject="", reference=reference(key), at=written, body=body)


def _identity(number: int) -> str:
    return f"4ef9a417-02e9-4d39-ad75-{number:012}"


@cache
def _spec() -> Any:
    return yaml.safe_load(SPEC.read_text())


def _schema(name: str) -> Draft202012Validator:
    return _validator(f"#/components/schemas/{name}")


def _validator(reference_: str) -> Draft202012Validator:
    """Resend writes ``nullable`` beside a type, as OpenAPI 3.0 had it."""
    return Draft202012Validator({"$ref": reference_, "components": _modern(_spec()["components"])})


def _modern(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_modern(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: _modern(value) for name, value in schema.items()}
    if result.pop("nullable", False) is True and isinstance(result.get("type"), str):
        result["type"] = [result["type"], "null"]
    return result
