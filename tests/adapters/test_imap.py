"""Replies read from a mailbox, and the mailbox left as it was."""

import asyncio
import imaplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from adapters.email.imap import VENDOR, ImapMailbox, ImapSettings, Place
from domain.errors import OurFault, TransientFault
from sandbox.imap import PASSWORD, listen
from sandbox.mail import MailStore
from tests.adapters.certificates import certificate_in
from tests.adapters.test_mail_in import reply


def settings(port: int, **given) -> ImapSettings:
    usual = {"host": "127.0.0.1", "port": port, "security": "none", "username": "replies", "password": PASSWORD}
    return ImapSettings(**(usual | given))  # type: ignore[arg-type]


@asynccontextmanager
async def inbox(store: MailStore) -> AsyncIterator[int]:
    server = await listen(store, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def filled(number: int) -> MailStore:
    store = MailStore()
    for _ in range(number):
        store.add("ada@example.org", ["replies@example.com"], reply())
    return store


async def read(mailbox: ImapMailbox, since: Place | None = None, limit: int = 50) -> tuple[list[bytes], Place]:
    """The mails, and the place after them."""
    found, after = [], since
    async for after, raw in mailbox.came(since, datetime.now(UTC), limit):  # noqa: B007 - the last one counts
        found += [raw] if raw is not None else []
    assert after is not None
    return found, after


async def test_what_came_is_read_once_and_then_only_what_is_new():
    store = filled(3)
    async with inbox(store) as port:
        mailbox = ImapMailbox(settings(port))
        found, place = await read(mailbox)
        assert found == [reply()] * 3
        assert await read(mailbox, place) == ([], place), "n:* names the last mail, which was read"
        store.add("ada@example.org", ["replies@example.com"], reply() + b"again")
        again, _ = await read(ImapMailbox(settings(port)), place)
        assert again == [reply() + b"again"], "by whoever reads on"


async def test_many_mails_are_read_by_portions():
    async with inbox(filled(5)) as port:
        mailbox, place, numbers = ImapMailbox(settings(port)), None, []
        for _ in range(4):
            found, place = await read(mailbox, place, limit=2)
            numbers.append(len(found))
    assert numbers == [2, 2, 1, 0]


async def test_a_mailbox_that_numbers_anew_is_read_from_a_week_back():
    async with inbox(filled(2)) as port:
        found, place = await read(ImapMailbox(settings(port)), Place(validity=7, next_uid=900))
        assert len(found) == 2
        assert place.validity != 7


async def test_an_empty_mailbox_has_a_place_too():
    store = MailStore()
    async with inbox(store) as port:
        found, place = await read(ImapMailbox(settings(port)))
        assert (found, place.next_uid) == ([], 1)


async def test_of_a_large_mail_the_beginning_is_read():
    store = MailStore()
    store.add("ada@example.org", ["replies@example.com"], reply() + b"x" * 100_000)
    async with inbox(store) as port:
        found, _ = await read(ImapMailbox(settings(port, most_bytes=4096)))
        assert [len(raw) for raw in found] == [4096]
        assert found[0].startswith(reply())


@pytest.mark.parametrize(("wrong", "code"), [({"password": "x"}, "login"), ({"folder": "Nowhere"}, "folder")])
async def test_a_refusal_that_lasts_is_our_fault(wrong, code):
    async with inbox(filled(1)) as port:
        mailbox = ImapMailbox(settings(port, **wrong))
        with pytest.raises(OurFault) as caught:
            await read(mailbox)
        assert caught.value.code == code
        [finding] = await VENDOR.check(mailbox)
        assert (finding.well, bool(finding.remedy)) == (False, True)


async def test_a_server_that_is_not_there_is_nobodys_fault():
    with pytest.raises(TransientFault):
        await read(ImapMailbox(settings(1)))
    async with inbox(filled(1)) as port:
        with pytest.raises((TransientFault, OurFault)):
            await read(ImapMailbox(settings(port, security="tls", timeout=2)))


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_over_tls_mail_is_read_from_a_server_that_somebody_vouches_for(security, tmp_path, monkeypatch):
    trusted, context = certificate_in(tmp_path)
    heard: list[str] = []
    server = await listen(filled(2), "127.0.0.1", 0, heard, **{security: context})
    mailbox = ImapMailbox(settings(server.sockets[0].getsockname()[1], security=security))
    with pytest.raises(OurFault) as caught:
        await read(mailbox)
    assert caught.value.code == "certificate"
    assert not [line for line in heard if PASSWORD in line], "nobody was told the password"

    monkeypatch.setenv("SSL_CERT_FILE", trusted)
    found, _ = await read(mailbox)
    server.close()
    assert found == [reply()] * 2


async def test_without_starttls_where_that_is_wanted_nobody_is_told_the_password():
    heard: list[str] = []
    server = await listen(filled(1), "127.0.0.1", 0, heard)
    with pytest.raises(OurFault, match="does not offer STARTTLS"):
        await read(ImapMailbox(settings(server.sockets[0].getsockname()[1], security="starttls")))
    server.close()
    assert not [line for line in heard if "LOGIN" in line]


async def test_connecting_finds_everything_in_order():
    async with inbox(filled(1)) as port:
        assert [one.well for one in await VENDOR.check(ImapMailbox(settings(port)))] == [True]


async def test_pythons_own_client_reads_the_stand_in():
    async with inbox(filled(2)) as port:

        def visited() -> tuple[bytes, bytes]:
            with imaplib.IMAP4("127.0.0.1", port) as client:
                client.login("replies", PASSWORD)
                client.select("INBOX", readonly=True)
                _, (numbers,) = client.uid("search", "UID 2:*")
                _, fetched = client.uid("fetch", "2", "(BODY.PEEK[])")
                return numbers, fetched[0][1]

        assert await asyncio.to_thread(visited) == (b"2", reply())


async def test_nothing_is_asked_that_would_change_the_mailbox():
    """Not even a flag: opened read-only, and looked at without taking it for read."""
    heard: list[str] = []
    server = await listen(filled(2), "127.0.0.1", 0, heard)
    await read(ImapMailbox(settings(server.sockets[0].getsockname()[1])))
    server.close()
    words = [line.split(" ", 1)[1] for line in heard]
    assert {word.split(" ")[0] for word in words} == {"CAPABILITY", "LOGIN", "EXAMINE", "UID", "LOGOUT"}
    asked = [word for word in words if word.startswith("UID")]
    assert all(word.startswith(("UID SEARCH ", "UID FETCH ")) for word in asked)
    assert all("BODY.PEEK[]" in word for word in asked if "FETCH" in word)


async def test_long_ago_is_not_asked_for():
    store = filled(1)
    async with inbox(store) as port:
        found = [
            raw async for _, raw in ImapMailbox(settings(port)).came(None, datetime.now(UTC) + timedelta(days=30), 9)
        ]
        assert found == [None]


async def test_nothing_that_was_read_is_in_the_log(caplog: pytest.LogCaptureFixture):
    with caplog.at_level("DEBUG"):
        async with inbox(filled(1)) as port:
            assert len((await read(ImapMailbox(settings(port))))[0]) == 1
    assert not [record for record in caplog.records if "imap" in record.name]
