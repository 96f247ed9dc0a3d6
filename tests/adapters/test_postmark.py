"""Postmark: against its stand-in and its own SDK, whose models read what we send and what the stand-in answers."""

import json
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from typing import Any, ClassVar

import httpx
import pytest
from postmark import ServerClient
from postmark.exceptions import InactiveRecipientException, InvalidAPIKeyException
from postmark.models.bounces import Bounce
from postmark.models.bounces.enums import BounceType
from postmark.models.outbound import Email

from adapters.email.carrier import key_of
from adapters.email.postmark import VENDOR, PostmarkClient, metadata
from adapters.email.postmark_webhook import PostmarkInbound, joined
from adapters.inbound import Forged, InboundRequest
from domain.errors import CannotTell, LeadFault, OurFault, TransientFault
from domain.words import DeliveryKind
from sandbox.mailers import Event, Mailer, SentMail, Unwilling
from sandbox.postmark import PASSWORD, USERNAME, authorization, event
from tests.adapters.inbound_contract import ADDRESS, HAPPENED, NOW, InboundContract
from tests.adapters.mail_contract import AgainstAStandIn, Held, MailCarrierContract, SuppressingContract
from tests.adapters.mails import KEY, mail, sought

#: A key so long that its reference takes several fields of metadata.
LONG = "ld_aaaabbbbcccc/1/0/" + "a-step-with-a-name-of-many-words-" * 4


class OnPostmark(AgainstAStandIn):
    vendor = VENDOR

    def settings(self, url):
        return {"base_url": f"{url}/postmark", "server_token": "sandbox"}

    def account(self, sandbox):
        return sandbox.app.state.store.of("postmark", Mailer)


class TestPostmark(OnPostmark, MailCarrierContract):
    sending = "/email"
    wrong_key: ClassVar = {"server_token": "expired"}

    def held(self, sandbox):
        return [_held(sent) for sent in self.account(sandbox).mails]

    def unwelcome(self, _sandbox):
        return "ada.sample@localhost"

    async def test_somebody_on_its_list_is_refused_at_once(self, sandbox):
        gone = Unwilling(email=ADDRESS, reason="hard_bounced", at=NOW.isoformat())
        self.account(sandbox).unwilling[ADDRESS] = gone
        fault = await self.fault(self.carrier(sandbox))
        assert isinstance(fault, LeadFault)
        assert (fault.status, fault.code, fault.for_good) == (422, "406", True)

    async def test_a_long_reference_takes_several_fields_and_is_found_again(self, sandbox):
        carrier = self.carrier(sandbox)
        sent = await carrier.carry(mail(LONG))
        assert await carrier.carried(sought(mail(LONG))) == sent
        assert await carrier.carried(sought(mail(LONG + "x"))) is None
        assert self.held(sandbox)[0].key == LONG

    async def test_what_was_not_found_may_come_yet_or_be_forgotten_already(self, sandbox):
        carrier = self.carrier(sandbox)
        with pytest.raises(TransientFault) as early:
            await carrier.carried(sought(mail(), ago=timedelta(seconds=30)))
        assert 500 < early.value.retry_after <= 570
        for unknown in (timedelta(days=8), None):
            with pytest.raises(CannotTell):
                await carrier.carried(sought(mail(), ago=unknown))

    async def test_postmark_itself_follows_nobody_unless_that_is_asked(self, sandbox):
        for tracking in (False, True):
            await self.carrier(sandbox, tracking=tracking).carry(mail())
        asked = [(sent.body["TrackOpens"], sent.body["TrackLinks"]) for sent in self.account(sandbox).mails]
        assert asked == [(False, "None"), (True, "HtmlAndText")]

    async def test_connecting_looks_whether_there_is_such_a_stream(self, sandbox):
        found = await VENDOR.check(self.carrier(sandbox, message_stream="nurture"))
        [missing] = [finding for finding in found if not finding.well]
        assert "nurture" in missing.what
        assert "MESSAGE_STREAM" in missing.remedy

    async def test_the_sdks_model_reads_what_is_sent(self, sandbox):
        await self.carrier(sandbox).carry(mail())
        body = self.account(sandbox).mails[0].body
        read = Email.model_validate(body)
        assert (read.to, joined(read.metadata)) == (ADDRESS, joined(body["Metadata"]))
        assert not set(body) - {field.alias for field in Email.model_fields.values()}

    async def test_the_sdk_and_the_stand_in_understand_each_other(self, sandbox):
        given: Any = {"retries": 0, "base_url": f"{sandbox.url}/postmark"}
        async with ServerClient("sandbox", **given) as client:
            sent = await client.outbound.send(
                {"From": "hello@example.com", "To": ADDRESS, "Subject": "A guide", "TextBody": "Hello"}
            )
            assert [sent.message_id] == [held.vendor_id for held in self.held(sandbox)]
            [found] = (await client.outbound.list(message_stream="outbound")).items
            assert found.message_id == sent.message_id
            assert (await client.stream.get("broadcast")).id == "broadcast"
            self.account(sandbox).unwilling[ADDRESS] = Unwilling(email=ADDRESS, reason="complained", at=NOW.isoformat())
            assert [one.email_address for one in await client.suppressions.dump("broadcast")] == [ADDRESS]
            with pytest.raises(InactiveRecipientException) as inactive:
                await client.outbound.send({"From": "hello@example.com", "To": ADDRESS, "TextBody": "Hello"})
            assert inactive.value.inactive_recipients == [ADDRESS]
        async with ServerClient("expired", **given) as stranger:
            with pytest.raises(InvalidAPIKeyException):
                await stranger.stream.get("broadcast")


class TestSuppressed(OnPostmark, SuppressingContract):
    reasons = ("complained", "hard_bounced", "opted_out")
    many = 600

    def suppress(self, sandbox, email, reason, at):
        self.account(sandbox).unwilling[email] = Unwilling(email=email, reason=reason, at=at.isoformat())


class TestPostmarkWebhook(InboundContract):
    never: ClassVar = {DeliveryKind.REPLIED: "replies come by the inbound webhook, which is another one"}
    signature_headers = ("authorization",)
    signs_body = False
    signs_time = False

    def inbound(self):
        return PostmarkInbound(USERNAME, PASSWORD)

    def event(self, kind, *, number=1, at=HAPPENED, key=KEY):
        return event(Event(_sent(key, number), kind, at, number))

    def unknown(self):
        return {**self.event(DeliveryKind.DELIVERED), "RecordType": "Weather"}

    def body(self, *events):
        [only] = events
        return json.dumps(only).encode()

    def signed(self, body, at=NOW, *, forged=False):
        given = {"password": "guessed"} if forged else {}
        return InboundRequest(body=body, headers=authorization(body, at, **given), at=at)

    @pytest.mark.parametrize("given", ["Bearer sandbox", "Basic", "basic c2FuZGJveA==", "Basic c2FuZGJveA=="])
    def test_another_way_to_name_oneself_is_none(self, given):
        request = self.signed(self.body(self.event(DeliveryKind.DELIVERED)))
        with pytest.raises(Forged, match="wrong"):
            self.inbound().verify(replace(request, headers={"authorization": given}))

    def test_every_type_of_bounce_that_postmark_lists_is_read(self):
        kinds = {
            "HardBounce": DeliveryKind.BOUNCED_HARD,
            "BadEmailAddress": DeliveryKind.BOUNCED_HARD,
            "Transient": DeliveryKind.DEFERRED,
            "DnsError": DeliveryKind.DEFERRED,
            "SpamComplaint": DeliveryKind.COMPLAINED,
            "Unsubscribe": DeliveryKind.UNSUBSCRIBED,
            "ManuallyDeactivated": DeliveryKind.UNSUBSCRIBED,
        }
        soft = ("SoftBounce", "Blocked", "SpamNotification", "DMARCPolicy", "SMTPApiError", "VirusNotification",
                "ChallengeVerification", "TemplateRenderingFailed", "Unknown")  # fmt: skip
        kinds |= dict.fromkeys(soft, DeliveryKind.BOUNCED_SOFT)
        bounce = self.event(DeliveryKind.BOUNCED_HARD)
        for type_ in BounceType:
            told = self.told({**bounce, "Type": type_.value})
            assert [one.kind for one in told] == ([kinds[type_.value]] if type_.value in kinds else [])

    def test_the_sdks_model_reads_the_stand_ins_bounce(self):
        bounce = self.event(DeliveryKind.BOUNCED_SOFT)
        assert Bounce.model_validate(bounce).type is BounceType.SOFT_BOUNCE

    @pytest.mark.parametrize(
        "change", [{"SuppressSending": False}, {"SuppressionReason": "HardBounce"}, {"SuppressionReason": None}]
    )
    def test_only_who_left_has_unsubscribed(self, change):
        """A bounce or a complaint tells itself, and coming back is no delivery event."""
        assert self.told({**self.event(DeliveryKind.UNSUBSCRIBED), **change}) == []

    def test_who_clicked_what_is_told_for_the_rules_of_trust(self):
        clicked = self.one(self.event(DeliveryKind.CLICKED))
        assert (clicked.url, clicked.visit.address) == ("https://www.example.com/", "192.0.2.1")

    def test_two_clicks_on_two_links_are_two_things(self):
        click = self.event(DeliveryKind.CLICKED)
        other = {**click, "OriginalLink": "https://www.example.com/other"}
        assert len({one.id for one in self.told(click, other)}) == 2

    def test_the_rest_of_a_long_reference_is_put_together_again(self):
        assert self.one(self.event(DeliveryKind.DELIVERED, key=LONG)).about.touch == LONG

    def test_tenths_of_microseconds_are_read(self):
        told = self.one({**self.event(DeliveryKind.DELIVERED), "DeliveredAt": "2019-11-05T11:33:54.9070259-05:00"})
        assert told.at.isoformat() == "2019-11-05T16:33:54.907025+00:00"


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (422, 300, "Invalid 'To' address: 'ada@example'.", LeadFault),
        (422, 300, "Invalid 'From' address: 'ada@example'.", OurFault),
        (422, 300, "Provide either email TextBody or HtmlBody or both.", OurFault),
        (422, 405, "Not allowed to send: out of credits.", OurFault),
        (422, 406, "Found inactive addresses: ada@example.com.", LeadFault),
        (422, 412, "Account is pending.", OurFault),
        (401, 10, "Bad or missing API token.", OurFault),
        (429, 429, "Rate limit exceeded.", TransientFault),
        (503, 100, "Maintenance.", TransientFault),
        (500, 406, "Not what it looks like.", TransientFault),
    ],
)
def test_an_error_code_means_somebodys_fault(status, code, message, expected):
    client = PostmarkClient("postmark", "https://api.postmarkapp.com")
    answer = httpx.Response(status, json={"ErrorCode": code, "Message": message})
    fault = client.fault(answer, "/email", harmless_to_repeat=False)
    assert type(fault) is expected
    assert fault.code == str(code)
    assert "ada" not in str(fault)


def _held(sent: SentMail) -> Held:
    body = sent.body
    sender = _address(body["From"])
    return Held(
        vendor_id=sent.id,
        sender=(sender.display_name, sender.addr_spec),
        to=sent.to,
        subject=sent.subject,
        html=body.get("HtmlBody", ""),
        text=body.get("TextBody", ""),
        reply_to=body.get("ReplyTo", ""),
        headers={header["Name"].lower(): header["Value"] for header in body.get("Headers", ())},
        key=key_of(sent.reference),
    )


def _address(written):
    """As a mail program reads it."""
    message = EmailMessage(policy=default)
    message["From"] = written
    return message["From"].addresses[0]


def _sent(key: str, number: int) -> SentMail:
    fields = metadata(key) if key else {"order": "7"}
    identity = f"883953f4-6105-42a2-a16a-0000000000{number:02}"
    return SentMail(id=identity, to=ADDRESS, subject="", reference="", at="", body={"Metadata": fields})
