"""DKIM signatures on mail that a real receiver got, verified by dkimpy as a receiver of mail would."""

import asyncio
from functools import cache
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pydantic import SecretStr

from adapters.email.dkim import Signer, signer
from adapters.email.smtp import SmtpCarrier, SmtpServer
from domain.errors import OurFault, Refused
from domain.ports import RenderedEmail
from runtime.settings import Settings
from runtime.vendors import open_vendors
from tests.adapters.mails import mail
from tests.adapters.touches import OnePlaybook

SENDER = mail().sender.email
DOMAIN = SENDER.rpartition("@")[2]


@cache
def pem(kind: str = "rsa") -> str:
    keys = {
        "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "weak": lambda: rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505 - the least there is
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    }
    return _written(keys[kind](), serialization.NoEncryption())


async def received(sandbox, made: Signer, **given) -> bytes:
    """The message as the receiver got it."""
    carrier = SmtpCarrier(SmtpServer("127.0.0.1", sandbox.smtp_port), made)
    await carrier.carry(mail(**given))
    await carrier.close()
    content: bytes = sandbox.mail.get(1)[1]
    return content


def verified(message: bytes, made: Signer, domain: str = DOMAIN) -> bool:
    """As a receiver does it, with a DNS that has the record of the key and nothing else."""
    records = {f"s1._domainkey.{domain}.".encode(): made.record.encode()}
    return bool(dkim.verify(message, dnsfunc=lambda name, timeout=5: records.get(name)))  # noqa: ARG005 - dkimpy's


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
@pytest.mark.parametrize("escaped", [False, True], ids=["lines", "escaped"])
async def test_what_a_receiver_gets_is_signed_for_the_senders_domain(sandbox, kind, escaped):
    key = pem(kind).replace("\n", "\\n") if escaped else pem(kind)
    made = signer(DOMAIN, "s1", key, None)
    assert made is not None
    message = await received(sandbox, made)
    assert verified(message, made)
    assert message.startswith(b"DKIM-Signature: v=1; a=" + kind.encode() + b"-sha256; c=relaxed/relaxed;")


async def test_letters_of_every_alphabet_and_a_long_text_survive_the_way_signed(sandbox):
    text = "Ελληνικά 🌱  \n.\n\n" + "a long line " * 200 + "\n\n\n"
    rendered = RenderedEmail(subject="Grüße — 価格 €" * 9, html="<p>Ελληνικά</p>\n", text=text)
    made = Signer([DOMAIN], "s1", pem().encode())
    assert verified(await received(sandbox, made, rendered=rendered), made)


@pytest.mark.parametrize(
    "header", ["From", "To", "Subject", "Date", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post"]
)
async def test_what_is_changed_or_added_on_the_way_breaks_the_signature(sandbox, header):
    """RFC 8058: what unsubscribes with one click has to be signed."""
    made = Signer([DOMAIN], "s1", pem().encode())
    message = await received(sandbox, made)
    assert header.encode() + b": " in message
    assert not verified(message.replace(header.encode() + b": ", header.encode() + b": x", 1), made)
    if header != "Date":
        assert not verified(header.encode() + b": another <a@example.com>\r\n" + message, made)


async def test_a_changed_text_breaks_the_signature_and_folded_headers_do_not(sandbox):
    made = Signer([DOMAIN], "s1", pem().encode())
    message = await received(sandbox, made)
    assert not verified(message.replace(b"Hello", b"Hullo", 1), made)
    assert verified(message.replace(b"Subject: A guide", b"subject:  A\r\n  guide"), made)


async def test_an_answer_address_that_is_not_there_can_not_be_added(sandbox):
    made = Signer([DOMAIN], "s1", pem().encode())
    message = await received(sandbox, made, sender={"reply_to": ""})
    assert verified(message, made)
    assert not verified(b"Reply-To: other@example.com\r\n" + message, made)


@pytest.mark.parametrize(
    ("domains", "sender", "signed_for"),
    [
        (["example.com"], "mail.example.com", "example.com"),
        (["mail.example.com"], "example.com", "mail.example.com"),
        (["example.com", "mail.example.com", "other.example"], "mail.example.com", "mail.example.com"),
        (["other.example", "example.com"], "Example.COM", "example.com"),
        (["bücher.example"], "bücher.example", "xn--bcher-kva.example"),
        (["example.com"], "example.org", None),
        (["example.com"], "badexample.com", None),
        (["mail.example.com"], "news.example.com", None),
    ],
    ids=range(8),
)
def test_a_signature_aligns_with_the_sender_or_the_mail_is_held(domains, sender, signed_for):
    made = Signer(domains, "s1", pem("ed25519").encode())
    if signed_for:
        assert f"d={signed_for};".encode() in made.signed(b"From: a@b.example\r\n\r\nx\r\n", f"hello@{sender}")
        return
    with pytest.raises(OurFault, match="DMARC would fail") as caught:
        made.signed(b"From: a@b.example\r\n\r\nx\r\n", f"hello@{sender}")
    assert caught.value.certainly_not_sent


def test_without_settings_nothing_is_signed():
    assert signer("", "", "", None) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((DOMAIN, "", "key", None), "TENDRIL_DKIM_SELECTOR is not set"),
        (("", "s1", "key", None), "TENDRIL_DKIM_DOMAIN is not set"),
        ((DOMAIN, "s1", "", None), "TENDRIL_DKIM_KEY .or TENDRIL_DKIM_KEY_FILE. is not set"),
        ((DOMAIN, "s1", "key", Path("dkim.pem")), "two DKIM keys"),
        (("localhost", "s1", "key", None), "“localhost”, which is no domain"),
        ((DOMAIN, "s1", "", Path("/nowhere/dkim.pem")), "can't be read: No such file or directory"),
        ((DOMAIN, "s1", "-----BEGIN PRIVATE KEY-----", None), "no private key in PEM"),
        ((DOMAIN, "s1", "ec", None), "neither an RSA key of 1024 bits or more nor an Ed25519 key"),
        ((DOMAIN, "s1", "locked", None), "has a password"),
    ],
    ids=range(9),
)
def test_a_wrong_setting_is_told_in_one_message(given, said):
    domain, selector, key, file = given
    locked = serialization.BestAvailableEncryption(b"secret")
    keys = {"ec": lambda: pem("ec"), "locked": lambda: _written(ed25519.Ed25519PrivateKey.generate(), locked)}
    with pytest.raises(Refused, match=said) as caught:
        signer(domain, selector, keys[key]() if key in keys else key, file)
    assert caught.value.remedy
    assert "PRIVATE" not in str(caught.value)


def test_a_key_comes_from_a_file(tmp_path):
    file = tmp_path / "dkim.pem"
    file.write_text(pem("weak"))
    made = signer(f"{DOMAIN}, other.example", "s1", "", file)
    assert made.record.startswith("v=DKIM1; k=rsa; p=MIG")


async def test_a_wrong_key_ends_the_worker_at_its_start():
    settings = Settings(dkim_domain=DOMAIN, dkim_selector="s1", dkim_key=SecretStr("wrong"))
    with pytest.raises(Refused, match="no private key in PEM"):
        async with open_vendors(settings, OnePlaybook()):
            pass


async def test_many_mails_at_once_are_each_signed(sandbox):
    made = Signer([DOMAIN], "s1", pem().encode())
    carrier = SmtpCarrier(SmtpServer("127.0.0.1", sandbox.smtp_port), made)
    await asyncio.gather(*(carrier.carry(mail(f"ld_a/1/0/step-{number}")) for number in range(8)))
    await carrier.close()
    assert all(verified(sandbox.mail.get(number)[1], made) for number in range(1, 9))


def _written(key, lock: serialization.KeySerializationEncryption) -> str:
    content: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    return content.decode()
