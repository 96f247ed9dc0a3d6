"""Mail by Amazon SES, against its stand-in; checked with botocore, Amazon's own library and its model of the API."""

import asyncio
import base64
import json
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import parseaddr
from typing import Any

import botocore.config
import botocore.session
import httpx
import pytest
from botocore.serialize import create_serializer
from botocore.validate import validate_parameters

from adapters.email.carrier import key_of
from adapters.email.ses import VENDOR, SesCarrier, SesSettings
from adapters.email.ses_client import SesClient
from adapters.email.ses_pace import Pace
from adapters.vendor import settings_of
from domain.errors import LeadFault, OurFault, Refused, TransientFault
from sandbox import ses
from sandbox.mail import body
from sandbox.mailers import Mailer, SentMail, Unwilling
from sandbox.ses_events import DESTINATION, TOPIC
from tests.adapters.mail_contract import Held, MailCarrierContract, SuppressingContract, Tells
from tests.adapters.mails import mail

_WRONG_KEY = {"secret_access_key": "other"}


def account(sandbox) -> Mailer:
    held: Mailer = sandbox.app.state.store.of("ses", Mailer)
    return held


class AgainstSes:
    vendor = VENDOR

    def settings(self, url):
        return _given(url)


class TestSes(AgainstSes, MailCarrierContract):
    sending = "outbound-emails"
    wrong_key = _WRONG_KEY
    tells = Tells.NOTHING

    def held(self, sandbox):
        return [_read(held) for held in account(sandbox).mails]

    def unwelcome(self, sandbox):  # noqa: ARG002 - the contract's signature
        return "ada.sample@exam_ple.com"


class TestSessList(AgainstSes, SuppressingContract):
    """Opt-outs are in SES's contact lists, which Tendril does not use."""

    reasons = ("complained", "hard_bounced")
    many = 101

    def suppress(self, sandbox, email, reason, at):
        account(sandbox).unwilling[email] = Unwilling(email=email, reason=reason, at=at.isoformat())


async def test_ses_is_told_to_track_nothing(sandbox):
    await _carrier(sandbox).carry(mail())
    off = {"OpenTrackingEnabled": "DISABLED", "ClickTrackingEnabled": "DISABLED"}
    assert account(sandbox).mails[0].body["ConfigurationOverrides"] == {"Tracking": off}


async def test_mail_is_sent_at_the_rate_that_the_account_has(sandbox, monkeypatch):
    monkeypatch.setattr(ses, "SEND_RATE", 3.0)
    carrier = _carrier(sandbox)
    await carrier.carry(mail())
    assert carrier._pace._rate == 3.0
    await carrier.close()


async def test_a_rate_that_is_set_is_not_asked_for(sandbox):
    sandbox.fail("ses", "401", path="account")
    await _carrier(sandbox, send_rate=14).carry(mail())
    assert len(account(sandbox).mails) == 1


async def test_without_a_rate_nothing_leaves(sandbox):
    sandbox.fail("ses", "500", path="account")
    with pytest.raises(TransientFault) as caught:
        await _carrier(sandbox).carry(mail())
    assert caught.value.certainly_not_sent
    assert not account(sandbox).mails


async def test_the_rate_known_before_holds_while_it_can_not_be_learned_anew(monkeypatch):
    said: list[float | Exception] = [100.0, TransientFault("away", vendor="ses"), 50.0]

    async def learn() -> float:
        answer = said.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("adapters.email.ses_pace._ASK_AGAIN", -1)
    pace = Pace("ses", learn)
    for rate in (100.0, 100.0, 50.0):
        await pace.turn()
        assert pace._rate == rate
    pace.close()


@pytest.mark.parametrize(
    ("status", "code", "said", "expected", "wait"),
    [
        (400, "MessageRejected", "Email address is not verified.", OurFault, None),
        (400, "MailFromDomainNotVerifiedException", "", OurFault, None),
        (400, "AccountSuspendedException", "", OurFault, None),
        (400, "SendingPausedException", "", OurFault, None),
        (404, "NotFoundException", "", OurFault, None),
        (403, "AccessDeniedException", "", OurFault, None),
        (400, "BadRequestException", "Local address contains control or whitespace", LeadFault, None),
        (400, "BadRequestException", "Missing final '@domain'", LeadFault, None),
        (400, "BadRequestException", "Domain is not verified", OurFault, None),
        (400, "BadRequestException", "Email tag is not valid", OurFault, None),
        (429, "TooManyRequestsException", "Too many requests", TransientFault, 1),
        (400, "LimitExceededException", "Limit", TransientFault, 1),
        (400, "ThrottlingException", "Maximum sending rate exceeded.", TransientFault, 1),
        (454, "Throttling", "Daily message quota exceeded.", TransientFault, 600),
        (500, "InternalFailure", "", TransientFault, None),
    ],
    ids=lambda value: str(getattr(value, "__name__", value))[:40],
)
def test_each_error_of_ses_is_somebodys_fault(status, code, said, expected, wait):
    headers = {"x-amzn-errortype": f"{code}:http://internal.amazon.com/", "x-amzn-requestid": "d4727599-e6f4"}
    answer = httpx.Response(status, headers=headers, json={"message": f"{said} ada.sample@example.com"})
    fault = SesClient("ses", "https://ses.example").fault(answer, "/v2", harmless_to_repeat=False)
    assert type(fault) is expected
    assert (fault.status, fault.retry_after) == (status, wait)
    assert fault.code == (code if expected is not LeadFault else "invalid_address")
    assert fault.certainly_not_sent == (status != 500)
    assert "ada" not in str(fault)
    assert expected is LeadFault or "d4727599" in str(fault)


async def test_credentials_are_found_where_amazons_tools_find_them(sandbox, monkeypatch):
    carrier = _carrier(sandbox, access_key_id="", secret_access_key="")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "temporary")
    await carrier.carry(mail())
    assert len(account(sandbox).mails) == 1


async def test_without_credentials_it_is_our_fault_and_connecting_says_so(sandbox, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    carrier = _carrier(sandbox, access_key_id="", secret_access_key="")
    with pytest.raises(OurFault, match="no credentials for Amazon"):
        await carrier.carry(mail())
    [found] = await VENDOR.check(carrier)
    assert "TENDRIL_SES_ACCESS_KEY_ID" in found.remedy


@pytest.mark.parametrize("half", ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY"])
def test_half_a_key_is_refused(monkeypatch, half):
    monkeypatch.setenv("TENDRIL_SES_REGION", "eu-west-1")
    monkeypatch.setenv(f"TENDRIL_SES_{half}", "sandbox")
    with pytest.raises(Refused, match="need each other"):
        settings_of(VENDOR)


async def test_connecting_tells_the_quota(sandbox):
    found = await VENDOR.check(_carrier(sandbox))
    assert found[0].what.startswith("SES sends 200 mails a second, 50,000 in 24 hours; 0 were sent")


@pytest.mark.parametrize(
    ("given", "events", "what"),
    [
        ({"configuration_set": ""}, (), "go unheard"),
        ({"configuration_set": "other"}, (), "does not show the configuration set other"),
        ({}, ("DELIVERY", "BOUNCE"), "does not publish COMPLAINT, DELIVERY_DELAY, REJECT"),
    ],
)
async def test_connecting_says_when_bounces_would_go_unheard(sandbox, monkeypatch, given, events, what):
    if events:
        monkeypatch.setitem(DESTINATION, "MatchingEventTypes", list(events))
    [*_, found] = await VENDOR.check(_carrier(sandbox, **given))
    assert not found.well
    assert what in found.what


class TestByBotocore:
    """Version 1.44 of botocore, model 2019-09-27 of ``sesv2``."""

    async def test_its_model_has_our_request_just_so(self, sandbox):
        """What its serialiser makes of the same parameters is what we send."""
        await _carrier(sandbox).carry(mail())
        sent = account(sandbox).mails[0].body
        model = botocore.session.get_session().get_service_model("sesv2").operation_model("SendEmail")
        data = base64.b64decode(sent["Content"]["Raw"]["Data"])
        parameters = json.loads(json.dumps(sent)) | {"Content": {"Raw": {"Data": data}}}
        validate_parameters(parameters, model.input_shape)
        made = create_serializer("rest-json").serialize_to_request(parameters, model)
        assert (made["method"], made["url_path"]) == ("POST", "/v2/email/outbound-emails")
        assert json.loads(made["body"]) == sent

    async def test_its_client_reads_what_the_stand_in_answers(self, sandbox):
        at = datetime.now(UTC).replace(microsecond=0)
        for name in ("ada", "bo"):
            unwilling = Unwilling(email=f"{name}@example.com", reason="complained", at=at.isoformat())
            account(sandbox).unwilling[unwilling.email] = unwilling
        client = _botocore(sandbox)
        told = await asyncio.to_thread(client.get_account)
        assert told["SendQuota"]["MaxSendRate"] == 200
        first = await asyncio.to_thread(client.list_suppressed_destinations, PageSize=1)
        second = await asyncio.to_thread(
            client.list_suppressed_destinations, PageSize=1, NextToken=first["NextToken"], StartDate=at
        )
        found = first["SuppressedDestinationSummaries"] + second["SuppressedDestinationSummaries"]
        assert [(one["EmailAddress"], one["LastUpdateTime"]) for one in found] == [
            ("ada@example.com", at),
            ("bo@example.com", at),
        ]
        sets = await asyncio.to_thread(
            client.get_configuration_set_event_destinations, ConfigurationSetName=ses.CONFIGURATION_SET
        )
        assert sets["EventDestinations"][0]["SnsDestination"]["TopicArn"] == TOPIC

    async def test_its_client_meets_the_errors_that_we_meet(self, sandbox):
        client = _botocore(sandbox)
        wanted = mail(sender={"email": "hello@unverified.example"})
        with pytest.raises(client.exceptions.MessageRejected, match="not verified"):
            await asyncio.to_thread(client.send_email, **_parameters(wanted))
        sandbox.fail("ses", "429")
        with pytest.raises(client.exceptions.TooManyRequestsException):
            await asyncio.to_thread(client.send_email, **_parameters(mail()))
        answer = await asyncio.to_thread(client.send_email, **_parameters(mail()))
        assert answer["MessageId"] == account(sandbox).mails[0].id


def _parameters(wanted) -> dict[str, Any]:
    raw = {"Raw": {"Data": wanted.message.as_bytes()}}
    return {"Destination": {"ToAddresses": [wanted.to]}, "Content": raw}


def _botocore(sandbox) -> Any:
    return botocore.session.get_session().create_client(
        "sesv2",
        region_name="eu-west-1",
        endpoint_url=f"{sandbox.url}/ses",
        aws_access_key_id=ses.KEY,
        aws_secret_access_key=ses.SECRET,
        config=botocore.config.Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def _given(url) -> dict[str, Any]:
    return {
        "region": "eu-west-1",
        "access_key_id": ses.KEY,
        "secret_access_key": ses.SECRET,
        "configuration_set": ses.CONFIGURATION_SET,
        "topic_arn": TOPIC,
        "base_url": f"{url}/ses",
    }


def _carrier(sandbox, **given) -> SesCarrier:
    return SesCarrier(SesSettings(**(_given(sandbox.url) | given)))


def _read(held: SentMail) -> Held:
    message = message_from_bytes(base64.b64decode(held.body["Content"]["Raw"]["Data"]), policy=policy.default)
    return Held(
        vendor_id=held.id,
        sender=parseaddr(message["From"]),
        to=held.to,
        subject=message["Subject"],
        html=body(message, "html"),
        text=body(message, "plain"),
        reply_to=message["Reply-To"] or "",
        headers={name.lower(): str(value) for name, value in message.items()},
        key=key_of(held.reference),
    )
