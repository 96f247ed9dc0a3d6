"""Brevo: against its stand-in and its own SDK."""

import json
from typing import ClassVar

import httpx
import pytest
from brevo import AsyncBrevo
from brevo.core.api_error import ApiError

from adapters.email.brevo import PAGE, VENDOR, BrevoClient
from adapters.email.brevo_webhook import BrevoInbound
from adapters.email.carrier import key_of, reference
from adapters.inbound import InboundRequest
from domain.words import DeliveryKind
from sandbox.brevo import event
from sandbox.mailers import Event, Mailer, SentMail, Unwilling
from sandbox.postmark import PASSWORD, USERNAME, authorization
from tests.adapters.inbound_contract import ADDRESS, HAPPENED, NOW, InboundContract
from tests.adapters.mail_contract import AgainstAStandIn, Held, MailCarrierContract, SuppressingContract
from tests.adapters.mails import KEY, mail


class OnBrevo(AgainstAStandIn):
    vendor = VENDOR

    def settings(self, url):
        return {"base_url": f"{url}/brevo", "api_key": "sandbox"}

    def account(self, sandbox):
        return sandbox.app.state.store.of("brevo", Mailer)


class TestBrevo(OnBrevo, MailCarrierContract):
    sending = "/smtp/email"
    wrong_key: ClassVar = {"api_key": "expired"}

    def held(self, sandbox):
        return [_held(sent) for sent in self.account(sandbox).mails]

    def unwelcome(self, _sandbox):
        return "ada.sample@localhost"

    async def test_its_own_client_reads_the_stand_in_and_takes_what_we_send(self, sandbox):
        await self.carrier(sandbox).carry(mail())
        theirs = AsyncBrevo(api_key="sandbox", base_url=f"{sandbox.url}/brevo").transactional_emails
        [ours] = self.account(sandbox).mails
        body = ours.body
        sent = await theirs.send_transac_email(
            sender=body["sender"],
            to=body["to"],
            subject=body["subject"],
            html_content=body["htmlContent"],
            text_content=body["textContent"],
            headers=body["headers"],
            tags=body["tags"],
            reply_to=body["replyTo"],
        )
        assert self.account(sandbox).mails[1].body == body, "their client says it as we do"
        found = await theirs.get_transac_emails_list(email=ours.to)
        assert [one.message_id for one in found.transactional_emails] == [sent.message_id, f"<{ours.id}>"]
        assert found.transactional_emails[1].tags == [reference(KEY)]
        self.account(sandbox).unwilling[ADDRESS] = Unwilling(email=ADDRESS, reason="complained", at=NOW.isoformat())
        blocked = await theirs.get_transac_blocked_contacts()
        assert [one.reason.code for one in blocked.contacts] == ["contactFlaggedAsSpam"]

    async def test_its_own_client_meets_the_errors_that_we_meet(self, sandbox):
        theirs = AsyncBrevo(api_key="expired", base_url=f"{sandbox.url}/brevo").transactional_emails
        with pytest.raises(ApiError) as caught:
            await theirs.get_transac_blocked_contacts()
        assert (caught.value.status_code, caught.value.body["code"]) == (401, "unauthorized")


class TestSuppressed(OnBrevo, SuppressingContract):
    reasons = ("complained", "hard_bounced", "opted_out")
    many = 2 * PAGE + 3

    def suppress(self, sandbox, email, reason, at):
        self.account(sandbox).unwilling[email] = Unwilling(email=email, reason=reason, at=at.isoformat())


class TestBrevoWebhook(InboundContract):
    never: ClassVar = {DeliveryKind.REPLIED: "replies come by its inbound parsing, which is another webhook"}
    signature_headers = ("authorization",)
    signs_body = False
    signs_time = False

    def inbound(self):
        return BrevoInbound(USERNAME, PASSWORD)

    def event(self, kind, *, number=1, at=HAPPENED, key=KEY):
        return event(Event(_sent(key, number), kind, at, number))

    def unknown(self):
        return {**self.event(DeliveryKind.DELIVERED), "event": "proxy_open"}

    def body(self, *events):
        [only] = events
        return json.dumps(only).encode()

    def signed(self, body, at=NOW, *, forged=False):
        given = {"password": "guessed"} if forged else {}
        return InboundRequest(body=body, headers=authorization(body, at, **given), at=at)


def test_how_long_to_wait_is_read_from_brevos_own_header():
    client = BrevoClient("brevo", "http://127.0.0.1:1")
    assert client.wait(httpx.Response(429, headers={"x-sib-ratelimit-reset": "7"})) == 7
    assert client.wait(httpx.Response(429, headers={"retry-after": "3"})) == 3


def _held(sent: SentMail) -> Held:
    body = sent.body
    return Held(
        vendor_id=sent.id,
        sender=(body["sender"]["name"], body["sender"]["email"]),
        to=sent.to,
        subject=sent.subject,
        html=body["htmlContent"],
        text=body["textContent"],
        reply_to=body.get("replyTo", {}).get("email", ""),
        headers={name.lower(): value for name, value in body["headers"].items()},
        key=key_of(sent.reference),
    )


def _sent(key: str, number: int) -> SentMail:
    tags = [reference(key) if key else "summer-sale"]
    return SentMail(id=f"{number}@relay.example", to=ADDRESS, subject="", reference="", at="", body={"tags": tags})
