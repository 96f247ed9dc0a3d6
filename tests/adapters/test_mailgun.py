"""Mail by Mailgun, against its stand-in; checked with Mailgun's own library and its OpenAPI document."""

import json
import re
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from email.utils import format_datetime, parseaddr

import httpx
import pytest
from mailgun.client import AsyncClient
from mailgun.ext.pydantic.models import SendMessageSchema

from adapters.email.carrier import key_of, reference
from adapters.email.mailgun import VENDOR, MailgunCarrier, MailgunClient, MailgunSettings
from domain.errors import CannotTell, OurFault
from sandbox import mailgun
from sandbox.mail import body
from sandbox.mailers import Mailer, SentMail, Unwilling
from tests.adapters import mailgun_spec
from tests.adapters.inbound_contract import ADDRESS
from tests.adapters.mail_contract import Held, MailCarrierContract, SuppressingContract, Tells
from tests.adapters.mails import KEY, mail, sought

DOMAIN = "mg.nurture.example"
_TEMPLATES = {f"v3/{DOMAIN}": "v3/{domain_name}", f"domains/{DOMAIN}": "domains/{name}"}
_TEMPLATE = re.compile("|".join(map(re.escape, _TEMPLATES)))
_WRONG_KEY = {"api_key": "other"}
_JSON = {"content-type": "application/json"}


def account(sandbox) -> Mailer:
    held: Mailer = sandbox.app.state.store.of("mailgun", Mailer)
    return held


class AgainstMailgun:
    vendor = VENDOR

    def settings(self, url):
        return {"api_key": "sandbox", "domain": DOMAIN, "base_url": f"{url}/mailgun"}


class TestMailgun(AgainstMailgun, MailCarrierContract):
    sending = "messages.mime"
    wrong_key = _WRONG_KEY
    tells = Tells.WHAT_IT_TOOK

    def held(self, sandbox):
        return [_read(held) for held in account(sandbox).mails]

    def unwelcome(self, sandbox):  # noqa: ARG002 - the contract's signature
        return "ada.sample@example"

    async def test_a_repeated_mail_is_one_mail_where_the_vendor_knows_it_again(self, sandbox):
        """It does not, and calls both by the Message-ID that they share."""
        identities = {await self.carrier(sandbox).carry(mail()) for _ in range(2)}
        assert (len(identities), len(self.held(sandbox))) == (1, 2)


class TestMailgunsLists(AgainstMailgun, SuppressingContract):
    reasons = ("complained", "hard_bounced", "opted_out")
    many = 1001

    def suppress(self, sandbox, email, reason, at):
        suppress(sandbox, email, reason, at)


async def test_mailgun_is_told_to_track_nothing_and_to_hide_the_reference(sandbox):
    await carrier(sandbox).carry(mail())
    [held] = account(sandbox).mails
    assert held.body["o:tracking"] == "no"
    assert held.body["o:suppress-headers"] == "X-Mailgun-Variables"
    assert key_of(held.body["v:tendril_touch"]) == KEY


async def test_a_mail_keeps_its_own_message_id(sandbox):
    identity = await carrier(sandbox).carry(mail())
    assert f"<{identity}>" == mail().message_id


async def test_a_key_that_may_not_read_the_log_can_not_tell(sandbox):
    """Keys for sending alone are what Mailgun itself recommends."""
    sandbox.fail("mailgun", "401", path="logs")
    with pytest.raises(CannotTell, match="can't be read"):
        await carrier(sandbox).carried(sought(mail()))


def test_a_wait_told_in_words_is_kept_to():
    said = "Domain mg.nurture.example is not allowed to send: account-requests-per-sec limit exceeded, "
    answer = httpx.Response(429, json={"message": said + "try again after 120 seconds"})
    fault = MailgunClient("mailgun", "https://api.mailgun.net").fault(answer, "/v3", harmless_to_repeat=False)
    assert fault.retry_after == 120


@pytest.mark.parametrize("elsewhere", ["https://evil.example/v3/x/bounces", "https://127.0.0.1/", "/v3/x", ""])
async def test_the_key_follows_a_next_page_to_no_other_address(sandbox, monkeypatch, elsewhere):
    suppress(sandbox, "ada@example.com", "hard_bounced")
    monkeypatch.setattr(mailgun, "_paging", lambda _here, _last: {"next": elsewhere})
    with pytest.raises(OurFault, match="another address"):
        [one async for one in carrier(sandbox).suppressed(None)]


async def test_who_left_mail_of_one_tag_has_not_left_ours(sandbox, monkeypatch):
    for name in ("all", "news"):
        suppress(sandbox, f"{name}@example.com", "opted_out")
    entries = {"all@example.com": ["*"], "news@example.com": ["newsletter"]}
    whole = mailgun._entry
    monkeypatch.setattr(mailgun, "_entry", lambda name, one: whole(name, one) | {"tags": entries[one.email]})
    assert [one.email async for one in carrier(sandbox).suppressed(None)] == ["all@example.com"]


class TestByMailgunsLibrary:
    """Mailgun's own library, ``mailgun`` on PyPI."""

    async def test_it_reads_what_the_stand_in_answers(self, sandbox):
        identity = await carrier(sandbox).carry(mail())
        suppress(sandbox, "ada@example.com", "hard_bounced")
        day = {
            "start": format_datetime(datetime.now(UTC) - timedelta(days=1)),
            "end": format_datetime(datetime.now(UTC) + timedelta(minutes=1)),
        }
        async with AsyncClient(auth=("api", "sandbox"), api_url=f"{sandbox.url}/mailgun") as client:
            bounces = (await client.bounces.get(domain=DOMAIN)).json()
            logs = (await client.analytics_logs.create(data=json.dumps(day), headers=_JSON)).json()
            sent = await client.mimemessage.create(
                domain=DOMAIN, data={"to": ADDRESS}, files={"message": mail().message.as_bytes()}
            )
        assert [one["address"] for one in bounces["items"]] == ["ada@example.com"]
        assert [one["message"]["headers"]["message-id"] for one in logs["items"]] == [identity]
        assert sent.json()["id"] == f"<{identity}>"

    def test_it_knows_our_options(self):
        options = {"v:tendril_touch": reference(KEY), "o:tracking": "no", "o:suppress-headers": "X-Mailgun-Variables"}
        given = {"to": ADDRESS, "from": ADDRESS, "subject": "A", "text": "A", "custom_params": options}
        SendMessageSchema.model_validate(given)


@pytest.mark.skipif(not mailgun_spec.available(), reason="Mailgun's OpenAPI document is not beside the checkout")
async def test_what_is_said_is_what_mailguns_document_says(sandbox):
    """Version 3.0.0 of the document."""
    answers: list[httpx.Response] = []
    client = carrier(sandbox)
    client._client._client.event_hooks["response"].append(lambda answer: _keep(answers, answer))
    for name, reason in (("bounces", "hard_bounced"), ("complaints", "complained"), ("unsubscribes", "opted_out")):
        suppress(sandbox, f"{name}@example.com", reason)
    await client.carry(mail())
    await client.carried(sought(mail()))
    await client.known()
    assert [one async for one in client.suppressed(None)]
    for answer in answers:
        path = _TEMPLATE.sub(lambda found: _TEMPLATES[found[0]], answer.url.path.removeprefix("/mailgun"))
        mailgun_spec.check_answer(answer.request.method, path, answer)
    logs = next(answer.request for answer in answers if answer.url.path.endswith("logs"))
    mailgun_spec.check_request("POST", "/v1/analytics/logs", json.loads(logs.content))
    fields = {name: value for name, value in account(sandbox).mails[0].body.items() if name != "domain"}
    mailgun_spec.check_request("POST", "/v3/{domain_name}/messages.mime", fields | {"to": [fields["to"]]})


async def _keep(answers: list[httpx.Response], answer: httpx.Response) -> None:
    await answer.aread()
    answers.append(answer)


def suppress(sandbox, email, reason, at=None) -> None:
    at = (at or datetime.now(UTC)).isoformat()
    account(sandbox).unwilling[email] = Unwilling(email=email, reason=reason, at=at)


def _settings(url="https://api.mailgun.net"):
    return MailgunSettings(api_key="sandbox", domain=DOMAIN, base_url=url)


def carrier(sandbox) -> MailgunCarrier:
    return MailgunCarrier(_settings(f"{sandbox.url}/mailgun"))


def _read(held: SentMail) -> Held:
    message = message_from_string(held.body["message"], policy=policy.default)
    return Held(
        vendor_id=held.id,
        sender=parseaddr(message["From"]),
        to=held.to,
        subject=message["Subject"],
        html=body(message, "html"),
        text=body(message, "plain"),
        reply_to=message["Reply-To"] or "",
        headers={name.lower(): str(value) for name, value in message.items()},
        key=key_of(held.body["v:tendril_touch"]),
    )
