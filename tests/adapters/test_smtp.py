"""E-mail over real SMTP, against the local inbox."""

import asyncio
import datetime as dt
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from itsdangerous import URLSafeSerializer

from adapters.email import smtp
from adapters.email.channel import EmailChannel
from adapters.email.links import QuestionLinks, UnsubscribeLinks
from adapters.email.message import message_id
from adapters.email.replies import Step, fault
from adapters.email.smtp import SmtpCarrier, SmtpServer
from authoring.render import PlaybookRenderer
from domain.errors import CannotTell, LeadFault, OurFault, Refused, TransientFault
from domain.ports import RenderedEmail
from domain.words import Channel
from sandbox.mail import body, parse
from tests.adapters.certificates import certificate_in
from tests.adapters.contract import TouchChannelContract
from tests.adapters.running import running_sandbox
from tests.adapters.touches import OnePlaybook, touch
from tests.fixtures.playbooks import minimal_compiled

LINKS = UnsubscribeLinks("https://nurture.example", ["first-secret", "second-secret"])
QUESTIONS = QuestionLinks("https://nurture.example", ["first-secret", "second-secret"])


def email(port, **options) -> EmailChannel:
    server = SmtpServer(**({"host": "127.0.0.1", "port": port} | options))
    return EmailChannel(SmtpCarrier(server), PlaybookRenderer(OnePlaybook(), QUESTIONS.url), OnePlaybook(), LINKS)


async def received(sandbox, **given):
    """The message as the inbox has it, after sending a touch."""
    await email(sandbox.smtp_port).send(touch(Channel.EMAIL, **given))
    arrival = sandbox.mail.list()[0]
    return arrival, parse(sandbox.mail.get(arrival.number)[1])


class TestSmtp(TouchChannelContract):
    kind = Channel.EMAIL
    vendor, sending = "smtp", "data"
    busy, broken = "450", "421"

    def channel(self, sandbox, **options):
        return email(sandbox.smtp_port, lookup_url=sandbox.url, **options)

    async def held(self, sandbox):
        return len(sandbox.mail.list())

    def unreachable(self):
        return email(1)

    async def test_a_refused_login_is_our_fault(self, sandbox):  # noqa: ARG002 - the contract's signature
        async with running_sandbox(smtp=_login()) as guarded:
            given = {"security": "none", "username": "tendril", "password": "wrong"}
            found = await self.fault(email(guarded.smtp_port, **given))
            assert isinstance(found, OurFault)
            assert found.status == 535
            assert not guarded.mail.list()


async def test_the_message_names_sender_lead_and_touch(sandbox):
    arrival, message = await received(sandbox)
    sender = minimal_compiled().document.sender
    assert message["From"] == f"{sender.name} <{sender.email}>"
    assert arrival.sender == sender.email
    assert (message["To"], arrival.to) == ("ada.sample@example.com", ("ada.sample@example.com",))
    assert message["Reply-To"] == sender.reply_to
    assert message["Message-ID"] == message_id("ld_aaaabbbbcccc/1/0/guide", sender)
    assert "ld_aaaabbbbcccc" not in message["Message-ID"]
    age = dt.datetime.now(dt.UTC) - parsedate_to_datetime(message["Date"])
    assert abs(age) < dt.timedelta(minutes=1)


async def test_the_message_has_both_parts_and_the_postal_address(sandbox):
    _, message = await received(sandbox)
    assert message.get_content_type() == "multipart/alternative"
    postal = minimal_compiled().document.sender.postal_address
    assert postal in body(message, "plain")
    assert postal in body(message, "html")


async def test_unsubscribing_takes_one_click(sandbox):
    """RFC 8058: an https URL that needs nothing but a POST, and the header that says so."""
    _, message = await received(sandbox)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = message["List-Unsubscribe"].strip("<>")
    token = url.removeprefix("https://nurture.example/u/")
    assert LINKS.verify(token) == ("ld_aaaabbbbcccc", "ld_aaaabbbbcccc/1/0/guide")
    assert url in body(message, "plain")


async def test_letters_of_every_alphabet_survive_the_way(sandbox):
    renderer = _Says("Grüße — 価格 €\r\nBcc: all@example.com", "<p>Ελληνικά 🌱</p>", "Ελληνικά 🌱\n.\nend\n")
    channel = EmailChannel(SmtpCarrier(SmtpServer("127.0.0.1", sandbox.smtp_port)), renderer, OnePlaybook(), LINKS)
    await channel.send(touch(Channel.EMAIL))
    message = parse(sandbox.mail.get(1)[1])
    assert message["Subject"] == "Grüße — 価格 € Bcc: all@example.com"
    assert message["Bcc"] is None
    assert body(message, "plain").split() == ["Ελληνικά", "🌱", ".", "end"]
    assert sandbox.mail.get(1)[1].isascii()


async def test_connections_are_used_again(sandbox):
    channel = email(sandbox.smtp_port, connections=1)
    for number in range(3):
        await channel.send(touch(Channel.EMAIL, key=f"ld_a/1/0/{number}"))
    carrier: Any = channel._carrier
    assert len(carrier._idle) == 1
    await channel.close()
    assert not carrier._idle


async def test_a_connection_that_the_server_closed_is_not_used_again():
    async with running_sandbox() as first:
        channel = email(first.smtp_port, connections=1)
        await channel.send(touch(Channel.EMAIL))
        carrier: Any = channel._carrier
        carrier._idle[0].close()
        await channel.send(touch(Channel.EMAIL, key="ld_a/1/0/again"))
        assert len(first.mail.list()) == 2


async def test_an_unknown_mailbox_is_about_the_lead(sandbox):
    sandbox.fail("smtp", "550", path="rcpt")
    with pytest.raises(LeadFault) as caught:
        await email(sandbox.smtp_port).send(touch(Channel.EMAIL))
    assert (caught.value.status, caught.value.code) == (550, "5.1.1")
    assert "ada.sample" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["", "ada.sample", "@example.com", "ada@sample@", "ädä@example.com", "a\nb@example.com"]
)
async def test_an_address_nobody_can_write_to_is_about_the_lead(sandbox, address):
    with pytest.raises(LeadFault):
        await email(sandbox.smtp_port).send(touch(Channel.EMAIL, email=address))
    assert not sandbox.mail.list()


async def test_a_domain_of_any_alphabet_is_written_to_in_ascii(sandbox):
    arrival, _ = await received(sandbox, email="ada@bücher.example")
    assert arrival.to == ("ada@xn--bcher-kva.example",)


async def test_without_an_inbox_to_ask_nobody_can_tell(sandbox):
    with pytest.raises(CannotTell):
        await email(sandbox.smtp_port).lookup(touch(Channel.EMAIL))


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_leaves_encrypted_and_with_a_login(tmp_path, security):
    certificate, context = certificate_in(tmp_path)
    options = {"tls_context": context, "require_starttls": True} if security == "starttls" else {}
    async with running_sandbox(smtp=options | _login(plain=security != "starttls")) as guarded:
        port = guarded.smtp_port
        if security == "tls":
            port = await _wrapped(guarded, context)
        given = {"security": security, "ca": certificate, "username": "tendril", "password": "right"}
        await email(port, **given).send(touch(Channel.EMAIL))
        assert len(guarded.mail.list()) == 1


async def test_an_untrusted_certificate_is_our_fault(tmp_path):
    _, context = certificate_in(tmp_path)
    async with running_sandbox(smtp={"tls_context": context}) as guarded:
        with pytest.raises(OurFault, match="certificate is not trusted"):
            await email(guarded.smtp_port, security="starttls").send(touch(Channel.EMAIL))


async def test_a_server_without_starttls_gets_no_mail_in_the_clear(sandbox):
    with pytest.raises(OurFault, match="STARTTLS"):
        await email(sandbox.smtp_port, security="starttls").send(touch(Channel.EMAIL))
    assert not sandbox.mail.list()


@pytest.mark.parametrize(
    ("step", "reply", "text", "expected"),
    [
        (Step.RECIPIENT, 550, "5.1.1 unknown", LeadFault),
        (Step.RECIPIENT, 550, "no such user here", LeadFault),
        (Step.RECIPIENT, 552, "5.2.2 mailbox full", LeadFault),
        (Step.RECIPIENT, 450, "4.2.0 greylisted", TransientFault),
        (Step.RECIPIENT, 554, "5.7.1 Relay access denied", OurFault),
        (Step.RECIPIENT, 550, "relaying not permitted", OurFault),
        (Step.RECIPIENT, 550, "5.7.26 unauthenticated mail from the domain", OurFault),
        (Step.RECIPIENT, 503, "bad sequence", OurFault),
        (Step.SENDER, 550, "5.1.8 sender unknown", OurFault),
        (Step.SENDER, 530, "5.7.0 authentication required", OurFault),
        (Step.DATA, 554, "5.7.1 looks like spam", OurFault),
        (Step.DATA, 550, "5.1.1 unknown", LeadFault),
        (Step.DATA, 451, "4.3.0 later", TransientFault),
        (Step.CONNECT, 421, "too many connections", TransientFault),
        (Step.CONNECT, 554, "no SMTP service here", OurFault),
        (Step.LOGIN, 535, "5.7.8 bad credentials", OurFault),
    ],
)
def test_a_reply_means_somebodys_fault(step, reply, text, expected):
    found = fault(step, reply, f"{text} <ada.sample@example.com>")
    assert type(found) is expected
    assert found.certainly_not_sent
    assert "ada" not in str(found)


@pytest.mark.parametrize(
    ("reply", "text", "for_good"), [(550, "5.1.1 unknown", True), (552, "5.2.2 mailbox full", False), (552, "", False)]
)
def test_a_full_mailbox_is_not_for_good(reply, text, for_good):
    found = fault(Step.RECIPIENT, reply, text)
    assert isinstance(found, LeadFault)
    assert found.for_good == for_good


def test_links_survive_a_new_secret_but_not_a_changed_letter():
    old = UnsubscribeLinks("https://nurture.example", ["first-secret"]).token("ld_a", "ld_a/1/0/x")
    assert LINKS.verify(old) == ("ld_a", "ld_a/1/0/x")
    with pytest.raises(Refused):
        LINKS.verify("x" + old)
    with pytest.raises(Refused):
        UnsubscribeLinks("https://nurture.example", ["other"]).verify(old)


def test_a_link_to_a_question_is_no_way_out_and_the_other_way_round():
    token = QUESTIONS.token("ld_a", "ld_a/1/0/x", "role")
    assert QUESTIONS.verify(token) == ("ld_a", "ld_a/1/0/x", "role")
    assert QUESTIONS.url("ld_a", "ld_a/1/0/x", "role") == f"https://nurture.example/q/{token}"
    with pytest.raises(Refused, match="unsubscribe link is damaged"):
        LINKS.verify(token)
    for damaged in (LINKS.token("ld_a", "ld_a/1/0/x"), token[:-1], ""):
        with pytest.raises(Refused, match="question link is damaged"):
            QUESTIONS.verify(damaged)


def test_no_link_leads_to_what_looks_like_a_hidden_file():
    key = "ld_4x6guruhozi7/1/0/" + "a" * 60
    compressed = URLSafeSerializer(
        "second-secret", salt="tendril.unsubscribe", signer_kwargs={"key_derivation": "hmac", "digest_method": sha256}
    ).dumps(["ld_4x6guruhozi7", key])
    assert compressed.startswith(".")
    assert LINKS.verify(compressed) == ("ld_4x6guruhozi7", key), "older mail has such links"
    assert not LINKS.token("ld_4x6guruhozi7", key).startswith(".")
    assert not QUESTIONS.token("ld_4x6guruhozi7", key, "role").startswith(".")


class _Says:
    """A renderer that says what it was told to."""

    def __init__(self, subject, html, text):
        self._mail = RenderedEmail(subject=subject, html=html, text=text)

    async def email(self, _touch, _unsubscribe_url):
        return self._mail


def _login(*, plain=True):
    def authenticate(_server, _session, _envelope, _mechanism, given):
        assert isinstance(given, LoginPassword)
        right = (given.login, given.password) == (b"tendril", b"right")
        return AuthResult(success=right, handled=False)

    return {"authenticator": authenticate, "auth_required": True, "auth_require_tls": not plain}


async def _wrapped(guarded, context):
    """A port where the same receiver is reached over TLS from the first byte."""

    async def forward(reader, writer):
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", guarded.smtp_port)
        await asyncio.gather(_pipe(reader, inner_writer), _pipe(inner_reader, writer))

    server = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context)
    return server.sockets[0].getsockname()[1]


async def _pipe(reader, writer):
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.close()


async def test_who_finds_every_connection_in_use_says_that_nothing_was_sent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(smtp, "_SLOT", 0.01)
    with pytest.raises(TransientFault, match="in use") as busy:
        await email(1, connections=0).send(touch(Channel.EMAIL))
    assert busy.value.certainly_not_sent
